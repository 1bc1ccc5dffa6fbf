"""Renewals of the keys of locks as they are kept: wanted, accepted, over."""

import uuid
from typing import Any

from cloud_sim import device_keys
from cloud_sim.database import Database


def want(database: Database, lock_id: str, wall: float) -> bool:
    """Have a lock renew its keys; durable when this returns. One under way goes on. Then `ask` it.

    False: it has no keys."""
    if not device_keys.identities(database, lock_id):
        return False
    if under_way(database, lock_id) is None:
        database.run(
            "INSERT OR REPLACE INTO key_renewals (lock_id, renewal_id, asked_ms) VALUES (?, ?, ?)",
            lock_id,
            str(uuid.uuid4()),
            int(wall * 1000),
        )
    return True


def state(database: Database, lock_id: str) -> dict[str, Any]:
    """How far a renewal is: `status` none, waiting (for the lock), refused (for the `reason` of the lock),
    accepted (the lock has not spoken by its new keys), done. Times in Unix milliseconds."""
    row = database.row("SELECT * FROM key_renewals WHERE lock_id = ?", lock_id)
    if row is None:
        return {"status": "none", "reason": None, "asked_at": None, "ended_at": None}
    times = {"asked_at": row["asked_ms"], "ended_at": row["ended_ms"]}
    if row["ended_ms"] is not None:
        return {"status": "done", "reason": None, **times}
    if row["identity"] is not None:
        return {"status": "accepted", "reason": None, **times}
    command = told(database, lock_id)
    if command is not None and command["status"] == "refused":
        return {"status": "refused", "reason": command["reason"], **times}
    return {"status": "waiting", "reason": None, **times}


def heard(database: Database, lock_id: str, kid: str, wall: float) -> None:
    """A genuine message of a lock was signed by this key: if that is the new one, the old ones are over."""
    renewal = under_way(database, lock_id)
    if renewal is None or renewal["identity"] is None or kid != device_keys.name_of(renewal["identity"]):
        return
    with database.transaction():
        database.run(
            "INSERT OR IGNORE INTO former_identities SELECT lock_id, identity FROM device_keys"
            " WHERE lock_id = ?",
            lock_id,
        )
        database.run(
            "UPDATE device_keys SET identity = ?, sealing = ?, certificate = ? WHERE lock_id = ?",
            *(renewal[name] for name in ("identity", "sealing", "certificate")),
            lock_id,
        )
        database.run(
            "UPDATE key_renewals SET identity = NULL, sealing = NULL, certificate = NULL, ended_ms = ?"
            " WHERE lock_id = ?",
            int(wall * 1000),
            lock_id,
        )


def under_way(database: Database, lock_id: str) -> dict[str, Any] | None:
    """The row of the renewal that is not over."""
    return database.row("SELECT * FROM key_renewals WHERE lock_id = ? AND ended_ms IS NULL", lock_id)


def told(database: Database, lock_id: str) -> dict[str, Any] | None:
    """The command of this renewal for the lock's present session."""
    return database.row(
        "SELECT commands.* FROM key_renewals JOIN commands USING (command_id)"
        " JOIN reported_status ON reported_status.lock_id = key_renewals.lock_id"
        " WHERE key_renewals.lock_id = ? AND told_sid = sid",
        lock_id,
    )
