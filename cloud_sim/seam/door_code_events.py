"""What clients are told of codes that people made or removed at the door, and of those they took over."""

from typing import Any

from cloud_sim.database import Database
from cloud_sim.seam.event_log import NewEvent, record

UNMANAGED = "unmanaged"
"""The told stage of a code made at the door, until the lock has confirmed or refused its conversion."""
NOT_CONVERTED = "access_code.unmanaged.failed_to_convert_to_managed"
OF_CONVERSION = {
    **dict.fromkeys(("scheduled", "set", "removed"), "access_code.unmanaged.converted_to_managed"),
    "failed": NOT_CONVERTED,
}
"""Where the lock has come to with a code that it held already, and what that is called."""


def tell_made(database: Database, lock_id: str, access_code_id: str, made_ms: int, wall: float) -> None:
    """Somebody made a code at the door."""
    database.run("INSERT OR REPLACE INTO told_stages VALUES (?, ?, '')", access_code_id, UNMANAGED)
    _record(database, "access_code.unmanaged.created", lock_id, access_code_id, made_ms, wall)


def tell_unmanaged_gone(
    database: Database, lock_id: str, access_code_id: str, removed_ms: int | None, wall: float
) -> None:
    """The lock holds it no more: removed at the door, then `removed_ms`, or deleted from here."""
    for told in ("told_stages", "told_delays"):
        database.run(f"DELETE FROM {told} WHERE access_code_id = ?", access_code_id)
    _record(database, "access_code.unmanaged.removed", lock_id, access_code_id, removed_ms, wall)


def tell_removed_at_door(
    database: Database, lock_id: str, access_code_id: str, removed: dict[str, Any], wall: float
) -> None:
    """Somebody at the door removed a code of the set: for good, or until the lock puts it back."""
    event_type = "access_code.modified_external_to_seam"
    if removed["stays"]:
        told = database.row("SELECT stage FROM told_stages WHERE access_code_id = ?", access_code_id)
        is_converting = told is not None and told["stage"] == UNMANAGED
        event_type = NOT_CONVERTED if is_converting else "access_code.deleted_external_to_seam"
        database.run("UPDATE told_stages SET stage = 'removed' WHERE access_code_id = ?", access_code_id)
    _record(database, event_type, lock_id, access_code_id, removed["removed_ms"], wall)


def _record(
    database: Database,
    event_type: str,
    lock_id: str,
    access_code_id: str,
    occurred_ms: int | None,
    wall: float,
) -> None:
    now_ms = int(wall * 1000)
    event = NewEvent(
        event_type=event_type,
        lock_id=lock_id,
        occurred_ms=now_ms if occurred_ms is None else occurred_ms,
        access_code_id=access_code_id,
    )
    record(database, event, wall)
