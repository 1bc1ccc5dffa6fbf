"""The access codes people want on the locks: creating, finding and deleting them."""

import uuid
from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from typing import Any

from cloud_sim import code_constraints, code_rules, code_sets
from cloud_sim.code_rules import Rules
from cloud_sim.database import Database

RANDOM_TRIES = 200
ENDED_CODES_STAY_S = 24 * 3600
"""So long the lock still knows an ended or spent code, and can say which one was typed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccessCode:
    """What somebody asks for. The window is half-open, `[starts_at, ends_at)`, Unix seconds."""

    name: str | None = None
    person_id: str | None = None
    """Whose it is, where a name is not enough; `cloud_sim.people`."""
    code: str | None = field(default=None, repr=False)
    """4 to 8 digits; None: the cloud chooses."""
    starts_at: int | None = None
    ends_at: int | None = None
    is_one_time_use: bool = False
    max_uses: int | None = None
    """None: any number, unless `is_one_time_use`."""
    works_without_clock: bool = False
    is_external_modification_allowed: bool = False
    """Whoever removes it at the door removes it for good."""
    rules: Rules = field(default_factory=Rules)


@dataclass(frozen=True, slots=True)
class Taken:
    """The digits are another code's on that lock, which has not ended."""

    access_code_id: str


@dataclass(frozen=True, slots=True)
class Full:
    """The lock holds no more codes than this."""

    capacity: int


WITH_REPORT = """
    SELECT access_codes.*, state, errors, coalesce(uses, 0) AS uses, first_used_ms, last_used_ms
    FROM access_codes LEFT JOIN reported_access_codes USING (lock_id, access_code_id, gen)
"""
"""The rows of codes, each with what its lock reports of it; to be followed by a WHERE."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Why none of several codes was added: one of them, by its place among them, cannot be."""

    index: int
    why: Taken | Full | int
    """An int: the place of another of them that has the same digits."""


def create(
    database: Database, lock_id: str, wanted: NewAccessCode, wall: float, capacity: int | None = None
) -> str | Taken | Full:
    """Add a code to the lock's set as its next revision; durable when this returns. The new id, or why not.

    `capacity`: what the lock has said it holds."""
    with database.transaction():
        return add(database, lock_id, wanted, wall, capacity)


def add(
    database: Database, lock_id: str, wanted: NewAccessCode, wall: float, capacity: int | None = None
) -> str | Taken | Full:
    """`create` inside a transaction of the caller, who undoes it if anything else of it is refused."""
    added = add_all(database, lock_id, [wanted], wall, capacity)
    if isinstance(added, list):
        return added[0]
    assert not isinstance(added.why, int), "one code has no other beside it"
    return added.why


def add_all(
    database: Database,
    lock_id: str,
    wanted: Sequence[NewAccessCode],
    wall: float,
    capacity: int | None = None,
) -> list[str] | Refused:
    """Add codes as one revision, inside a transaction; their ids in the same order. Or none of them."""
    chosen = _chosen(database, lock_id, wanted, wall)
    if isinstance(chosen, Refused):
        return chosen
    leaving = _long_ended(database, lock_id, wall)
    for index, digits in enumerate(chosen):
        live = live_holder_of(database, lock_id, digits, wall)
        if live is not None:
            return Refused(index, Taken(live["access_code_id"]))
        holder = holder_of(database, lock_id, digits)
        if holder is not None:
            leaving.add(holder["access_code_id"])
    if capacity is not None:
        room = capacity - count_held(database, lock_id) + len(leaving)
        if len(wanted) > room:
            return Refused(max(0, room), Full(capacity))
    rev = code_sets.head(database, lock_id)[1] + 1
    drop(database, leaving, rev)
    ids = [str(uuid.uuid4()) for _ in wanted]
    for access_code_id, digits, each in zip(ids, chosen, wanted, strict=True):
        _insert(database, lock_id, access_code_id, digits, each, rev, wall)
    code_sets.record_revision(database, lock_id, rev, map(code_sets.bucket_byte, {*ids, *leaving}))
    return ids


def _chosen(
    database: Database, lock_id: str, wanted: Sequence[NewAccessCode], wall: float
) -> list[str] | Refused:
    """The digits of each, drawn where none are given, and none of them twice."""
    places: dict[str, int] = {}
    for index, each in enumerate(wanted):
        if each.code is not None and places.setdefault(each.code, index) != index:
            return Refused(index, places[each.code])
    for index, each in enumerate(wanted):
        if each.code is None:
            digits = free_code(database, [lock_id], wall, but=places)
            if places.setdefault(digits, index) != index:
                return Refused(index, places[digits])
    return sorted(places, key=places.__getitem__)


def delete(database: Database, row: dict[str, Any], wall: float) -> None:
    """Take a code (a row of `find`) out of the lock's set as the next revision. Again is harmless.

    The row stays until the lock confirms; at once it goes only where no lock can hold it. What was made at
    the door the lock must be told to forget besides: `unmanaged_codes.have_deleted`."""
    delete_all(database, row["lock_id"], [row], wall)


def delete_all(database: Database, lock_id: str, rows: Sequence[dict[str, Any]], wall: float) -> None:
    """The same for several codes of a lock, as one revision."""
    with database.transaction():
        held = {row["access_code_id"] for row in rows if row["is_in_set"]}
        if held:
            rev = code_sets.head(database, lock_id)[1] + 1
            leaving = _long_ended(database, lock_id, wall) | held
            drop(database, leaving, rev)
            code_sets.record_revision(database, lock_id, rev, map(code_sets.bucket_byte, leaving))
        for row in rows:
            database.run(
                "UPDATE access_codes SET deleted_ms = coalesce(deleted_ms, ?) WHERE access_code_id = ?",
                int(wall * 1000),
                row["access_code_id"],
            )
        forget_deleted(database, lock_id)


def forget_deleted(database: Database, lock_id: str) -> None:
    """Remove the deleted codes that the lock confirmed, or, never enrolled, cannot hold; in a transaction."""
    confirmed = database.row("SELECT rev FROM reported_codes WHERE lock_id = ? AND is_our_root = 1", lock_id)
    enrolled = database.row("SELECT 1 FROM device_keys WHERE lock_id = ?", lock_id) is not None
    upto = (confirmed["rev"] if confirmed else 0) if enrolled else 2**62
    database.run(
        "DELETE FROM reported_access_codes WHERE access_code_id IN (SELECT access_code_id FROM access_codes"
        " WHERE lock_id = ? AND deleted_ms IS NOT NULL AND changed_rev <= ? AND is_at_door = 0)",
        lock_id,
        upto,
    )
    database.run(
        "DELETE FROM access_codes"
        " WHERE lock_id = ? AND deleted_ms IS NOT NULL AND changed_rev <= ? AND is_at_door = 0",
        lock_id,
        upto,
    )


def erase(database: Database, access_code_id: str) -> None:
    """Remove a code that the lock does not hold any more, with what it reported of it; in a transaction."""
    for table in ("reported_access_codes", "access_codes"):
        database.run(f"DELETE FROM {table} WHERE access_code_id = ?", access_code_id)


def find(database: Database, access_code_id: str) -> dict[str, Any] | None:
    """One code with what its lock reports of it."""
    return database.row(f"{WITH_REPORT} WHERE access_code_id = ?", access_code_id)


def of_lock(database: Database, lock_id: str) -> list[dict[str, Any]]:
    """All codes of a lock with what it reports of them, oldest first."""
    return database.rows(f"{WITH_REPORT} WHERE lock_id = ? ORDER BY created_ms, access_code_id", lock_id)


def has_ended(row: dict[str, Any], wall: float) -> bool:
    """Whether a code can never open again: its window is over, it is spent, or it left the set. An unmanaged
    one is in no set, and its row goes when the lock holds it no more."""
    is_spent = row["max_uses"] is not None and row["uses"] >= row["max_uses"]
    ends_at = end_of(row)
    return (
        is_spent or (ends_at is not None and ends_at <= wall) or (row["is_managed"] and not row["is_in_set"])
    )


def end_of(row: dict[str, Any]) -> float | None:
    """When a code is over, Unix time: its window, or its time after the first use, whichever ends first."""
    ends = [] if row["ends_at"] is None else [float(row["ends_at"])]
    if row["expires_after_first_use_s"] is not None and row["first_used_ms"] is not None:
        ends.append(row["first_used_ms"] // 1000 + row["expires_after_first_use_s"])
    return min(ends, default=None)


def holder_of(database: Database, lock_id: str, digits: str) -> dict[str, Any] | None:
    """The code of a lock's set with these digits."""
    return database.row(f"{WITH_REPORT} WHERE lock_id = ? AND code = ? AND is_in_set = 1", lock_id, digits)


def count_held(database: Database, lock_id: str) -> int:
    """How many places of a lock are taken: by its set, and by codes made at its door."""
    row = database.row(
        "SELECT count(*) AS n FROM access_codes WHERE lock_id = ? AND is_at_door = 1 AND is_in_set = 0",
        lock_id,
    )
    return code_sets.count(database, lock_id) + (0 if row is None else int(row["n"]))


def live_holder_of(
    database: Database, lock_id: str, digits: str, wall: float, but: str | None = None
) -> dict[str, Any] | None:
    """The code with these digits, of a lock's set or made at its door, that has not ended, other than `but`.
    One that is to be forgotten at the door is held there until the lock has done it."""
    rows = database.rows(
        f"{WITH_REPORT} WHERE lock_id = ?1 AND code = ?2 AND is_in_set = 1"
        f" UNION ALL {WITH_REPORT} WHERE lock_id = ?1 AND code = ?2 AND is_at_door = 1 AND is_in_set = 0",
        lock_id,
        digits,
    )
    live = (row for row in rows if row["access_code_id"] != but and not has_ended(row, wall))
    return next(live, None)


def free_code(
    database: Database,
    lock_ids: Sequence[str],
    wall: float,
    preferred_length: int | None = None,
    but: Container[str] = (),
) -> str:
    """Random digits that these locks take, other than `but`, that no code of them has which has not ended."""
    drawing = code_constraints.drawing(database, lock_ids, preferred_length)
    for _ in range(RANDOM_TRIES):
        digits = drawing.draw()
        if digits not in but and all(is_free(database, lock_id, digits, wall) for lock_id in lock_ids):
            break
    return digits  # a set so full that 200 draws found nothing gets the ordinary answer: taken


def is_free(database: Database, lock_id: str, digits: str, wall: float) -> bool:
    """Whether a lock could be given a code of these digits."""
    return live_holder_of(database, lock_id, digits, wall) is None


def _long_ended(database: Database, lock_id: str, wall: float) -> set[str]:
    """By two small indexes, and not by looking at all codes: this is asked at every change. SQLite has no
    idea how small the second one is, and would not choose it."""
    latest = int(wall) - ENDED_CODES_STAY_S
    rows = database.rows(
        "SELECT access_code_id FROM access_codes"
        " WHERE lock_id = ?1 AND is_in_set = 1 AND ends_at IS NOT NULL AND ends_at <= ?2"
        " UNION SELECT access_code_id FROM access_codes INDEXED BY access_codes_with_uses"
        " JOIN reported_access_codes USING (lock_id, access_code_id, gen)"
        " WHERE lock_id = ?1 AND is_in_set = 1"
        " AND (max_uses IS NOT NULL OR expires_after_first_use_s IS NOT NULL)"
        " AND ((uses >= max_uses AND last_used_ms <= ?2 * 1000)"
        " OR first_used_ms / 1000 + expires_after_first_use_s <= ?2)",
        lock_id,
        latest,
    )
    return {row["access_code_id"] for row in rows}


def drop_spent(database: Database, lock_id: str) -> bool:
    """Take used-up codes out of a lock's set, inside a transaction; whether that made a revision.

    A lock knows them for a day, to say which one was typed; one that has lost its memory would let them
    open again."""
    rows = database.rows(f"{WITH_REPORT} WHERE lock_id = ? AND is_in_set = 1 AND uses >= max_uses", lock_id)
    if rows:
        rev = code_sets.head(database, lock_id)[1] + 1
        drop(database, {row["access_code_id"] for row in rows}, rev)
        code_sets.record_revision(database, lock_id, rev, [row["bucket_byte"] for row in rows])
    return bool(rows)


def drop(database: Database, access_code_ids: set[str], rev: int) -> None:
    """Take codes out of their lock's set, as of `rev`; inside the transaction that records it."""
    for access_code_id in access_code_ids:
        database.run(
            "UPDATE access_codes SET is_in_set = 0, changed_rev = ? WHERE access_code_id = ?",
            rev,
            access_code_id,
        )


def _insert(
    database: Database,
    lock_id: str,
    access_code_id: str,
    digits: str,
    wanted: NewAccessCode,
    rev: int,
    wall: float,
) -> None:
    values = {
        "access_code_id": access_code_id,
        "lock_id": lock_id,
        "name": wanted.name,
        "person_id": wanted.person_id,
        "code": digits,
        "starts_at": wanted.starts_at,
        "ends_at": wanted.ends_at,
        "max_uses": 1 if wanted.is_one_time_use else wanted.max_uses,
        "works_without_clock": int(wanted.works_without_clock),
        "is_external_modification_allowed": int(wanted.is_external_modification_allowed),
        "created_ms": int(wall * 1000),
        "bucket_byte": code_sets.bucket_byte(access_code_id),
        "changed_rev": rev,
        "is_in_set": 1,
        **code_rules.columns(wanted.rules),
    }
    columns, marks = ", ".join(values), ", ".join("?" * len(values))
    database.run(f"INSERT INTO access_codes ({columns}) VALUES ({marks})", *values.values())
