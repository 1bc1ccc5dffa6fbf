"""The light and the sounder of an OSDP reader."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from hal.osdp import codec, records
from hal.osdp.attached import line_of
from hal.osdp.events import Event, LinkUp
from hal.osdp.line import Line
from hal.ports import Indicator, Pattern, Post

_WITHIN_S = 2.0


@dataclass(frozen=True, slots=True)
class Show:
    """What one pattern looks and sounds like. Times are tenths of a second."""

    light: records.Light
    momentary_tenths: int = 0
    """0: it stands until the next one."""
    beep: tuple[int, int, int] | None = None
    """On, off, how often; 0 times sounds until told otherwise."""


def _blinking(one: int, other: int) -> records.Light:
    return records.Light(one, other, 5, 5)


SHOWS: Mapping[Pattern, Show] = {
    Pattern.READY: Show(records.steady(records.BLUE)),
    Pattern.KEY: Show(records.steady(records.BLACK), momentary_tenths=1, beep=(1, 1, 1)),
    Pattern.GRANTED: Show(records.steady(records.GREEN), momentary_tenths=30, beep=(2, 1, 1)),
    Pattern.DENIED: Show(records.steady(records.RED), momentary_tenths=10, beep=(1, 1, 3)),
    Pattern.IDENTIFY: Show(_blinking(records.GREEN, records.BLUE), momentary_tenths=100, beep=(2, 3, 20)),
    Pattern.PROGRAMMING: Show(_blinking(records.GREEN, records.BLACK)),
    Pattern.FAULT: Show(_blinking(records.RED, records.BLACK)),
    Pattern.LOCKED_OUT: Show(_blinking(records.RED, records.AMBER)),
    Pattern.CLOCK_UNKNOWN: Show(records.steady(records.AMBER)),
    Pattern.LOW_BATTERY: Show(records.Light(records.BLUE, records.RED, 18, 2)),
    Pattern.DEGRADED: Show(records.Light(records.BLUE, records.AMBER, 18, 2)),
    Pattern.PRE_ALARM: Show(_blinking(records.AMBER, records.GREEN), beep=(1, 9, 0)),
    Pattern.HELD: Show(_blinking(records.AMBER, records.BLACK), beep=(2, 8, 0)),
}
"""No two look the same."""


class IndicatorOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Keys of a device with `driver = "osdp-indicator"`."""

    reader: str


class OsdpIndicator(Indicator):
    """A standing pattern is sent again at every session start; a momentary one that is late is not shown."""

    Options = IndicatorOptions

    def __init__(self, name: str, options: IndicatorOptions, lines: Mapping[str, Line], post: Post) -> None:
        del post
        self._line = line_of(name, options.reader, lines)
        self._reader = options.reader
        self._standing = Pattern.READY
        self._line.listen(options.reader, self._heard)

    def start(self) -> None:
        """Nothing to begin: the standing pattern is sent when the session starts."""

    def close(self) -> None:
        """Nothing to end: what a reader shows without a host is its own affair."""

    def show(self, pattern: Pattern) -> None:
        """See `Indicator`."""
        if not SHOWS[pattern].momentary_tenths:
            self._standing = pattern
        self._send(SHOWS[pattern])

    def _heard(self, event: Event) -> None:
        if isinstance(event, LinkUp):
            self._send(SHOWS[self._standing])

    def _send(self, show: Show) -> None:
        tenths = show.momentary_tenths
        light = records.momentary_led(show.light, tenths) if tenths else records.standing_led(show.light)
        self._line.command(self._reader, codec.LED, light, _WITHIN_S)
        if tenths and SHOWS[self._standing].beep:
            # A reader has one sounder: a beep would end the one that stands.
            return
        if show.beep:
            beep = records.buzzer(records.TONE_DEFAULT, *show.beep)
            self._line.command(self._reader, codec.BUZ, beep, _WITHIN_S)
        elif not tenths:
            self._line.command(self._reader, codec.BUZ, records.buzzer(records.TONE_OFF, 0, 0, 0), _WITHIN_S)
