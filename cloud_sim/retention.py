"""Forgets events that are older than people want them kept, with the digits and names in them.

The journals of the locks stay: they hold neither. So does how far each is taken in, by which an event that
was forgotten is never made again; and numbers of events are never given twice.
"""

import json
from typing import Any

from cloud_sim import offline_codes
from cloud_sim.answers import iso_ms
from cloud_sim.database import Database

DEFAULT_DAYS = 90
MOST_DAYS = 36_500
AT_ONCE = 500
"""So many in one transaction; locks and clients wait no longer for it than for other work."""
_DAY_MS = 86_400_000
_LISTS = (("events", "forgotten_upto"), ("duress_events", "duress_forgotten_upto"))


def forget_some(database: Database, keep_days: int, wall: float) -> int:
    """Forget up to AT_ONCE events of each kind and lock, the oldest first; how many it were. Durable when
    this returns; call it until it says 0, then `database.empty_log()`."""
    before_ms = int(wall * 1000) - keep_days * _DAY_MS
    count = 0
    for lock in database.rows("SELECT lock_id FROM locks"):
        for table, column in _LISTS:
            with database.transaction():
                count += _forget_of_lock(database, table, column, lock["lock_id"], before_ms)
    with database.transaction():
        count += _forget_told(database, before_ms)
        offline_codes.forget(database, before_ms / 1000)
    return count


def _forget_of_lock(database: Database, table: str, column: str, lock_id: str, before_ms: int) -> int:
    """By when we heard of it; a lock's clock may have been wrong. What is not told on yet stays for now."""
    oldest = database.rows(
        f"SELECT sequence, json_extract(event, '$.received_at') AS received_at FROM {table}"
        " WHERE lock_id = ? AND NOT EXISTS (SELECT 1 FROM news WHERE kind = 'lock_event'"
        f" AND news.lock_id = {table}.lock_id AND about = CAST(sequence AS TEXT)) ORDER BY sequence LIMIT ?",
        lock_id,
        AT_ONCE,
    )
    before = iso_ms(before_ms) or ""
    old = [row["sequence"] for row in oldest if row["received_at"] < before]
    if old:
        database.run(
            f"DELETE FROM {table} WHERE lock_id = ? AND sequence IN (SELECT value FROM json_each(?))",
            lock_id,
            json.dumps(old),
        )
        database.run(f"UPDATE locks SET {column} = max({column}, ?) WHERE lock_id = ?", max(old), lock_id)
    return len(old)


def _forget_told(database: Database, before_ms: int) -> int:
    rows = database.rows(
        "SELECT sequence, event_type, face FROM seam_events WHERE created_ms < ? ORDER BY sequence LIMIT ?",
        before_ms,
        AT_ONCE,
    )
    for webhook in database.rows("SELECT * FROM webhooks") if rows else ():
        _give_up(database, webhook, rows)
    database.run(
        "DELETE FROM seam_events WHERE sequence IN (SELECT value FROM json_each(?))",
        json.dumps([row["sequence"] for row in rows]),
    )
    return len(rows)


def _give_up(database: Database, webhook: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    """An endpoint that did not take an event for so long never gets it."""
    wanted = json.loads(webhook["event_types"])
    missed = [
        row
        for row in rows
        if row["sequence"] > webhook["upto"]
        and row["face"] == webhook["face"]
        and ("*" in wanted or row["event_type"] in wanted)
    ]
    if missed:
        database.run(
            "UPDATE webhooks SET upto = max(upto, ?), tries = 0, next_ms = 0, given_up = given_up + ?"
            " WHERE webhook_id = ?",
            missed[-1]["sequence"],
            len(missed),
            webhook["webhook_id"],
        )
