"""The settings that the cloud may change: which of them count now, its own or the configuration file's."""

import hashlib
import json
import logging
from collections.abc import Mapping
from typing import Any

from msgspec import UNSET

from agent.commands import Configure
from agent.core.mode_schedule import ModeSchedule
from agent.core.mode_schedule_fields import mode_schedule_of
from agent.door_side import DoorSide, Record
from agent.journal import Event
from agent.mode_rows import ModeRows
from agent.zones import zone_named

log = logging.getLogger(__name__)


def canonical(settings: Mapping[str, Any]) -> str:
    """Settings as they are kept and compared; what is None counts as the configuration file says."""
    present = {name: value for name, value in settings.items() if value is not None}
    return json.dumps(present, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest_of(text: str) -> str:
    """16 hex digits for settings in canonical JSON: what a lock reports, and a cloud compares."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class ChangedSettings:
    """The settings of one lock. Controller thread only; may raise StorageFault."""

    def __init__(
        self, rows: ModeRows, door: DoorSide, record: Record, file_schedule: ModeSchedule | None
    ) -> None:
        """`file_schedule`, and the release time that `door` has now, are those of the configuration file."""
        self._rows = rows
        self._door = door
        self._record = record
        self._file_schedule = file_schedule
        self._file_release_s = door.release_s
        self._settings: Mapping[str, Any] = {}
        self.schedule = file_schedule
        self.digest = ""
        """Of what the cloud set; empty when that cannot be used, so that the cloud sends it again."""

    def start(self) -> None:
        """Go on with what was kept. What was changed by hand, or is not understood, does not count."""
        kept = self._rows.settings()
        if kept is None:
            self._record(Event("fault", {"what": "settings_changed_from_outside"}))
        elif self.objection(kept) is not None:
            self._record(Event("fault", {"what": "settings_not_understood"}))
        else:
            self.show(canonical(kept))

    def with_change(self, change: Configure) -> Mapping[str, Any]:
        """All settings, once `change` counts."""
        changed = {"mode_schedule": change.mode_schedule, "release_s": change.release_s}
        given = {name: value for name, value in changed.items() if value is not UNSET}
        return {**self._settings, **given}

    def objection(self, settings: Mapping[str, Any]) -> str | None:
        """Why these settings cannot count, or None."""
        try:
            _schedule_in(settings)
        except ValueError as error:
            log.warning("a mode schedule is refused: %s", error)
            return "mode_schedule_invalid"
        return None

    def show(self, text: str) -> None:
        """Settings in canonical JSON are durable: let everything follow them."""
        self._settings = json.loads(text)
        self.digest = digest_of(text)
        schedule = _schedule_in(self._settings)
        self.schedule = self._file_schedule if schedule is None else schedule
        self._door.set_release_s(self._settings.get("release_s", self._file_release_s))


def _schedule_in(settings: Mapping[str, Any]) -> ModeSchedule | None:
    fields = settings.get("mode_schedule")
    return None if fields is None else mode_schedule_of(fields, zone_named)
