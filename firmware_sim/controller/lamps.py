"""The light and the sounder on pins: follows what `Lights` says is to be seen and heard."""

from hal.osdp import records

try:
    from typing import Any

    from firmware_sim.controller.lights import Lights
except ImportError:
    # MicroPython has no typing, and evaluates no annotations.
    pass

_LAMPS = {
    records.BLACK: (0, 0, 0),
    records.RED: (1, 0, 0),
    records.GREEN: (0, 1, 0),
    records.AMBER: (1, 1, 0),
    records.BLUE: (0, 0, 1),
}
"""Red, green, blue."""


class Lamps:
    """Pins that are high while the lamp is lit or the sounder sounds; None for one that is not there."""

    def __init__(self, machine: "Any", lamps: "list[int | None]", sounder: "int | None") -> None:
        """`lamps`: the pins of red, green and blue."""
        pins = list(lamps) + [sounder]
        self._pins = [None if one is None else machine.Pin(one, machine.Pin.OUT, value=0) for one in pins]
        self._levels = [0] * len(pins)

    def follow(self, lights: "Lights") -> None:
        """Switch what has to be switched."""
        wanted = list(_LAMPS.get(lights.colour(), (0, 0, 0))) + [1 if lights.is_loud() else 0]
        for number, pin in enumerate(self._pins):
            if pin is not None and wanted[number] != self._levels[number]:
                pin.value(wanted[number])
        self._levels = wanted
