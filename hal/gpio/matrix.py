"""A keypad matrix on GPIO pins: rows are pulled low one at a time, columns are read."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from gpiozero import DigitalInputDevice

from hal.gpio.pins import Pin, claiming
from hal.gpio.poller import POLLER, Polled
from hal.osdp.line import Line
from hal.ports import KEYS, Device, KeyPressed, Post, UnitFault
from hal.scan import Scan

Pins = Annotated[tuple[Pin, ...], msgspec.Meta(min_length=1, max_length=8)]

_SCANS_AFTER_RELEASE = 10
"""So many scans after the last closed key the rows rest again, all low: a touch is seen by one look then."""


class MatrixOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Keys of a device with `driver = "gpio-matrix"`."""

    rows: Pins
    columns: Pins
    layout: tuple[str, ...] = ("123", "456", "789", "*0#")
    """A text for each row, one key for each column; a space for a key that means nothing here."""


class GpioMatrix(Device, Polled):
    """Posts `KeyPressed` from the pins' thread. A stuck key is told as a fault; the others go on.

    A row is low or not driven at all, never high: two keys in one column would join a high row and a low one.
    """

    Options = MatrixOptions

    def __init__(self, name: str, options: MatrixOptions, lines: Mapping[str, Line], post: Post) -> None:
        """Raises ValueError when the layout does not fit the pins."""
        del lines
        _check(name, options)
        self._name = name
        self._post = post
        with claiming(name):
            # gpiozero has no open-drain output: a row is an input, and an output only while it is low.
            self._rows = [
                DigitalInputDevice(pin, pull_up=None, active_state=True).pin for pin in options.rows
            ]
            self._columns = [DigitalInputDevice(pin, pull_up=True).pin for pin in options.columns]
        self._layout = list(options.layout)
        self._scan = Scan(self._layout)
        self._scans_left = _SCANS_AFTER_RELEASE
        self._is_resting = False
        self._is_stuck = False

    def start(self) -> None:
        """See `Device`. A key that is down already does not count until it was up."""
        self._scan = Scan(self._layout)
        POLLER.add(self._name, self, self._post)

    def close(self) -> None:
        """Look no more. No row is driven afterwards."""
        POLLER.remove(self._name)
        self._let_go()

    def poll(self, now_s: float) -> bool:
        """See `Polled`."""
        del now_s
        if self._is_resting and not self._closed_columns():
            return True
        self._let_go()
        closed = [self._closed_in(row) for row in self._rows]
        for key in self._scan.sample(closed):
            self._post(KeyPressed(self._name, key))
        self._tell_stuck()
        self._scans_left = _SCANS_AFTER_RELEASE if any(closed) else self._scans_left - 1
        if self._scans_left <= 0:
            self._rest()
        return self._scan.is_settled

    def _rest(self) -> None:
        self._is_resting, self._scans_left = True, _SCANS_AFTER_RELEASE
        for row in self._rows:
            row.function, row.state = "output", 0

    def _let_go(self) -> None:
        if self._is_resting:
            self._is_resting = False
            for row in self._rows:
                row.function = "input"

    def _closed_in(self, row: Any) -> int:
        row.function, row.state = "output", 0
        closed = self._closed_columns()
        row.function = "input"
        return closed

    def _closed_columns(self) -> int:
        return sum(1 << number for number, column in enumerate(self._columns) if not column.state)

    def _tell_stuck(self) -> None:
        if (self._scan.stuck > 0) is not self._is_stuck:
            self._is_stuck = self._scan.stuck > 0
            what = "a key has been down for 20 s" if self._is_stuck else "no key is stuck any more"
            self._post(UnitFault(self._name, what, self._is_stuck))


def _check(name: str, options: MatrixOptions) -> None:
    rows, columns = len(options.rows), len(options.columns)
    if len(options.layout) != rows or any(len(keys) != columns for keys in options.layout):
        raise ValueError(f"device {name}: layout needs {rows} texts of {columns} keys, one text for each row")
    keys = "".join(options.layout).replace(" ", "")
    if wrong := sorted(set(keys) - set(KEYS)):
        raise ValueError(f"device {name}: layout has {wrong}; keys are {KEYS}, and a space for any other")
    if len(set(keys)) < len(keys):
        raise ValueError(f"device {name}: layout has a key twice")
    if missing := sorted({"#"} - set(keys)):
        raise ValueError(f"device {name}: layout has no {missing}: without it no code can be entered")
