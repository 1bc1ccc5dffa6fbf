"""Alarms of duress codes: opened with the cloud's key, and kept where no ordinary list of events looks."""

import json
from typing import Any

from agent.journal import CONCEALED_KIND as KIND
from cloud_sim import events, sealed_details
from cloud_sim.database import Database
from cloud_sim.keyring import Keyring

__all__ = ["KIND", "add", "events_after"]


def add(
    database: Database, lock_id: str, event: dict[str, Any], sealed: object, keyring: Keyring | None
) -> None:
    """Append the event of a `duress` row, of which `sealed` is what only the cloud can read; inside the
    transaction that stores the row. One that cannot be read is an alarm all the same: its detail says why."""
    told = sealed_details.opened(database, lock_id, KIND, sealed, keyring)
    found = {key: told[key] for key in ("access_code_id",) if isinstance(told.get(key), str)}
    sequence = events.last_sequence(database, lock_id, "duress_events", "duress_forgotten_upto") + 1
    text = json.dumps({**event, **found, "detail": told, "sequence": sequence})
    database.run("INSERT INTO duress_events VALUES (?, ?, ?)", lock_id, sequence, text)


def events_after(database: Database, lock_id: str, after: int, limit: int) -> list[dict[str, Any]]:
    """The alarms of a lock with a sequence above `after`, oldest first, at most `limit`."""
    rows = database.rows(
        "SELECT event FROM duress_events WHERE lock_id = ? AND sequence > ? ORDER BY sequence LIMIT ?",
        lock_id,
        after,
        limit,
    )
    return [json.loads(row["event"]) for row in rows]
