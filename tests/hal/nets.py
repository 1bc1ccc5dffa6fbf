"""A board of nets behind gpiozero's mock pins: pins that drive, pull and read, joined by switches.

What stock mock pins hide is here: the level of an input follows from everything that is connected to it, a
pin that becomes an output is low first, and a low pin that meets a high one is a short.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from gpiozero import Device
from gpiozero.pins.mock import MockFactory, MockPin

GROUND = -1


@dataclass(slots=True)
class Switch:
    """A contact between two pins, or between a pin and ground."""

    one: int
    other: int
    is_closed: bool = False


@dataclass(slots=True)
class Nets:
    """All pins and switches of a board, and what they join."""

    pins: dict[int, "NetPin"] = field(default_factory=dict)
    switches: list[Switch] = field(default_factory=list)
    shorts: int = 0

    def switch(self, one: int, other: int = GROUND, is_closed: bool = False) -> Switch:
        """A new switch."""
        made = Switch(one, other, is_closed)
        self.switches.append(made)
        return made

    def set(self, switch: Switch, is_closed: bool) -> None:
        """Close or open a switch, and let every input follow."""
        switch.is_closed = is_closed
        self.settle()

    def settle(self) -> None:
        """Every input reads what its net carries."""
        for pin in list(self.pins.values()):
            if pin.function == "input":
                pin.follow(self._carries_high(pin.gpio))

    def _carries_high(self, number: int) -> bool:
        joined = list(self._joined(number))
        members = [self.pins[each] for each in joined if each in self.pins]
        driven = {bool(pin.state) for pin in members if pin.function == "output"}
        if GROUND in joined:
            driven.add(False)
        if len(driven) == 2:
            self.shorts += 1
        if driven:
            return False not in driven
        return any(pin.pull == "up" for pin in members)

    def _joined(self, number: int) -> Iterator[int]:
        """The pins of the net that `number` is in. Ground is an end: nothing is joined through it."""
        seen: set[int] = set()
        todo = [number]
        while todo:
            at = todo.pop()
            if at in seen:
                continue
            seen.add(at)
            yield at
            for switch in self._closed_at(at):
                todo += [switch.one, switch.other]

    def _closed_at(self, number: int) -> Iterator[Switch]:
        for switch in self.switches:
            if switch.is_closed and number != GROUND and number in (switch.one, switch.other):
                yield switch


class NetPin(MockPin):  # type: ignore[misc]
    """A mock pin on a board of nets."""

    nets: Nets

    def __init__(self, factory: Any, info: Any) -> None:
        super().__init__(factory, info)
        self.gpio = int(info.name.removeprefix("GPIO"))
        self._function: str = "input"
        self.nets.pins[self.gpio] = self
        self.is_broken = False

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
        self.nets.settle()

    def _set_pull(self, value: str) -> None:
        self._pull = value
        self.nets.settle()

    def _set_state(self, value: float) -> None:
        self._raise_if_broken()
        super()._set_state(value)
        self.nets.settle()

    def _get_state(self) -> bool:
        self._raise_if_broken()
        return bool(super()._get_state())

    def _raise_if_broken(self) -> None:
        if getattr(self, "is_broken", False):
            raise OSError("the pin is gone")


def wired() -> Nets:
    """A new board, from which gpiozero takes its pins from now on; `Device.pin_factory.reset()` ends it."""
    board = Nets()

    class Pin(NetPin):
        nets = board

    Device.pin_factory = MockFactory(pin_class=Pin)
    return board
