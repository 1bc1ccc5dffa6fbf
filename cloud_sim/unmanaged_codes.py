"""Codes that people made at the door: taken over into a lock's wanted set, or deleted there."""

import json
from typing import Any

from cloud_sim import access_codes, code_sets, code_updates, commands
from cloud_sim.access_codes import Full, Taken
from cloud_sim.database import Database
from cloud_sim.downlink import Downlink

IDS_AT_ONCE = 100
"""So many fit into one command."""
AFTER_REFUSAL_S = 300
"""A lock that refused is asked again after this time: each refusal is a row of its journal."""

_NO = ("refused", "failed")


def convert(
    database: Database,
    row: dict[str, Any],
    wall: float,
    capacity: int | None,
    *,
    is_external_modification_allowed: bool,
) -> Taken | Full | None:
    """Put an unmanaged code (a row of `access_codes.find`) into the wanted set as it is, inside a
    transaction; None when done, or why not. The lock replaces its own row when it has the revision."""
    lock_id, access_code_id = row["lock_id"], row["access_code_id"]
    leaving = set()
    holder = access_codes.holder_of(database, lock_id, row["code"])
    if holder is not None and not access_codes.has_ended(holder, wall):
        return Taken(holder["access_code_id"])
    if holder is not None:
        leaving.add(holder["access_code_id"])
    # Its own place is not freed before, and not needed twice.
    if capacity is not None and access_codes.count_held(database, lock_id) - len(leaving) > capacity:
        return Full(capacity)
    rev = code_sets.head(database, lock_id)[1] + 1
    access_codes.drop(database, leaving, rev)
    database.run(
        "UPDATE access_codes SET is_managed = 1, is_in_set = 1, changed_rev = ?, updated_ms = ?, before = ?,"
        " is_external_modification_allowed = ? WHERE access_code_id = ?",
        rev,
        int(wall * 1000),
        json.dumps({name: row[name] for name in code_updates.BEFORE}),
        int(is_external_modification_allowed),
        access_code_id,
    )
    changed = map(code_sets.bucket_byte, {access_code_id, *leaving})
    code_sets.record_revision(database, lock_id, rev, changed)
    return None


def have_deleted(
    database: Database, downlink: Downlink, lock_id: str, wall: float, *, is_new_session: bool = False
) -> None:
    """Tell a lock, if it is there to hear it, to forget the codes that were made at its door and are deleted
    here. To be called again whenever the lock was heard of: nothing is told twice without need, but what was
    told in an earlier session the lock did not take, or not in time."""
    ids = deleted_ids(database, lock_id)
    if not ids:
        return
    commands.expire(database, wall)
    last = None if is_new_session else _last_told(database, lock_id)
    if last is not None and last["status"] == "pending":
        return
    is_recent = last is not None and wall - last["issued_ms"] / 1000 < AFTER_REFUSAL_S
    if last is not None and last["status"] in _NO and is_recent:
        return
    commands.issue(database, downlink, lock_id, "forget", {"ids": ids[:IDS_AT_ONCE]}, wall)
    commands.forget_expired(database, lock_id, "forget", wall)


def deleted_ids(database: Database, lock_id: str) -> list[str]:
    """The codes that the lock may still hold apart from its set, and is to forget; oldest deletion first."""
    rows = database.rows(
        "SELECT access_code_id FROM access_codes WHERE lock_id = ? AND is_at_door = 1"
        " AND deleted_ms IS NOT NULL ORDER BY deleted_ms, access_code_id",
        lock_id,
    )
    return [row["access_code_id"] for row in rows]


def digits_at_door(database: Database, lock_id: str) -> dict[str, str]:
    """Digits -> id of all that the lock may hold apart from its set."""
    rows = database.rows(
        "SELECT code, access_code_id FROM access_codes WHERE lock_id = ? AND is_at_door = 1 AND code != ''",
        lock_id,
    )
    return {row["code"]: row["access_code_id"] for row in rows}


def why_not_forgotten(database: Database, lock_id: str) -> str | None:
    """Why the lock did not forget what it was last told to; None where nothing is wrong."""
    last = _last_told(database, lock_id) if deleted_ids(database, lock_id) else None
    if last is None or last["status"] not in _NO:
        return None
    return str(last["reason"] or last["status"])


def _last_told(database: Database, lock_id: str) -> dict[str, Any] | None:
    """The newest command to forget codes."""
    return database.row(
        "SELECT * FROM commands WHERE lock_id = ? AND type = 'forget' ORDER BY issued_ms DESC LIMIT 1",
        lock_id,
    )
