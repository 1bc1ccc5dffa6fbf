"""What a lock reports of itself, kept apart from what is wanted of it."""

import json
from dataclasses import dataclass
from typing import Any

import msgspec

from agent.messages import Codes, Status
from cloud_sim import access_codes, code_sets
from cloud_sim.database import Database

ONLINE_FOR_S = 35 * 60
"""A lock repeats its status every 15 minutes; silent for two turns and a little, it is not online."""
SILENT_S = 72 * 3600
"""After so long without a word nothing is known about what the lock holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is known about one lock's memory."""

    confirmed_rev: int
    """The newest revision the lock holds, proven by its root; 0 for none."""
    has_other_set: bool
    """The lock names a root for its revision that is not ours; revision 0, nothing yet, is no such name."""
    is_silent: bool
    capacity: int | None
    """Codes it can hold, by its own word."""


def store_status(database: Database, lock_id: str, status: Status, seen_s: float) -> bool:
    """Keep a status. An offline of a session that is not the last one seen says nothing: False.

    `seen_s`: when the lock was there to say so, Unix time."""
    if not status.online and session(database, lock_id) != status.sid:
        return False
    if status.online:
        database.run(
            "INSERT INTO reported_status VALUES (?, ?, 1, ?, ?) ON CONFLICT (lock_id) DO UPDATE SET"
            " sid = excluded.sid, is_online = 1, status = excluded.status,"
            " last_seen_ms = max(last_seen_ms, excluded.last_seen_ms)",
            lock_id,
            status.sid,
            msgspec.json.encode(status).decode(),
            int(seen_s * 1000),
        )
    else:
        database.run("UPDATE reported_status SET is_online = 0 WHERE lock_id = ?", lock_id)
    return True


def session(database: Database, lock_id: str) -> str | None:
    """The last session of a lock that is known; it may have ended."""
    row = database.row("SELECT sid FROM reported_status WHERE lock_id = ?", lock_id)
    return None if row is None else str(row["sid"])


def note_seen(database: Database, lock_id: str, wall: float) -> None:
    """The lock sent something just now; noted once a second, as each note is a write to the disk."""
    now_ms = int(wall * 1000)
    database.run(
        "UPDATE reported_status SET last_seen_ms = ?1 WHERE lock_id = ?2 AND abs(?1 - last_seen_ms) >= 1000",
        now_ms,
        lock_id,
    )


def store_codes(database: Database, lock_id: str, codes: Codes, *, is_live: bool = True) -> bool:
    """Keep what the lock says it holds; what it confirms as deleted is forgotten.

    True if the set has a new revision: a lock that is ahead of us, because we were restored from a backup,
    would believe nothing below its own; and one that has lost its memory does not know what is used up."""
    if codes.set_epoch != code_sets.head(database, lock_id)[0]:
        return False
    with database.transaction():
        # What a broker kept may be old without the lock being so.
        has_gone_back = is_live and _has_gone_back(database, lock_id, codes)
        has_dropped = has_gone_back and access_codes.drop_spent(database, lock_id)
        is_our_root = _is_ours(database, lock_id, codes.rev, codes.root)
        database.run(
            "INSERT OR REPLACE INTO reported_codes VALUES (?, ?, ?, ?)",
            lock_id,
            codes.rev,
            int(is_our_root),
            msgspec.json.encode(codes).decode(),
        )
        if is_our_root:
            _note_taken_over(database, lock_id, codes.rev)
            access_codes.forget_deleted(database, lock_id)
            database.run("DELETE FROM revisions WHERE lock_id = ? AND rev < ?", lock_id, codes.rev)
        is_ahead = knows_more(database, lock_id, codes)
        if is_ahead:
            code_sets.record_revision(database, lock_id, _used_up(codes) + 1, ())
    return is_ahead or has_dropped


def knows_more(database: Database, lock_id: str, codes: Codes) -> bool:
    """Whether the lock was given revisions that are not ours: a later state of this cloud did that."""
    head_rev = code_sets.head(database, lock_id)[1]
    return _used_up(codes) > head_rev or _has_another_head(database, lock_id, codes, head_rev)


def _used_up(codes: Codes) -> int:
    return max(codes.rev, codes.highest_rev)


def _has_gone_back(database: Database, lock_id: str, codes: Codes) -> bool:
    """Whether the lock begins with an empty memory, or with an old copy of it."""
    before = database.row("SELECT rev FROM reported_codes WHERE lock_id = ?", lock_id)
    return codes.rev == 0 or (before is not None and bool(codes.rev < before["rev"]))


def _note_taken_over(database: Database, lock_id: str, rev: int) -> None:
    """What a lock holds as one of its set it does not hold apart from it any more."""
    database.run(
        "UPDATE access_codes SET is_at_door = 0"
        " WHERE lock_id = ? AND is_at_door = 1 AND is_in_set = 1 AND changed_rev <= ?",
        lock_id,
        rev,
    )


def _has_another_head(database: Database, lock_id: str, codes: Codes, head_rev: int) -> bool:
    """Whether the lock accepted our newest revision from somebody else: us, before the backup we are from."""
    if codes.highest_rev != head_rev or not codes.highest_root:
        return False
    return not _is_ours(database, lock_id, codes.highest_rev, codes.highest_root)


def _is_ours(database: Database, lock_id: str, rev: int, root: str) -> bool:
    known = "SELECT 1 FROM revisions WHERE lock_id = ? AND rev = ? AND root = ?"
    return database.row(known, lock_id, rev, root) is not None


def store_code_state(database: Database, lock_id: str, detail: dict[str, Any]) -> None:
    """Keep one `code_state` journal row's detail; inside the transaction that stores the row."""
    database.run(
        "INSERT INTO reported_access_codes (lock_id, access_code_id, gen, state, errors)"
        " VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET state = excluded.state, errors = excluded.errors",
        lock_id,
        detail["access_code_id"],
        detail["gen"],
        detail["state"],
        json.dumps(detail["errors"]),
    )


def count_use(
    database: Database, lock_id: str, detail: dict[str, Any], wall: float, used_ms: int | None = None
) -> None:
    """Count one `access_granted`; inside the transaction that stores the row. `used_ms`: when that was by
    the lock's clock, if it knew the time; its rules count from there."""
    database.run(
        "INSERT INTO reported_access_codes (lock_id, access_code_id, gen, uses, last_used_ms,"
        " first_used_ms) VALUES (?, ?, ?, 1, ?, ?) ON CONFLICT DO UPDATE SET uses = uses + 1,"
        " last_used_ms = excluded.last_used_ms,"
        " first_used_ms = coalesce(first_used_ms, excluded.first_used_ms)",
        lock_id,
        detail["access_code_id"],
        detail["gen"],
        int(wall * 1000),
        int(wall * 1000) if used_ms is None else used_ms,
    )


def evidence(database: Database, lock_id: str, wall: float) -> Evidence:
    """What the lock's reports prove."""
    status = database.row("SELECT last_seen_ms FROM reported_status WHERE lock_id = ?", lock_id)
    codes = database.row("SELECT * FROM reported_codes WHERE lock_id = ?", lock_id)
    last_seen_ms = status["last_seen_ms"] if status else None
    return Evidence(
        confirmed_rev=codes["rev"] if codes and codes["is_our_root"] else 0,
        has_other_set=bool(codes and codes["rev"] > 0 and not codes["is_our_root"]),
        is_silent=last_seen_ms is not None and wall - last_seen_ms / 1000 > SILENT_S,
        capacity=json.loads(codes["codes"])["capacity"] if codes else None,
    )
