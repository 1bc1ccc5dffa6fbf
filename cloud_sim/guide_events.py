"""What webhooks of the guide for device clouds are told: its events, each once, while there is a webhook.

On the announcer's turns, in its transactions. The events wait in the queue of all webhooks.
"""

import json
import uuid
from collections.abc import Mapping
from typing import Any

from cloud_sim import access_codes, answers, offline_answers, offline_codes, reported
from cloud_sim.answers import iso_ms
from cloud_sim.database import Database

FACE = "device_cloud"
EVENT_TYPES = (
    "access_code.created",
    "access_code.updated",
    "access_code.deleted",
    "access_code.used",
    "access_code.incorrect_attempt",
    "lock.action_completed",
    "device.online",
    "device.offline",
    "device.low_battery",
)
_ACTION = ("action_id", "custom_id", "action", "status", "performed_via", "error_code")
_CONFIRMED = f"""
    {access_codes.WITH_REPORT} WHERE lock_id = ? AND is_in_set = 1 AND is_managed = 1 AND deleted_ms IS NULL
    AND is_pulled >= is_backup AND changed_rev <= ? AND changed_rev IS NOT (
        SELECT changed_rev FROM told_to_device_cloud AS told
        WHERE told.access_code_id = access_codes.access_code_id
    ) ORDER BY access_codes.changed_rev, access_codes.access_code_id
"""


def begin(database: Database) -> None:
    """A webhook is told nothing of the past: what locks hold now counts as told. Inside the transaction that
    makes the first one; with others there, what they were told goes on."""
    if not _is_anybody_told(database):
        database.run("DELETE FROM told_to_device_cloud")
        database.run(
            "INSERT INTO told_to_device_cloud SELECT access_code_id, changed_rev FROM access_codes"
            " JOIN reported_codes USING (lock_id)"
            " WHERE is_our_root = 1 AND changed_rev <= rev AND is_in_set = 1"
        )


def tell_codes(database: Database, lock_id: str, wall: float) -> None:
    """The codes that the lock has taken, or refused, since this was last called."""
    if not _is_anybody_told(database):
        return
    proof = reported.evidence(database, lock_id, wall)
    for row in database.rows(_CONFIRMED, lock_id, proof.confirmed_rev):
        access_code_id = row["access_code_id"]
        told = database.row("SELECT 1 FROM told_to_device_cloud WHERE access_code_id = ?", access_code_id)
        shown = answers.access_code(row, proof, database.owner_id, wall)
        status = "success" if row["state"] in (None, "set") else "failed"
        event_type = "access_code.created" if told is None else "access_code.updated"
        _add(
            database,
            event_type,
            lock_id,
            wall,
            {"access_code": shown, "status": status},
            access_code_id=access_code_id,
        )
        database.run(
            "INSERT OR REPLACE INTO told_to_device_cloud VALUES (?, ?)", access_code_id, row["changed_rev"]
        )


def tell_offline_code(database: Database, row: dict[str, Any], *, is_gone: bool, wall: float) -> None:
    """The lock has what it needs to know an offline code, or knows that it is revoked."""
    lock_id, access_code_id = row["lock_id"], row["access_code_id"]
    if is_gone:
        tell_gone(database, lock_id, access_code_id, wall)
    elif _is_anybody_told(database):
        known = offline_codes.knowledge(database, lock_id)
        shown = offline_answers.shown(row, known, database.owner_id, wall)
        data = {"access_code": shown, "status": "success"}
        _add(database, "access_code.created", lock_id, wall, data, access_code_id=access_code_id)


def tell_gone(database: Database, lock_id: str, access_code_id: str, wall: float) -> None:
    """The lock has confirmed a deletion."""
    database.run("DELETE FROM told_to_device_cloud WHERE access_code_id = ?", access_code_id)
    if _is_anybody_told(database):
        about = {"access_code_id": access_code_id, "lock_id": lock_id}
        data = {"access_code": about, "status": "success"}
        _add(database, "access_code.deleted", lock_id, wall, data, access_code_id=access_code_id)


def tell_event(database: Database, lock_id: str, event: Mapping[str, Any], wall: float) -> None:
    """What happened at the door, if the guide has a name for it; digits that were typed stay at the lock."""
    if not _is_anybody_told(database):
        return
    about = {"lock_id": lock_id, "occurred_at": event["occurred_at"]}
    access_code_id = event.get("access_code_id")
    match event["event_type"]:
        case "lock.unlocked" if access_code_id is not None:
            data = about | {"access_code_id": access_code_id}
            _add(database, "access_code.used", lock_id, wall, data, access_code_id=access_code_id)
        case "lock.access_denied" if event["reason_code"] == "unknown_code":
            _add(database, "access_code.incorrect_attempt", lock_id, wall, about)
        case "lock.action_completed":
            data = about | {name: event.get(name) for name in _ACTION}
            _add(database, "lock.action_completed", lock_id, wall, data)
        case "lock.battery_low":
            _add(database, "device.low_battery", lock_id, wall, about)


def tell_connection(database: Database, lock_id: str, *, is_there: bool, wall: float) -> None:
    """A lock came, or has been away for a while."""
    if _is_anybody_told(database):
        event_type = "device.online" if is_there else "device.offline"
        _add(database, event_type, lock_id, wall, {"lock_id": lock_id})


def _is_anybody_told(database: Database) -> bool:
    return database.row("SELECT 1 FROM webhooks WHERE face = ? LIMIT 1", FACE) is not None


def _add(
    database: Database,
    event_type: str,
    lock_id: str,
    wall: float,
    data: Mapping[str, Any],
    access_code_id: str | None = None,
) -> None:
    event_id, now_ms = str(uuid.uuid4()), int(wall * 1000)
    document = {
        "event_id": event_id,
        "event_type": event_type,
        "device_id": lock_id,
        "timestamp": iso_ms(now_ms),
        "data": data,
    }
    database.run(
        "INSERT INTO seam_events (event_id, event_type, lock_id, access_code_id, created_ms, event, face)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        event_id,
        event_type,
        lock_id,
        access_code_id,
        now_ms,
        json.dumps(document, ensure_ascii=False),
        FACE,
    )
