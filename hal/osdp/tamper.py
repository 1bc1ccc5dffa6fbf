"""The case contact of an OSDP reader."""

from collections.abc import Mapping

import msgspec

from hal.osdp import codec
from hal.osdp.attached import line_of
from hal.osdp.events import Event, Report
from hal.osdp.line import Line
from hal.ports import Device, Post, TamperChanged


class TamperOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Keys of a device with `driver = "osdp-tamper"`."""

    reader: str


class OsdpTamper(Device):
    """Posts `TamperChanged` from the line's thread: on change, and at first if the case is open."""

    Options = TamperOptions

    def __init__(self, name: str, options: TamperOptions, lines: Mapping[str, Line], post: Post) -> None:
        self._post = post
        self._is_tampered = False
        line_of(name, options.reader, lines).listen(options.reader, self._heard, asked=codec.LSTAT)

    def start(self) -> None:
        """Nothing to begin: the contact is asked for when the session starts."""

    def close(self) -> None:
        """Nothing to end."""

    def _heard(self, event: Event) -> None:
        # LSTATR: first byte tamper, second power.
        if not isinstance(event, Report) or event.code != codec.LSTATR or not event.data:
            return
        is_tampered = event.data[0] != 0
        if is_tampered != self._is_tampered:
            self._is_tampered = is_tampered
            self._post(TamperChanged(event.reader, is_tampered))
