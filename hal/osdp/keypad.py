"""A keypad on an OSDP reader: keys become signals, and keys that may be missing void the code being typed."""

from collections.abc import Mapping

import msgspec

from hal.osdp import codec, records
from hal.osdp.attached import line_of
from hal.osdp.events import Event, LinkDown, LinkUp, Report
from hal.osdp.line import Line
from hal.ports import Device, KeyPressed, KeysLost, Post


class KeypadOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Keys of a device with `driver = "osdp-keypad"`."""

    reader: str


class OsdpKeypad(Device):
    """Posts `KeyPressed` and `KeysLost` from the line's thread."""

    Options = KeypadOptions

    def __init__(self, name: str, options: KeypadOptions, lines: Mapping[str, Line], post: Post) -> None:
        self._name = name
        self._post = post
        line_of(name, options.reader, lines).listen(options.reader, self._heard)

    def start(self) -> None:
        """Nothing to begin: keys come once the line is started."""

    def close(self) -> None:
        """Nothing to end: keys stop with the line."""

    def _heard(self, event: Event) -> None:
        match event:
            case LinkUp() | LinkDown():
                self._post(KeysLost(self._name))
            case Report(code=codec.KEYPAD, data=data):
                self._typed(data)

    def _typed(self, data: bytes) -> None:
        keys = records.keys(data)
        if keys is None:
            self._post(KeysLost(self._name))
            return
        for key in keys:
            self._post(KeyPressed(self._name, key))
