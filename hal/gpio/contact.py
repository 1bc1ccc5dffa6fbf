"""A door contact on a GPIO pin."""

from collections.abc import Mapping
from typing import Annotated

import msgspec

from hal.gpio.inputs import Input, InputDevice, Level, Pull
from hal.gpio.pins import Pin
from hal.osdp.line import Line
from hal.ports import DoorMoved, Post


class ContactOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Keys of a device with `driver = "gpio-contact"`."""

    pin: Pin
    pull: Pull = "up"
    open_when: Level = "high"
    """The level while the door is open. A contact that is closed with the door pulls the pin to ground, so
    that a cut wire reads as open."""
    steady_ms: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 50


class GpioContact(InputDevice):
    """Posts `DoorMoved` from the pins' thread: once at the start, then for each change."""

    Options = ContactOptions

    def __init__(self, name: str, options: ContactOptions, lines: Mapping[str, Line], post: Post) -> None:
        del lines
        self._open_when_high = options.open_when == "high"
        self._post = post
        self._input = Input(name, options.pin, options.pull, options.steady_ms, post, self._changed)

    def _changed(self, before: bool | None, is_high: bool) -> None:
        del before
        self._post(DoorMoved(is_high == self._open_when_high))
