"""A door contact on an input of an OSDP reader."""

from collections.abc import Mapping

import msgspec

from hal.osdp.inputs import Input, InputNumber, Level
from hal.osdp.line import Line
from hal.ports import Device, DoorMoved, Post


class ContactOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Keys of a device with `driver = "osdp-contact"`."""

    reader: str
    input: InputNumber
    open_when: Level = "active"
    """What the reader reports while the door is open."""


class OsdpContact(Device):
    """Posts `DoorMoved` from the line's thread: on change, and when the state is first known."""

    Options = ContactOptions

    def __init__(self, name: str, options: ContactOptions, lines: Mapping[str, Line], post: Post) -> None:
        self._open_when_active = options.open_when == "active"
        self._post = post
        self._is_open: bool | None = None
        Input(name, options.reader, options.input, lines, self._changed)

    def start(self) -> None:
        """Nothing to begin: the input is asked for when the session starts."""

    def close(self) -> None:
        """Nothing to end."""

    def _changed(self, before: bool | None, is_active: bool) -> None:
        del before
        is_open = is_active == self._open_when_active
        # After a lost session the state is news only if the door moved meanwhile.
        if is_open != self._is_open:
            self._is_open = is_open
            self._post(DoorMoved(is_open))
