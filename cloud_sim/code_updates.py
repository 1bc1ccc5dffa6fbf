"""Changes an access code in place: the same code, with other rules or digits from the next revision on."""

import json
from collections.abc import Mapping
from typing import Any

from cloud_sim import access_codes, code_rules, code_sets, reported
from cloud_sim.access_codes import Taken
from cloud_sim.database import Database

_TOLD = (
    *("code", "starts_at", "ends_at", "max_uses", "works_without_clock"),
    *("is_external_modification_allowed", *code_rules.COLUMNS),
)
"""Columns that the lock is told; a change of any other is done when it is written here."""
BEFORE = ("code", "starts_at", "ends_at")


def update(database: Database, row: dict[str, Any], values: Mapping[str, Any], wall: float) -> Taken | None:
    """Give columns of a code (a row of `access_codes.find`) new values; inside a transaction.

    What the lock still holds is kept as `before`, until it confirms. A code that had ended and has not any
    more goes back into the set, and its uses count on; one that was removed at the door stays away."""
    changed = {name: value for name, value in values.items() if row[name] != value}
    if not changed:
        return None
    if not changed.keys().isdisjoint(_TOLD):
        told = _told(database, row, changed, wall)
        if isinstance(told, Taken):
            return told
        changed |= told
    _write(database, row["access_code_id"], changed)
    if "changed_rev" in changed:
        touched = [code_sets.bucket_byte(row["access_code_id"])]
        code_sets.record_revision(database, row["lock_id"], changed["changed_rev"], touched)
    return None


def is_held(row: dict[str, Any], confirmed_rev: int) -> bool:
    """Whether the lock has proven to hold this code as it is wanted, and nobody removed it there since."""
    is_there = bool(row["is_in_set"]) and row["removed_at_door_ms"] is None
    return is_there and confirmed_rev >= row["changed_rev"] and row["state"] in (None, "set")


def before(row: dict[str, Any], confirmed_rev: int) -> dict[str, Any] | None:
    """What the lock holds of a code while a change of it is on its way; None without such a change."""
    if row["before"] is None or confirmed_rev >= row["changed_rev"]:
        return None
    held: dict[str, Any] = json.loads(row["before"])
    return held


def _told(
    database: Database, row: dict[str, Any], changed: dict[str, Any], wall: float
) -> dict[str, Any] | Taken:
    """Further columns, so that the lock learns of it; none where the code has ended and stays out."""
    lock_id, future = row["lock_id"], {**row, **changed, "is_in_set": 1}
    is_removed = row["removed_at_door_ms"] is not None
    if not row["is_in_set"] and (is_removed or access_codes.has_ended(future, wall)):
        return {}
    rev = code_sets.head(database, lock_id)[1] + 1
    live = access_codes.live_holder_of(database, lock_id, future["code"], wall, but=row["access_code_id"])
    if live is not None:
        return Taken(live["access_code_id"])
    holder = access_codes.holder_of(database, lock_id, future["code"])
    if holder is not None and holder["access_code_id"] != row["access_code_id"]:
        access_codes.drop(database, {holder["access_code_id"]}, rev)
        code_sets.record_revision(database, lock_id, rev, [holder["bucket_byte"]])
        rev += 1
    confirmed_rev = reported.evidence(database, lock_id, wall).confirmed_rev
    return {
        "is_in_set": 1,
        "updated_ms": int(wall * 1000),
        "changed_rev": rev,
        "code_rev": row["code_rev"] + ("code" in changed),
        "before": _before(row, confirmed_rev),
    }


def _before(row: dict[str, Any], confirmed_rev: int) -> str | None:
    if is_held(row, confirmed_rev):
        return json.dumps({name: row[name] for name in BEFORE})
    return json.dumps(held) if (held := before(row, confirmed_rev)) is not None else None


def _write(database: Database, access_code_id: str, values: Mapping[str, Any]) -> None:
    columns = ", ".join(f"{name} = ?" for name in values)
    database.run(
        f"UPDATE access_codes SET {columns} WHERE access_code_id = ?", *values.values(), access_code_id
    )
