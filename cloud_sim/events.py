"""Makes the events people read from the rows of a lock's journal."""

import json
import uuid
from datetime import datetime
from typing import Any

from cloud_sim.answers import iso_ms
from cloud_sim.database import Database

EVENT_NAMESPACE = uuid.UUID("6f1c6f0c-5a5e-4c0e-9d4e-3c1f3c0a9b52")

_REASON_CODES = {
    "unknown_code": "unknown_code",
    "impossible_length": "unknown_code",
    "expired": "expired_code",
    "used_up": "expired_code",
    "first_use_missed": "expired_code",
    "revoked": "blocklisted_code",
    "disabled": "blocklisted_code",
    "throttled": "too_many_attempts",
    "blocked_by_mode": "blocked_by_privacy_mode",
}
"""The lock's reason -> the few a cloud's clients know; anything else is `credential_error`."""

_RENAMED = {"access_granted": "lock.unlocked", "access_denied": "lock.access_denied"}


def event_of(lock_id: str, journal_epoch: str, row: dict[str, Any], received_ms: int) -> dict[str, Any]:
    """The event of one journal row. Its id follows from the row, so the same row is always the same event.

    `occurred_at` is the lock's own clock, as good as `clock` says; where it had none, when we heard of it."""
    # What is sealed to the cloud is read apart, and says nothing to anybody else.
    detail = {key: value for key, value in row["detail"].items() if key != "sealed"}
    event = {
        "event_id": str(uuid.uuid5(EVENT_NAMESPACE, f"{lock_id}/{journal_epoch}/{row['seq']}")),
        "event_type": _RENAMED.get(row["kind"], f"lock.{row['kind']}"),
        "lock_id": lock_id,
        "occurred_at": iso_ms(row.get("wall_ms") or received_ms),
        "received_at": iso_ms(received_ms),
        "clock": row.get("clock"),
        "journal_epoch": journal_epoch,
        "seq": row["seq"],
    }
    if isinstance(detail.get("access_code_id"), str):
        event["access_code_id"] = detail["access_code_id"]
    if row["kind"] in _RENAMED:
        event |= {"source": "keypad", "keypad": _text(detail.get("keypad"))}
        if "direction" in detail:
            event["direction"] = _text(detail["direction"])
    if row["kind"] == "access_granted":
        event["method"] = "keycode"
    if row["kind"] == "access_denied":
        reason = str(detail.get("reason"))
        event |= {"reason": reason, "reason_code": _REASON_CODES.get(reason, "credential_error")}
    return event | {"detail": detail}


def _text(value: object) -> str | None:
    """What a lock said, if it is what it should be."""
    return value if isinstance(value, str) else None


def add_event(database: Database, lock_id: str, event: dict[str, Any]) -> None:
    """Append an event as the lock's next; inside the transaction of what it tells."""
    sequence = last_sequence(database, lock_id) + 1
    text = json.dumps({**event, "sequence": sequence})
    database.run("INSERT INTO events VALUES (?, ?, ?)", lock_id, sequence, text)


def add_own(database: Database, lock_id: str, kind: str, detail: dict[str, Any], now_ms: int) -> None:
    """Append what this cloud did about a lock, as the lock's next event; inside the transaction of it."""
    event = event_of(lock_id, "", {"seq": 0, "kind": kind, "detail": detail}, now_ms)
    add_event(database, lock_id, event | {"event_id": str(uuid.uuid4())})


def last_sequence(
    database: Database, lock_id: str, table: str = "events", forgotten: str = "forgotten_upto"
) -> int:
    """The highest number that an event of this lock ever had; forgotten ones count."""
    row = database.row(
        f"SELECT max({forgotten}, coalesce((SELECT max(sequence) FROM {table} WHERE lock_id = ?1), 0)) AS n"
        " FROM locks WHERE lock_id = ?1",
        lock_id,
    )
    return int(row["n"]) if row else 0


def told_upto_s(database: Database, lock_id: str) -> float:
    """By its newest event whose time is good: everything that happened at the lock before this Unix time is
    known here, since journals come in order. 0 if there is none."""
    row = database.row(
        "SELECT json_extract(event, '$.occurred_at') AS at FROM events WHERE lock_id = ?"
        " AND json_extract(event, '$.clock') IN ('trusted', 'holdover') ORDER BY sequence DESC LIMIT 1",
        lock_id,
    )
    return datetime.fromisoformat(row["at"]).timestamp() if row else 0.0


def events_after(database: Database, lock_id: str, after: int, limit: int) -> list[dict[str, Any]]:
    """The events of a lock with a sequence above `after`, oldest first, at most `limit`."""
    rows = database.rows(
        "SELECT event FROM events WHERE lock_id = ? AND sequence > ? ORDER BY sequence LIMIT ?",
        lock_id,
        after,
        limit,
    )
    return [json.loads(row["event"]) for row in rows]
