"""One unit at a door: keypad, inputs, relays and lights on the pins of a microcontroller, OSDP on its line.

Runs on MicroPython with the module `machine`, and anywhere with what stands for it. It knows no access code
and keeps no key that was pressed once the host has fetched it.
"""

from firmware_sim.controller.debounce import Steady
from firmware_sim.controller.lamps import Lamps
from firmware_sim.controller.matrix import Matrix
from firmware_sim.controller.peripheral import Peripheral
from hal.osdp import secure

try:
    from collections.abc import Callable
    from typing import Any
except ImportError:
    # MicroPython has neither, and evaluates no annotations.
    pass

_CLOCK_MASK = 0x3FFFFFFF
_STEADY_MS = 50
_LOOK_MS = 5


class Unit:
    """Call `receive` for bytes of the line, and `step` at least when `due_ms` has passed.

    `settings` (`firmware_sim/controller/unit.example.json`): `address`, and what hangs on which pin.
    """

    def __init__(
        self,
        machine: "Any",
        settings: "dict[str, Any]",
        scbk: "bytes | None",
        aes: "secure.Aes",
        random_bytes: "Callable[[int], bytes]",
        keep_key: "Callable[[bytes], bool] | None" = None,
        keep_place: "Callable[[int, int], bool] | None" = None,
    ) -> None:
        """`scbk`, `keep_key`, `keep_place`: see `Peripheral`."""
        relays, inputs = settings.get("relays", []), settings.get("inputs", [])
        # First of all: a relay must be off before anything else happens.
        self._relays = [machine.Pin(one, machine.Pin.OUT, value=0) for one in relays]
        self._relay_levels = [0] * len(relays)
        keypad, tamper = settings.get("keypad"), settings.get("tamper")
        # OSDP has no word for a stuck key, so it is one more input, after those that are pins.
        self._stuck_input = len(inputs)
        all_inputs = len(inputs) + (1 if keypad else 0)
        self.peripheral = Peripheral(
            settings["address"],
            scbk,
            aes,
            random_bytes,
            outputs=len(relays),
            inputs=all_inputs,
            keep_key=keep_key,
            keep_place=keep_place,
        )
        self._matrix = (
            Matrix(machine, keypad["rows"], keypad["columns"], keypad["layout"]) if keypad else None
        )
        self._inputs = [_Contact(machine, one) for one in inputs]
        self._tamper = _Contact(machine, tamper) if tamper else None
        self._lamps = Lamps(machine, settings.get("lamps", [None] * 3), settings.get("sounder"))
        self._now_ms = 0
        self._is_first = True

    def receive(self, data: bytes, now_ms: int) -> bytes:
        """Bytes from the line; returns what to answer, mostly nothing."""
        self._look(now_ms)
        answer = self.peripheral.receive(data, now_ms)
        self._show()
        return answer

    def step(self, now_ms: int) -> None:
        """Let time pass up to `now_ms`, and look at all pins."""
        self._look(now_ms)
        self.peripheral.step(now_ms)
        self._show()

    def due_ms(self) -> "int | None":
        """Milliseconds from the last step until something happens by itself; a pin that changes is sooner."""
        due = [self.peripheral.due_ms(), self.peripheral.lights.phase_due_ms()]
        due.append(self._matrix.due_ms() if self._matrix else None)
        if [one for one in self._inputs + [self._tamper] if one is not None and not one.is_settled()]:
            due.append(_LOOK_MS)
        running = [one for one in due if one is not None]
        return min(running) if running else None

    def _look(self, now_ms: int) -> None:
        elapsed_ms = 0 if self._is_first else (now_ms - self._now_ms) & _CLOCK_MASK
        self._now_ms = now_ms
        self._is_first = False
        if self._matrix is not None:
            for key in self._matrix.look(elapsed_ms):
                self.peripheral.press(key)
            self.peripheral.set_input(self._stuck_input, self._matrix.stuck > 0)
        for number, one in enumerate(self._inputs):
            if one.look(elapsed_ms):
                self.peripheral.set_input(number, one.is_active())
        if self._tamper is not None and self._tamper.look(elapsed_ms):
            self.peripheral.set_tampered(self._tamper.is_active())

    def _show(self) -> None:
        for number, pin in enumerate(self._relays):
            level = 1 if self.peripheral.outputs.is_on(number) else 0
            if level != self._relay_levels[number]:
                self._relay_levels[number] = level
                pin.value(level)
        self._lamps.follow(self.peripheral.lights)


class _Contact:
    """An input pin with a pull-up: {"pin", "active": "low" or "high", "steady_ms"}."""

    def __init__(self, machine: "Any", settings: "dict[str, Any]") -> None:
        self._pin = machine.Pin(settings["pin"], machine.Pin.IN, machine.Pin.PULL_UP)
        self._active_high: bool = settings.get("active", "low") == "high"
        self._steady = Steady(settings.get("steady_ms", _STEADY_MS))

    def look(self, elapsed_ms: int) -> bool:
        return self._steady.look(bool(self._pin.value()), elapsed_ms)

    def is_active(self) -> bool:
        return self._steady.level is self._active_high

    def is_settled(self) -> bool:
        return self._steady.is_settled()
