"""Lights and a sounder on GPIO pins. Patterns look as they do on an OSDP reader."""

from collections.abc import Mapping
from dataclasses import dataclass
from queue import SimpleQueue

import msgspec
from gpiozero import OutputDevice

from hal.gpio.pins import Pin, claiming
from hal.gpio.poller import POLLER, Polled
from hal.osdp import records
from hal.osdp.indicator import SHOWS, Show
from hal.osdp.line import Line
from hal.ports import Indicator, Pattern, Post

_LAMPS = {
    records.BLACK: frozenset[str](),
    records.RED: frozenset({"red"}),
    records.GREEN: frozenset({"green"}),
    records.AMBER: frozenset({"red", "green"}),
    records.BLUE: frozenset({"blue"}),
}


class IndicatorOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Keys of a device with `driver = "gpio-indicator"`. A high pin lights the lamp, or sounds."""

    red: Pin
    green: Pin
    blue: Pin | None = None
    """Without it the light is dark where it would be blue: when the keypad is ready."""
    sounder: Pin | None = None


@dataclass(frozen=True, slots=True)
class _Shown:
    """A pattern, and since when it shows."""

    show: Show
    since_s: float

    def is_over(self, now_s: float) -> bool:
        tenths = self.show.momentary_tenths
        return tenths > 0 and now_s - self.since_s >= tenths / 10

    def colour(self, now_s: float) -> int:
        light = self.show.light
        period = light.on_tenths + light.off_tenths
        return light.on if (now_s - self.since_s) * 10 % period < light.on_tenths else light.off

    def sounds(self, now_s: float) -> bool:
        on, off, times = self.show.beep or (0, 0, 1)
        turn, into = divmod((now_s - self.since_s) * 10, (on + off) or 1)
        return into < on and (not times or turn < times)


class GpioIndicator(Indicator, Polled):
    """Lamps and sounder are switched on the pins' thread."""

    Options = IndicatorOptions

    def __init__(self, name: str, options: IndicatorOptions, lines: Mapping[str, Line], post: Post) -> None:
        del lines
        self._name = name
        self._post = post
        wired = {
            "red": options.red,
            "green": options.green,
            "blue": options.blue,
            "sounder": options.sounder,
        }
        with claiming(name):
            self._outputs = {each: OutputDevice(pin) for each, pin in wired.items() if pin is not None}
        self._wishes: SimpleQueue[Pattern] = SimpleQueue()
        self._standing = _Shown(SHOWS[Pattern.READY], 0.0)
        self._momentary: _Shown | None = None
        self._is_on: frozenset[str] = frozenset()

    def start(self) -> None:
        """See `Device`."""
        POLLER.add(self._name, self, self._post)

    def close(self) -> None:
        """Dark and silent."""
        POLLER.remove(self._name)
        self._switch(frozenset())

    def show(self, pattern: Pattern) -> None:
        """See `Indicator`."""
        self._wishes.put(pattern)

    def poll(self, now_s: float) -> bool:
        """See `Polled`."""
        while not self._wishes.empty():
            shown = _Shown(SHOWS[self._wishes.get()], now_s)
            if shown.show.momentary_tenths:
                self._momentary = shown
            else:
                self._standing, self._momentary = shown, None
        if self._momentary and self._momentary.is_over(now_s):
            self._momentary = None
        shown = self._momentary or self._standing
        self._switch(_LAMPS[shown.colour(now_s)] | ({"sounder"} if shown.sounds(now_s) else frozenset()))
        return True

    def _switch(self, wanted: frozenset[str]) -> None:
        """Only what changes: the pins are looked after two hundred times a second."""
        for each in (wanted ^ self._is_on) & self._outputs.keys():
            self._outputs[each].value = each in wanted
        self._is_on = wanted
