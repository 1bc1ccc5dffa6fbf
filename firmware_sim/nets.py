"""What the pins of a unit are wired to: nets that pins drive, pull and read, joined by switches.

The level of an input follows from everything that is joined to it. A low pin that meets a high one is a
short, and counted.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

GROUND = -1


@dataclass(slots=True)
class NetPin:
    """One pin: what it drives (None: nothing), and whether it is pulled up."""

    drives: bool | None = None
    is_pulled_up: bool = False


@dataclass(slots=True)
class Switch:
    """A contact between two pins, or a pin and ground."""

    one: int
    other: int = GROUND
    is_closed: bool = False


@dataclass(slots=True)
class Nets:
    """All pins and switches of one unit."""

    pins: dict[int, NetPin] = field(default_factory=dict)
    switches: list[Switch] = field(default_factory=list)
    shorts: int = 0

    def switch(self, one: int, other: int = GROUND, is_closed: bool = False) -> Switch:
        """A new switch."""
        made = Switch(one, other, is_closed)
        self.switches.append(made)
        return made

    def level(self, number: int) -> bool:
        """What an input reads at this pin: low if anything joined to it is low."""
        joined = list(self._joined(number))
        members = [self.pins[each] for each in joined if each in self.pins]
        driven = {pin.drives for pin in members if pin.drives is not None}
        if GROUND in joined:
            driven.add(False)
        self.shorts += len(driven) == 2
        if driven:
            return False not in driven
        return any(pin.is_pulled_up for pin in members)

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
            if at != GROUND:
                todo += [end for each in self._closed_at(at) for end in (each.one, each.other)]

    def _closed_at(self, number: int) -> Iterator[Switch]:
        return (each for each in self.switches if each.is_closed and number in (each.one, each.other))


class Machine:
    """Stands for MicroPython's module `machine` on a unit whose pins are wired to `nets`."""

    def __init__(self, nets: Nets) -> None:
        """`Pin` as firmware finds it in the module."""

        class Pin(_Pin):
            board = nets

        self.Pin = Pin


class _Pin:
    IN, OUT, OPEN_DRAIN = 0, 1, 2
    PULL_UP = 1
    board: Nets

    def __init__(
        self, number: int, mode: int = IN, pull: int | None = None, value: int | None = None
    ) -> None:
        self._pin = self.board.pins[number] = NetPin(is_pulled_up=pull == self.PULL_UP)
        self._number = number
        self._mode = mode
        if mode != self.IN:
            self._drive(value or 0)

    def value(self, level: int | None = None) -> int:
        """Read, or, with a level, drive: what an open-drain pin does at 1 is nothing."""
        if level is None:
            return int(self.board.level(self._number))
        self._drive(level)
        return level

    def _drive(self, level: int) -> None:
        self._pin.drives = None if self._mode == self.OPEN_DRAIN and level else bool(level)
