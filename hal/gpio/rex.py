"""A request-to-exit button on a GPIO pin."""

from collections.abc import Mapping
from typing import Annotated

import msgspec

from hal.gpio.inputs import Input, InputDevice, Level, Pull
from hal.gpio.pins import Pin
from hal.osdp.line import Line
from hal.ports import Post, RexPressed


class RexOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Keys of a device with `driver = "gpio-rex"`."""

    pin: Pin
    pull: Pull = "up"
    pressed_when: Level = "low"
    steady_ms: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 50


class GpioRex(InputDevice):
    """Posts `RexPressed` from the pins' thread, once for each press."""

    Options = RexOptions

    def __init__(self, name: str, options: RexOptions, lines: Mapping[str, Line], post: Post) -> None:
        del lines
        self._pressed_when_high = options.pressed_when == "high"
        self._post = post
        self._input = Input(name, options.pin, options.pull, options.steady_ms, post, self._changed)

    def _changed(self, before: bool | None, is_high: bool) -> None:
        # A button found pressed at the start may be stuck or wired the other way round: a restart must not
        # open the door.
        if before is not None and is_high == self._pressed_when_high:
            self._post(RexPressed())
