"""Takes in what locks tell of codes that people made, removed or got back at the door."""

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Any

import msgspec

from cloud_sim import access_codes, code_sets, sealed_details
from cloud_sim.database import Database
from cloud_sim.keyring import Keyring

KINDS = frozenset({"code_added_at_door", "code_removed_at_door", "code_restored"})
"""The kinds of journal rows that are taken here."""
STREAM = "door_code"
"""What the digits are sealed as: each row's own, for this cloud alone."""

_DIGITS = re.compile(r"[0-9]{4,12}")

Id = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
Count = Annotated[int, msgspec.Meta(ge=1, le=2**53)]
Second = Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799)]


class _Code(msgspec.Struct, frozen=True):
    access_code_id: Id
    gen: Count


class _Added(_Code, frozen=True):
    starts_at: Second | None = None
    ends_at: Second | None = None
    max_uses: Count | None = None


class _Removed(_Code, frozen=True, kw_only=True):
    is_managed: bool
    """Whether it was one of the set, as far as the lock knew."""
    stays: bool
    """The lock does not put it back."""


def take(
    database: Database,
    lock_id: str,
    kind: str,
    detail: Mapping[str, Any],
    *,
    at_ms: int,
    wall: float,
    keyring: Keyring | None,
) -> bool:
    """Take one journal row, inside the transaction that stores it; whether the wanted set has a new revision.

    `at_ms`: when it happened, Unix milliseconds. A row that says nothing of a code of this lock changes
    nothing: no lock has a say in another's codes."""
    with suppress(msgspec.ValidationError):
        match kind:
            case "code_added_at_door":
                added = msgspec.convert(detail, _Added)
                digits = _digits(database, lock_id, detail, added, keyring)
                _add(database, lock_id, added, digits, at_ms, wall)
            case "code_removed_at_door":
                return _remove(database, lock_id, msgspec.convert(detail, _Removed), at_ms)
            case "code_restored":
                _restore(database, lock_id, msgspec.convert(detail, _Code))
    return False


def forgotten(database: Database, lock_id: str, ids: list[str]) -> None:
    """The lock answered that it holds none of these any more, but those of its set; inside a transaction."""
    for access_code_id in ids:
        database.run(
            "UPDATE access_codes SET is_at_door = 0 WHERE access_code_id = ? AND lock_id = ?"
            " AND deleted_ms IS NOT NULL",
            access_code_id,
            lock_id,
        )
    access_codes.forget_deleted(database, lock_id)


def lose(database: Database, lock_id: str) -> None:
    """A lock began anew, with an empty memory: what it knew apart from its set is gone."""
    lost = database.rows(
        "SELECT access_code_id FROM access_codes WHERE lock_id = ? AND is_at_door = 1 AND is_managed = 0",
        lock_id,
    )
    for row in lost:
        access_codes.erase(database, row["access_code_id"])
    database.run("UPDATE access_codes SET is_at_door = 0 WHERE lock_id = ? AND is_at_door = 1", lock_id)
    access_codes.forget_deleted(database, lock_id)
    doubt(database, lock_id)


def doubt(database: Database, lock_id: str) -> None:
    """Rows of a lock's journal are lost, and among them may be that it put codes of its set back."""
    database.run(
        "UPDATE access_codes SET removed_at_door_ms = NULL"
        " WHERE lock_id = ? AND removed_at_door_ms IS NOT NULL AND is_in_set = 1",
        lock_id,
    )


def _digits(
    database: Database, lock_id: str, detail: Mapping[str, Any], added: _Added, keyring: Keyring | None
) -> str:
    """The digits of a new code; none if what is sealed cannot be read, or is another code's."""
    told = sealed_details.opened(database, lock_id, STREAM, detail.get("sealed"), keyring)
    digits = told.get("code")
    is_its = (told.get("access_code_id"), told.get("gen")) == (added.access_code_id, added.gen)
    return digits if is_its and isinstance(digits, str) and _DIGITS.fullmatch(digits) else ""


def _add(database: Database, lock_id: str, added: _Added, digits: str, at_ms: int, wall: float) -> None:
    if access_codes.find(database, added.access_code_id) is not None:
        return
    values = {
        "access_code_id": added.access_code_id,
        "lock_id": lock_id,
        "code": digits,
        "gen": added.gen,
        "starts_at": added.starts_at,
        "ends_at": added.ends_at,
        "max_uses": added.max_uses,
        "created_ms": int(wall * 1000),
        "made_ms": at_ms,
        "bucket_byte": code_sets.bucket_byte(added.access_code_id),
        "changed_rev": 0,
        "is_in_set": 0,
        "is_managed": 0,
        "is_at_door": 1,
    }
    columns, marks = ", ".join(values), ", ".join("?" * len(values))
    database.run(f"INSERT INTO access_codes ({columns}) VALUES ({marks})", *values.values())


def _remove(database: Database, lock_id: str, removed: _Removed, at_ms: int) -> bool:
    row = _row(database, lock_id, removed)
    if row is None:
        return False
    is_over = removed.stays or not removed.is_managed
    rev = code_sets.head(database, lock_id)[1] + 1
    is_dropped = bool(row["is_in_set"]) and is_over
    database.run(
        "UPDATE access_codes SET removed_at_door_ms = ?, is_at_door = is_at_door AND ?,"
        " is_in_set = is_in_set AND ?, changed_rev = CASE WHEN ? THEN ? ELSE changed_rev END"
        " WHERE access_code_id = ?",
        at_ms,
        removed.is_managed,
        not is_over,
        is_dropped,
        rev,
        row["access_code_id"],
    )
    if is_dropped:
        code_sets.record_revision(database, lock_id, rev, [row["bucket_byte"]])
    if not row["is_managed"]:
        access_codes.erase(database, row["access_code_id"])
    access_codes.forget_deleted(database, lock_id)
    return is_dropped


def _restore(database: Database, lock_id: str, restored: _Code) -> None:
    row = _row(database, lock_id, restored)
    if row is not None and row["is_in_set"]:
        database.run(
            "UPDATE access_codes SET removed_at_door_ms = NULL WHERE access_code_id = ?",
            row["access_code_id"],
        )


def _row(database: Database, lock_id: str, code: _Code) -> dict[str, Any] | None:
    row = access_codes.find(database, code.access_code_id)
    is_it = row is not None and (row["lock_id"], row["gen"]) == (lock_id, code.gen)
    return row if is_it else None
