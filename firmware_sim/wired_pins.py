"""gpiozero's mock pins on a board of nets: what they drive and pull goes out, what the nets carry comes in.

Stock mock pins hide what this shows: an input follows everything that is joined to it, and a pin that becomes
an output is low first.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gpiozero import Device
from gpiozero.pins.mock import MockFactory, MockPin

from firmware_sim import nets
from firmware_sim.nets import GROUND, Switch


class Board:
    """All pins that were asked for, and the switches between them."""

    def __init__(self) -> None:
        self.pins: dict[int, WiredPin] = {}
        self._nets = nets.Nets()

    @property
    def shorts(self) -> int:
        """How often a low pin was found to meet a high one."""
        return self._nets.shorts

    def switch(self, one: int, other: int = GROUND, is_closed: bool = False) -> Switch:
        """A new switch."""
        return self._nets.switch(one, other, is_closed)

    def cut_all(self) -> None:
        """Take every switch away."""
        self._nets.switches.clear()

    def set(self, switch: Switch, is_closed: bool) -> None:
        """Close or open a switch, and let every input follow."""
        switch.is_closed = is_closed
        self.settle()

    def settle(self) -> None:
        """Every pin does to its net what it is set to, and every input reads what its net carries."""
        for number, pin in self.pins.items():
            self._nets.pins[number] = pin.on_the_net()
        for number, pin in list(self.pins.items()):
            if pin.function == "input":
                pin.follow(self._nets.level(number))


class WiredPin(MockPin):
    """A mock pin of a board."""

    board: Board

    def __init__(self, factory: Any, info: Any) -> None:
        super().__init__(factory, info)
        self._function: str = "input"
        self.is_broken = False
        self.reads = 0
        """How often its level was looked at."""
        self.board.pins[int(info.name.removeprefix("GPIO"))] = self

    def on_the_net(self) -> nets.NetPin:
        """What it does to its net."""
        drives = bool(self._state) if self._function == "output" else None
        return nets.NetPin(drives, self._pull == "up")

    def follow(self, is_high: bool) -> None:
        """The net has this level now."""
        if is_high:
            self.drive_high()
        else:
            self.drive_low()

    def _set_function(self, value: str) -> None:
        if value == "output" and self._function == "input":
            self._change_state(False)
        self._function = value
        self.board.settle()

    def _set_pull(self, value: str) -> None:
        self._pull = value
        self.board.settle()

    def _set_state(self, value: float) -> None:
        self._raise_if_broken()
        super()._set_state(value)
        self.board.settle()

    def _get_state(self) -> bool:
        self._raise_if_broken()
        self.reads += 1
        return bool(super()._get_state())

    def _raise_if_broken(self) -> None:
        if getattr(self, "is_broken", False):
            raise OSError("the pin is gone")


@contextmanager
def wired() -> Iterator[Board]:
    """A new board, from which gpiozero takes its pins meanwhile."""
    made = Board()

    class Pin(WiredPin):
        board = made

    Device.pin_factory = MockFactory(pin_class=Pin)
    try:
        yield made
    finally:
        Device.pin_factory.reset()
        Device.pin_factory = None
