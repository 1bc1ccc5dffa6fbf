"""The keypad matrix on the pins of a microcontroller: open-drain rows, columns with pull-ups."""

from hal.scan import PERIOD_MS, Scan

try:
    from typing import Any
except ImportError:
    # MicroPython has no typing, and evaluates no annotations.
    pass

_SCANS_AFTER_RELEASE = 10


class Matrix:
    """At rest all rows are low, and one look at the columns says whether anything is touched."""

    def __init__(self, machine: "Any", rows: "list[int]", columns: "list[int]", layout: "list[str]") -> None:
        """`machine`: the module of MicroPython, or what stands for it."""
        self._rows = [machine.Pin(number, machine.Pin.OPEN_DRAIN, value=1) for number in rows]
        self._columns = [machine.Pin(number, machine.Pin.IN, machine.Pin.PULL_UP) for number in columns]
        self._scan = Scan(layout)
        self._scans_left = _SCANS_AFTER_RELEASE
        self._is_resting = False
        self._since_ms = 0

    @property
    def stuck(self) -> int:
        """How many keys have been down for too long."""
        return self._scan.stuck

    def look(self, elapsed_ms: int) -> str:
        """The keys that went down. After a pause there is one look: nobody knows what was meanwhile."""
        if self._is_resting and not self._closed_columns():
            return ""
        self._since_ms += elapsed_ms
        if self._since_ms < PERIOD_MS:
            return ""
        self._since_ms = 0
        self._drive(1)
        closed = [self._closed_in(row) for row in self._rows]
        keys = self._scan.sample(closed)
        self._scans_left = _SCANS_AFTER_RELEASE if max(closed) else self._scans_left - 1
        if not self._scans_left:
            self._drive(0)
            self._scans_left = _SCANS_AFTER_RELEASE
        return keys

    def due_ms(self) -> "int | None":
        """Milliseconds until the next look has to be; None while it can wait for a touch."""
        return None if self._is_resting else max(0, PERIOD_MS - self._since_ms)

    def _drive(self, level: int) -> None:
        self._is_resting = level == 0
        for row in self._rows:
            row.value(level)

    def _closed_in(self, row: "Any") -> int:
        row.value(0)
        closed = self._closed_columns()
        row.value(1)
        return closed

    def _closed_columns(self) -> int:
        closed = 0
        for number, column in enumerate(self._columns):
            if not column.value():
                closed |= 1 << number
        return closed
