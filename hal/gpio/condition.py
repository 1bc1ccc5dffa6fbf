"""A further input on a GPIO pin: bolt, fire alarm, power, or a unit's fault contact."""

from collections.abc import Mapping
from typing import Annotated

import msgspec

from hal.conditions import Meaning, said
from hal.gpio.inputs import Input, InputDevice, Level, Pull
from hal.gpio.pins import Pin
from hal.osdp.line import Line
from hal.ports import Post


class ConditionOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Keys of a device with `driver = "gpio-input"`."""

    pin: Pin
    means: Meaning
    pull: Pull = "up"
    on_when: Level = "high"
    """The level while it is so. A contact that is closed otherwise makes a cut wire say that it is so."""
    steady_ms: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 200


class GpioCondition(InputDevice):
    """Posts `ConditionChanged` or `UnitFault` from the pins' thread: at the start and on change."""

    Options = ConditionOptions

    def __init__(self, name: str, options: ConditionOptions, lines: Mapping[str, Line], post: Post) -> None:
        del lines
        self._name = name
        self._options = options
        self._post = post
        self._input = Input(name, options.pin, options.pull, options.steady_ms, post, self._changed)

    def _changed(self, before: bool | None, is_high: bool) -> None:
        del before
        self._post(said(self._name, self._options.means, is_high == (self._options.on_when == "high")))
