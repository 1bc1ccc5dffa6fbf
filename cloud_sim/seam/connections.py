"""Which locks are there: one event when a lock has been silent for 90 s, one when it is back."""

from typing import Any

from cloud_sim import guide_events
from cloud_sim.answers import iso_ms
from cloud_sim.database import Database
from cloud_sim.reported import ONLINE_FOR_S
from cloud_sim.seam.event_log import NewEvent, record

DISCONNECTED_AFTER_S = 90.0
"""A lock that changes from one network to another is not told to be gone."""

_CHANGED = """
SELECT * FROM (
    SELECT lock_id, is_online = 1 AND last_seen_ms >= ? AS is_up, is_connected, silent_ms
    FROM reported_status LEFT JOIN told_connections USING (lock_id)
) WHERE is_connected IS NOT is_up OR (is_up AND silent_ms IS NOT NULL)
"""


def tell(database: Database, wall: float, after_s: float = DISCONNECTED_AFTER_S) -> None:
    """Compare what locks report with what was told; inside a transaction. Cheap where nothing changed."""
    for row in database.rows(_CHANGED, int((wall - ONLINE_FOR_S) * 1000)):
        if row["is_up"]:
            _up(database, row, wall)
        else:
            _down(database, row, wall, after_s)


def is_connected(database: Database, lock_id: str) -> bool:
    """Whether the lock is there, or was within the last 90 s."""
    told = database.row("SELECT * FROM told_connections WHERE lock_id = ?", lock_id)
    if told is not None and told["is_connected"]:
        return True
    # It may have come a moment ago, and nobody was told yet.
    seen = database.row("SELECT is_online, last_seen_ms FROM reported_status WHERE lock_id = ?", lock_id)
    since_ms = 0 if told is None else told["since_ms"]
    return bool(seen and seen["is_online"] and seen["last_seen_ms"] > since_ms)


def device_errors(database: Database, lock_id: str) -> list[dict[str, Any]]:
    """The errors of a device that come from its connection; the same stand on each of its codes."""
    if is_connected(database, lock_id):
        return []
    told = database.row("SELECT since_ms FROM told_connections WHERE lock_id = ?", lock_id)
    if told is not None and told["since_ms"]:
        return [_error(told["since_ms"], _GONE)]
    lock = database.row("SELECT created_ms FROM locks WHERE lock_id = ?", lock_id)
    return [_error(lock["created_ms"], _NEVER)] if lock is not None else []


_GONE = "the lock has no connection; the codes it holds go on working, changes reach it later"
_NEVER = "the lock has not connected yet; enrol it with lock-agent enrol, what is wanted of it waits"


def _error(since_ms: int, message: str) -> dict[str, Any]:
    return {
        "error_code": "device_disconnected",
        "message": message,
        "is_device_error": True,
        "created_at": iso_ms(since_ms),
    }


def _up(database: Database, row: dict[str, Any], wall: float) -> None:
    now_ms = int(wall * 1000)
    if not row["is_connected"]:
        event = NewEvent(event_type="device.connected", lock_id=row["lock_id"], occurred_ms=now_ms)
        record(database, event, wall)
        guide_events.tell_connection(database, row["lock_id"], is_there=True, wall=wall)
        database.run("INSERT OR REPLACE INTO told_connections VALUES (?, 1, ?, NULL)", row["lock_id"], now_ms)
    else:
        database.run("UPDATE told_connections SET silent_ms = NULL WHERE lock_id = ?", row["lock_id"])


def _down(database: Database, row: dict[str, Any], wall: float, after_s: float) -> None:
    now_ms = int(wall * 1000)
    if row["is_connected"] is None:  # it was never told to be there
        database.run("INSERT INTO told_connections VALUES (?, 0, 0, ?)", row["lock_id"], now_ms)
    elif row["silent_ms"] is None:
        database.run("UPDATE told_connections SET silent_ms = ? WHERE lock_id = ?", now_ms, row["lock_id"])
    elif row["is_connected"] and now_ms - row["silent_ms"] >= after_s * 1000:
        database.run(
            "UPDATE told_connections SET is_connected = 0, since_ms = ? WHERE lock_id = ?",
            now_ms,
            row["lock_id"],
        )
        record(database, _disconnected(row["lock_id"], row["silent_ms"], now_ms), wall)
        guide_events.tell_connection(database, row["lock_id"], is_there=False, wall=wall)


def _disconnected(lock_id: str, silent_ms: int, now_ms: int) -> NewEvent:
    nothing: list[Any] = []
    return NewEvent(
        event_type="device.disconnected",
        lock_id=lock_id,
        occurred_ms=silent_ms,
        fields={
            "error_code": "device_disconnected",
            "device_errors": [_error(now_ms, _GONE)],
            "device_warnings": nothing,
            "connected_account_errors": nothing,
            "connected_account_warnings": nothing,
        },
    )
