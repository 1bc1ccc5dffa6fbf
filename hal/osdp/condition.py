"""A further input on an OSDP reader: bolt, fire alarm, power, or a unit's fault contact."""

from collections.abc import Mapping

import msgspec

from hal.conditions import Meaning, said
from hal.osdp.events import Event, LinkDown
from hal.osdp.inputs import Input, InputNumber, Level
from hal.osdp.line import Line
from hal.ports import Condition, ConditionChanged, Device, Post


class ConditionOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Keys of a device with `driver = "osdp-input"`."""

    reader: str
    input: InputNumber
    means: Meaning
    on_when: Level = "active"
    """What the reader reports while it is so."""


class OsdpCondition(Device):
    """Posts `ConditionChanged` or `UnitFault` from the line's thread: on change, and when first known."""

    Options = ConditionOptions

    def __init__(self, name: str, options: ConditionOptions, lines: Mapping[str, Line], post: Post) -> None:
        self._name = name
        self._options = options
        self._post = post
        Input(name, options.reader, options.input, lines, self._changed)
        lines[options.reader].listen(options.reader, self._heard)

    def start(self) -> None:
        """Nothing to begin: the input is asked for when the session starts."""

    def close(self) -> None:
        """Nothing to end."""

    def _changed(self, before: bool | None, is_active: bool) -> None:
        del before
        self._post(said(self._name, self._options.means, is_active == (self._options.on_when == "active")))

    def _heard(self, event: Event) -> None:
        # Nobody knows what the input says now; of a broken unit the lost link says enough.
        if isinstance(event, LinkDown) and self._options.means != "fault":
            self._post(ConditionChanged(Condition(self._options.means), None))
