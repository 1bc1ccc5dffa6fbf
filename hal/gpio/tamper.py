"""A tamper switch on a GPIO pin."""

from collections.abc import Mapping
from typing import Annotated

import msgspec

from hal.gpio.inputs import Input, InputDevice, Level, Pull
from hal.gpio.pins import Pin
from hal.osdp.line import Line
from hal.ports import Post, TamperChanged


class TamperOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Keys of a device with `driver = "gpio-tamper"`."""

    pin: Pin
    pull: Pull = "up"
    opened_when: Level = "high"
    """The level while the case is open. A switch that is closed with the case makes a cut wire an alarm."""
    steady_ms: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 50
    unit: str = "case"
    """What the switch belongs to."""


class GpioTamper(InputDevice):
    """Posts `TamperChanged` from the pins' thread: the case was opened or found open, or shut again."""

    Options = TamperOptions

    def __init__(self, name: str, options: TamperOptions, lines: Mapping[str, Line], post: Post) -> None:
        del lines
        self._opened_when_high = options.opened_when == "high"
        self._unit = options.unit
        self._post = post
        self._input = Input(name, options.pin, options.pull, options.steady_ms, post, self._changed)

    def _changed(self, before: bool | None, is_high: bool) -> None:
        is_tampered = is_high == self._opened_when_high
        if is_tampered or before is not None:
            self._post(TamperChanged(self._unit, is_tampered))
