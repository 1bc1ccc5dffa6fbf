"""The offline codes that this cloud issued: kept apart from every code set, and where each of them stands.

Their locks are never told of them. What a lock reports of one, it reports as of any other code, under the id
that both reckon from what the digits say.
"""

from collections.abc import Container, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from cloud_sim import events, journal, offline_setups
from cloud_sim.database import Database

CLOUD_ISSUER = 0
"""The issuer that this cloud is."""
SAFETY_S = 1800
"""The most by which the clock of a lock may differ, so that it takes a code a little longer."""

Stage = Literal["created", "issued", "set", "revoking", "removed"]
"""created: the lock lacks the key, or does not know yet what it needs; issued: the lock would know it, its
time is to come; set: it opens; revoking: the lock does not know yet that it is revoked; removed: over."""

ROWS = """
    SELECT offline_codes.*, coalesce(uses, 0) AS uses, first_used_ms, last_used_ms
    FROM offline_codes LEFT JOIN reported_access_codes USING (lock_id, access_code_id)
"""
"""Each code with what its lock reports of it; to be followed by a WHERE."""


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What is known of one lock at one moment, as far as it decides where its offline codes stand."""

    setup_rev: int
    """The revision of the setup that counts at the lock; 0 where nothing counts."""
    journal_rev: int
    """The revision that it needs to know that its journal is known here."""
    told_upto_s: float
    """The lock has told of everything that happened there before this Unix time."""


def knowledge(database: Database, lock_id: str) -> Knowledge:
    """Gather it; once per answer and lock."""
    kept = offline_setups.kept(database, lock_id)
    at = journal.position(database, lock_id)
    knows_journal = kept is not None and at is not None and at[0] == kept.journal_epoch
    return Knowledge(
        setup_rev=offline_setups.reported_rev(database, lock_id) if knows_journal else 0,
        journal_rev=kept.journal_rev if kept else 0,
        told_upto_s=events.told_upto_s(database, lock_id),
    )


def stage(row: dict[str, Any], known: Knowledge, wall: float) -> Stage:
    """Where a code stands. A lock without a connection changes nothing of it."""
    is_spent = row["is_one_time_use"] and row["uses"]
    was_missed = not row["uses"] and known.told_upto_s >= row["first_use_by"] + SAFETY_S
    if row["ends_at"] <= wall or is_spent or was_missed:
        return "removed"
    if is_revoked(row):
        return "removed" if known.setup_rev >= row["revoked_rev"] else "revoking"
    if not row["uses"] and known.setup_rev < max(row["setup_rev"], known.journal_rev):
        return "created"
    return "set" if row["starts_at"] <= wall else "issued"


def is_revoked(row: dict[str, Any]) -> bool:
    """Whether it ends before its time. One whose key went lives on if it was used before."""
    return row["revoked_ms"] is not None and not (row["revoked_why"] == "key_gone" and row["uses"])


def find(database: Database, access_code_id: str) -> dict[str, Any] | None:
    """One of them."""
    return database.row(f"{ROWS} WHERE access_code_id = ?", access_code_id)


def of_lock(database: Database, lock_id: str) -> list[dict[str, Any]]:
    """All of a lock, oldest first."""
    return database.rows(f"{ROWS} WHERE lock_id = ? ORDER BY created_ms, access_code_id", lock_id)


def of_person(database: Database, person: str) -> list[dict[str, Any]]:
    """Those of a person, by `person_id` or name."""
    return database.rows(
        f"{ROWS} WHERE person_id = ?1 OR name = ?1 ORDER BY created_ms, access_code_id", person
    )


def by_digits(database: Database, lock_id: str, digits: str) -> dict[str, Any] | None:
    """The newest with these digits."""
    return database.row(
        f"{ROWS} WHERE lock_id = ? AND code = ? ORDER BY created_ms DESC LIMIT 1", lock_id, digits
    )


def may_open(row: dict[str, Any], known: Knowledge, wall: float) -> bool:
    """Whether a code is not over yet, as far as is known."""
    return stage(row, known, wall) != "removed"


def add(database: Database, values: dict[str, Any]) -> None:
    """Keep a new code, inside a transaction."""
    columns, marks = ", ".join(values), ", ".join("?" * len(values))
    database.run(f"INSERT INTO offline_codes ({columns}) VALUES ({marks})", *values.values())


def forget_person(database: Database, rows: Iterable[dict[str, Any]], over: Container[str]) -> None:
    """Keep these codes nameless, and those that are `over` without their digits; inside a transaction."""
    for row in rows:
        code = "" if row["access_code_id"] in over else row["code"]
        database.run(
            "UPDATE offline_codes SET name = NULL, person_id = NULL, code = ? WHERE access_code_id = ?",
            code,
            row["access_code_id"],
        )


def forget(database: Database, before_s: float) -> int:
    """Forget codes that ended before this Unix time, inside a transaction; how many. Nobody is to be told of
    them any more."""
    gone = database.rows(
        "DELETE FROM offline_codes WHERE ends_at < ? AND told_stage = 'removed'"
        " RETURNING lock_id, access_code_id",
        int(before_s),
    )
    _forget_reports(database, gone)
    return len(gone)


def _forget_reports(database: Database, gone: Iterable[dict[str, Any]]) -> None:
    for row in gone:
        database.run(
            "DELETE FROM reported_access_codes WHERE lock_id = ? AND access_code_id = ?",
            row["lock_id"],
            row["access_code_id"],
        )
