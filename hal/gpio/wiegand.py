"""A Wiegand keypad on two pins. Legacy: whoever holds the wires reads every code, and can play it back."""

from collections.abc import Mapping
from queue import SimpleQueue
from typing import Any, Literal

import msgspec
from gpiozero import Device as Gpio
from gpiozero import DigitalInputDevice

from hal import wiegand
from hal.gpio.pins import Pin, claiming
from hal.gpio.poller import POLLER, Polled
from hal.osdp.line import Line
from hal.ports import Device, KeyPressed, KeysLost, Post

_SILENCE_S = 0.030
"""Bits of one burst follow within 20 ms (SIA AC-01)."""
_LONGEST_BURST = 64


class WiegandOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Keys of a device with `driver = "wiegand-keypad"`. 5 V outputs need a level shifter."""

    data0: Pin
    data1: Pin
    bits: Literal[4, 6, 8, 26] = 8
    """Of a burst. 8 where the keypad can: there a lost or flipped bit shows."""


class WiegandKeypad(Device, Polled):
    """Posts `KeyPressed` from the pins' thread, and `KeysLost` for a burst that cannot be: a code in which a
    key may be missing or wrong is void."""

    Options = WiegandOptions

    def __init__(self, name: str, options: WiegandOptions, lines: Mapping[str, Line], post: Post) -> None:
        del lines
        self._name = name
        self._post = post
        self._expected = options.bits
        with claiming(name):
            self._inputs = [DigitalInputDevice(each, pull_up=True) for each in (options.data0, options.data1)]
        self._bits: SimpleQueue[tuple[str, Any]] = SimpleQueue()
        self._burst = ""
        self._last: Any = None
        """When the last bit came, in ticks of the pins."""
        self._quiet_since_s: float | None = None

    def start(self) -> None:
        """See `Device`."""
        for each, fell in zip(self._inputs, (self._zero, self._one), strict=True):
            each.pin.edges = "falling"
            each.pin.when_changed = fell  # held weakly by gpiozero: a method of ours lives as long as we do
        POLLER.add(self._name, self, self._post)

    def close(self) -> None:
        """See `Device`."""
        for each in self._inputs:
            each.pin.when_changed = None
        POLLER.remove(self._name)

    # On the thread of the pin library, which an exception would end: nothing but a queue.

    def _zero(self, ticks: Any, state: Any) -> None:
        del state
        self._bits.put(("0", ticks))

    def _one(self, ticks: Any, state: Any) -> None:
        del state
        self._bits.put(("1", ticks))

    def poll(self, now_s: float) -> bool:
        """See `Polled`."""
        has_come = not self._bits.empty()
        while not self._bits.empty():
            self._take(*self._bits.get())
        if has_come or not self._burst:
            self._quiet_since_s = now_s
        elif self._quiet_since_s is not None and now_s - self._quiet_since_s >= _SILENCE_S:
            self._end()
        return True

    def _take(self, bit: str, ticks: Any) -> None:
        if self._burst and Gpio.pin_factory.ticks_diff(ticks, self._last) >= _SILENCE_S:
            self._end()
        self._last = ticks
        if len(self._burst) < _LONGEST_BURST:
            self._burst += bit

    def _end(self) -> None:
        burst, self._burst = self._burst, ""
        keys = wiegand.keys(burst) if len(burst) == self._expected else None
        if keys is None:
            self._post(KeysLost(self._name))
        for key in keys or "":
            self._post(KeyPressed(self._name, key))
