"""The events of the Seam-compatible API: numbered across all locks, each written once, never changed."""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from cloud_sim.answers import iso_ms
from cloud_sim.database import Database
from cloud_sim.seam.workspace import connected_account_id, workspace_id

FACE = "seam"
"""The API whose events these are; the queue of webhooks holds those of another one too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """Something to tell. Digits of a code may be in `fields`."""

    event_type: str
    lock_id: str
    occurred_ms: int
    """Unix milliseconds, by the best clock there is for it."""
    access_code_id: str | None = None
    fields: dict[str, Any] = field(default_factory=dict, repr=False)
    event_id: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which events; None: no such condition."""

    since_ms: int | None = None
    """Told at this time or later."""
    before_ms: int | None = None
    lock_ids: Sequence[str] | None = None
    access_code_ids: Sequence[str] | None = None
    event_types: Sequence[str] | None = None
    event_ids: Sequence[str] | None = None


def record(database: Database, event: NewEvent, wall: float) -> None:
    """Append an event; inside the transaction of what it tells."""
    created_ms = int(wall * 1000)
    about_code = {} if event.access_code_id is None else {"access_code_id": event.access_code_id}
    document = {
        "event_id": event.event_id,
        "event_type": event.event_type,
        "workspace_id": workspace_id(database),
        "connected_account_id": connected_account_id(database),
        "device_id": event.lock_id,
        "created_at": iso_ms(created_ms),
        "occurred_at": iso_ms(event.occurred_ms),
        **about_code,
        **event.fields,
    }
    database.run(
        "INSERT INTO seam_events (event_id, event_type, lock_id, access_code_id, created_ms, event)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        event.event_id,
        event.event_type,
        event.lock_id,
        event.access_code_id,
        created_ms,
        json.dumps(document, ensure_ascii=False),
    )


def last_sequence(database: Database) -> int:
    """The number of the newest event; 0 before the first."""
    row = database.row("SELECT max(sequence) AS n FROM seam_events")
    return (row or {})["n"] or 0


def find(database: Database, wanted: Filter, limit: int) -> list[dict[str, Any]]:
    """The events that fit, oldest first."""
    where, values = _conditions(wanted)
    rows = database.rows(f"SELECT event FROM seam_events{where} ORDER BY sequence LIMIT ?", *values, limit)
    return [json.loads(row["event"]) for row in rows]


def newest(database: Database, wanted: Filter) -> dict[str, Any] | None:
    """The last event that fits."""
    where, values = _conditions(wanted)
    row = database.row(f"SELECT event FROM seam_events{where} ORDER BY sequence DESC LIMIT 1", *values)
    return None if row is None else json.loads(row["event"])


def _conditions(wanted: Filter) -> tuple[str, list[object]]:
    parts: list[str] = ["face = ?"]
    values: list[object] = [FACE]
    for column, among in (
        ("lock_id", wanted.lock_ids),
        ("access_code_id", wanted.access_code_ids),
        ("event_type", wanted.event_types),
        ("event_id", wanted.event_ids),
    ):
        if among is not None:
            parts.append(f"{column} IN (SELECT value FROM json_each(?))")
            values.append(json.dumps(list(among)))
    for comparison, limit_ms in ((">=", wanted.since_ms), ("<", wanted.before_ms)):
        if limit_ms is not None:
            parts.append(f"created_ms {comparison} ?")
            values.append(limit_ms)
    return " WHERE " + " AND ".join(parts), values
