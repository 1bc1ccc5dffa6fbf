"""One input of an OSDP reader: which way it stands, as far as is known."""

from collections.abc import Callable, Mapping
from typing import Annotated, Literal

import msgspec

from hal.osdp import codec
from hal.osdp.attached import line_of
from hal.osdp.events import Event, LinkDown, Report
from hal.osdp.line import Line

InputNumber = Annotated[int, msgspec.Meta(ge=0, le=31)]
"""Number of an input of a reader."""
Level = Literal["active", "inactive"]
"""How a reader calls the two states of an input."""


class Input:
    """Calls `changed(before, now)` on the line's thread; `before` is None when it was not known."""

    def __init__(
        self,
        device: str,
        reader: str,
        number: int,
        lines: Mapping[str, Line],
        changed: Callable[[bool | None, bool], None],
    ) -> None:
        self._number = number
        self._changed = changed
        self._is_active: bool | None = None
        line_of(device, reader, lines).listen(reader, self._heard, asked=codec.ISTAT)

    def _heard(self, event: Event) -> None:
        match event:
            case LinkDown():
                self._is_active = None
            case Report(code=codec.ISTATR, data=data) if len(data) > self._number:
                before, self._is_active = self._is_active, data[self._number] != 0
                if before != self._is_active:
                    self._changed(before, self._is_active)
