"""The changes of an access code that are on their way to its lock."""

from typing import Any

from cloud_sim import code_updates
from cloud_sim.answers import iso, iso_ms
from cloud_sim.seam import code_status
from cloud_sim.seam.code_status import Door


def pending(row: dict[str, Any], at: Door) -> list[dict[str, Any]]:
    """What the lock has yet to confirm. Names are no business of the lock: a new one is never pending."""
    if row["deleted_ms"] is not None:
        return [_mutation("deleting", "the code is being removed from the lock", row["deleted_ms"])]
    if not code_status.is_wanted(row, at) or code_updates.is_held(row, at.evidence.confirmed_rev):
        return []
    changed_ms = row["updated_ms"] or row["created_ms"]
    held = code_updates.before(row, at.evidence.confirmed_rev)
    if held is None:
        return [_mutation("creating", "the code is being set on the lock", changed_ms)]
    return _updates(row, held, changed_ms)


def _updates(row: dict[str, Any], held: dict[str, Any], changed_ms: int) -> list[dict[str, Any]]:
    found = []
    if held["code"] != row["code"]:
        mutation = _mutation("updating_code", "the lock is being told the new digits", changed_ms)
        found.append({**mutation, "from": {"code": held["code"]}, "to": {"code": row["code"]}})
    if _window(held) != _window(row):
        mutation = _mutation("updating_time_frame", "the lock is being told the new window", changed_ms)
        found.append({**mutation, "from": _window(held), "to": _window(row)})
    return found


def _window(row: dict[str, Any]) -> dict[str, str | None]:
    return {"starts_at": iso(row["starts_at"]), "ends_at": iso(row["ends_at"])}


def _mutation(mutation_code: str, message: str, at_ms: int) -> dict[str, Any]:
    return {"mutation_code": mutation_code, "message": message, "created_at": iso_ms(at_ms)}
