"""What clients are told of changes that a lock does not confirm: late after a minute, failed after a quarter
of an hour. Each once, and exactly what the code itself shows at that moment."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cloud_sim import access_codes
from cloud_sim.database import Database
from cloud_sim.seam import code_issues, code_status
from cloud_sim.seam.code_issues import DELAY_MS, FAILED_MS
from cloud_sim.seam.code_status import Door
from cloud_sim.seam.event_log import NewEvent, record

AT_ONCE = 100
"""Codes told of in one turn; each takes a third of a millisecond, and the loop has other work."""
LOOK_EVERY_MS = 1000
EVENT_TYPES = {
    "delay_in_setting_on_device": "access_code.delay_in_setting_on_device",
    "delay_in_removing_from_device": "access_code.delay_in_removing_from_device",
    "failed_to_issue": "access_code.failed_to_issue",
    "failed_to_update": "access_code.failed_to_update",
    "failed_to_remove_from_device": "access_code.failed_to_remove_from_device",
}
"""The warnings and errors of a code that have an event of their own."""

_CHANGED = "coalesce(updated_ms, created_ms)"
_DUE = f"""
SELECT access_code_id FROM (
    SELECT access_code_id FROM access_codes
    WHERE {_CHANGED} > :after - :delay AND {_CHANGED} <= :upto - :delay
    UNION SELECT access_code_id FROM access_codes
    WHERE {_CHANGED} > :after - :failed AND {_CHANGED} <= :upto - :failed
    UNION SELECT access_code_id FROM access_codes
    WHERE starts_at > (:after - :failed) / 1000.0 AND starts_at <= (:upto - :failed) / 1000.0
    UNION SELECT access_code_id FROM access_codes
    WHERE deleted_ms > :after - :delay AND deleted_ms <= :upto - :delay
    UNION SELECT access_code_id FROM access_codes
    WHERE deleted_ms > :after - :failed AND deleted_ms <= :upto - :failed
)
JOIN access_codes USING (access_code_id) JOIN told_stages USING (access_code_id)
LEFT JOIN reported_codes USING (lock_id)
WHERE access_code_id > :beyond
    AND (deleted_ms IS NOT NULL OR is_our_root IS NOT 1 OR changed_rev > rev)
ORDER BY access_code_id LIMIT :limit
"""
"""Codes that are not confirmed and of which a time to tell of it has come."""


@dataclass(slots=True)
class Watch:
    """How far the clock was looked at. Nothing is lost with it: after a start everything is looked at."""

    upto_ms: int = 0
    _until_ms: int | None = None
    """While there is more than fits in one turn: the end of what is being looked at, and how far that got."""
    _beyond: str = ""

    def look(self, database: Database, wall: float) -> None:
        """Tell of what has become late or failed; at most AT_ONCE codes, the rest the next time."""
        now_ms = int(wall * 1000)
        if now_ms < self.upto_ms:  # the clock was set back
            self.upto_ms, self._until_ms = 0, None
        if self._until_ms is None:
            if now_ms - self.upto_ms < LOOK_EVERY_MS:
                return
            self._until_ms, self._beyond = now_ms, ""
        values = {
            "after": self.upto_ms,
            "upto": self._until_ms,
            "delay": DELAY_MS,
            "failed": FAILED_MS,
            "beyond": self._beyond,
            "limit": AT_ONCE,
        }
        due = [row["access_code_id"] for row in database.connection.execute(_DUE, values).fetchall()]
        if due:
            with database.transaction():
                _tell_all(database, due, wall)
        if len(due) < AT_ONCE:
            self.upto_ms, self._until_ms = self._until_ms, None
        else:
            self._beyond = due[-1]


def _tell_all(database: Database, access_code_ids: list[str], wall: float) -> None:
    doors: dict[str, Door] = {}
    for access_code_id in access_code_ids:
        row = access_codes.find(database, access_code_id)
        if row is not None:
            lock_id = row["lock_id"]
            doors[lock_id] = doors.get(lock_id) or code_status.door(database, lock_id, wall)
            _tell(database, row, doors[lock_id], wall)


def _tell(database: Database, row: dict[str, Any], at: Door, wall: float) -> None:
    errors, warnings = code_issues.errors(row, at), code_issues.warnings(row, at)
    for issue in (*warnings, *errors):
        event_type = EVENT_TYPES.get(issue.get("warning_code") or issue["error_code"])
        if event_type is not None and _is_news(
            database, row["access_code_id"], event_type, issue["created_at"]
        ):
            event = NewEvent(
                event_type=event_type,
                lock_id=row["lock_id"],
                occurred_ms=round(datetime.fromisoformat(issue["created_at"]).timestamp() * 1000),
                access_code_id=row["access_code_id"],
                fields=_fields(errors, warnings),
            )
            record(database, event, wall)


def _is_news(database: Database, access_code_id: str, event_type: str, since: str) -> bool:
    """Note that it is told; False where it was."""
    noted = database.run(
        "INSERT INTO told_delays VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET since = excluded.since"
        " WHERE since != excluded.since",
        access_code_id,
        event_type,
        since,
    )
    return noted.rowcount > 0


def _fields(errors: list[dict[str, Any]], warnings: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "access_code_errors": [each for each in errors if each.get("is_access_code_error")],
        "access_code_warnings": warnings,
        "device_errors": [each for each in errors if each.get("is_device_error")],
        "device_warnings": [],
        "connected_account_errors": [],
        "connected_account_warnings": [],
    }
