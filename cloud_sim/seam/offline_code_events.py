"""What clients are told of the life of an offline code: created, issued, set, off the lock; each once.

Time alone moves these codes on, and what their lock reports. So they are looked at each second, and before an
event of their lock is told."""

from typing import Any

from cloud_sim import guide_events, offline_codes
from cloud_sim.database import Database
from cloud_sim.offline_codes import Stage
from cloud_sim.seam.event_log import NewEvent, record

_ORDER: tuple[Stage, ...] = ("created", "issued", "set", "removed")
_TYPES: dict[Stage, str] = {
    "created": "access_code.created",
    "issued": "access_code.issued",
    "set": "access_code.set_on_device",
    "removed": "access_code.removed_from_device",
}


def tell_all(database: Database, wall: float) -> None:
    """All locks, inside a transaction."""
    for row in database.rows("SELECT DISTINCT lock_id FROM offline_codes WHERE told_stage IS NOT 'removed'"):
        tell(database, row["lock_id"], wall)


def tell(database: Database, lock_id: str, wall: float, *, ends: bool = True) -> None:
    """Where the codes of a lock have come to; inside a transaction. Without `ends` what is to be told before
    what happened at the door is: a code that was used up there was set before."""
    rows = database.rows(
        f"{offline_codes.ROWS} WHERE lock_id = ? AND told_stage IS NOT 'removed' ORDER BY created_ms", lock_id
    )
    if not rows:
        return
    known = offline_codes.knowledge(database, lock_id)
    for row in rows:
        for stage in _news(row, offline_codes.stage(row, known, wall), ends=ends):
            if stage != "removed" or row["uses"] or row["told_stage"] in ("issued", "set"):
                _record(database, row, stage, wall)
            database.run(
                "UPDATE offline_codes SET told_stage = ? WHERE access_code_id = ?",
                stage,
                row["access_code_id"],
            )


def _news(row: dict[str, Any], stage: Stage, *, ends: bool) -> list[Stage]:
    """The stages that nobody was told of yet, in their order. A code that was never on its lock was created
    all the same."""
    told = -1 if row["told_stage"] is None else _ORDER.index(row["told_stage"])
    if stage == "revoking":
        return ["created"] if told < 0 else []
    if stage != "removed":
        return list(_ORDER[told + 1 : _ORDER.index(stage) + 1])
    reached = _ORDER.index("set" if row["uses"] else "created")
    before = _ORDER[told + 1 : reached + 1]
    return [*before, "removed"] if ends else list(before)


def _record(database: Database, row: dict[str, Any], stage: Stage, wall: float) -> None:
    event = NewEvent(
        event_type=_TYPES[stage],
        lock_id=row["lock_id"],
        occurred_ms=row["created_ms"] if stage == "created" else int(wall * 1000),
        access_code_id=row["access_code_id"],
        fields={"code": row["code"]} if stage in ("issued", "set") else {},
    )
    record(database, event, wall)
    if stage == "issued" or (stage == "removed" and offline_codes.is_revoked(row)):
        guide_events.tell_offline_code(database, row, is_gone=stage == "removed", wall=wall)
