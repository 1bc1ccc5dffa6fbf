"""The locks of this cloud, whether they have enrolled yet or not."""

import uuid
from typing import Any

from cloud_sim import code_sets
from cloud_sim.database import Database


def add_lock(database: Database, name: str | None, wall: float) -> str:
    """A new lock with an empty code set, revision 1; inside a transaction. Returns its id."""
    lock_id = str(uuid.uuid4())
    database.run(
        "INSERT INTO locks (lock_id, name, created_ms, head_rev) VALUES (?, ?, ?, 0)",
        lock_id,
        name,
        int(wall * 1000),
    )
    code_sets.record_revision(database, lock_id, 1, ())
    return lock_id


def find_lock(database: Database, lock_id: str) -> dict[str, Any] | None:
    """The row of one lock."""
    return database.row("SELECT * FROM locks WHERE lock_id = ?", lock_id)


def all_locks(database: Database) -> list[dict[str, Any]]:
    """Every lock, oldest first."""
    return database.rows("SELECT * FROM locks ORDER BY created_ms, lock_id")


def enrolled_lock_ids(database: Database) -> list[str]:
    """The locks that have keys here, so that somebody listens."""
    return [row["lock_id"] for row in database.rows("SELECT lock_id FROM device_keys ORDER BY pinned_ms")]
