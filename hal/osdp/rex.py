"""A request-to-exit button on an input of an OSDP reader."""

from collections.abc import Mapping

import msgspec

from hal.osdp.inputs import Input, InputNumber, Level
from hal.osdp.line import Line
from hal.ports import Device, Post, RexPressed


class RexOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Keys of a device with `driver = "osdp-rex"`."""

    reader: str
    input: InputNumber
    pressed_when: Level = "active"
    """What the reader reports while the button is pressed."""


class OsdpRex(Device):
    """Posts `RexPressed` from the line's thread, once for each press."""

    Options = RexOptions

    def __init__(self, name: str, options: RexOptions, lines: Mapping[str, Line], post: Post) -> None:
        self._pressed_when_active = options.pressed_when == "active"
        self._post = post
        Input(name, options.reader, options.input, lines, self._changed)

    def start(self) -> None:
        """Nothing to begin: the input is asked for when the session starts."""

    def close(self) -> None:
        """Nothing to end."""

    def _changed(self, before: bool | None, is_active: bool) -> None:
        # A button found pressed at the start of a session may be stuck or wired the other way round: a
        # restart must not open the door.
        if before is not None and is_active == self._pressed_when_active:
            self._post(RexPressed())
