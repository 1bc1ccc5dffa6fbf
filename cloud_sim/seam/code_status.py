"""Where an access code stands, from what is wanted, what its lock has proven to hold, and the clock."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agent.core.constraints import Constraints
from cloud_sim import access_codes, code_constraints, code_updates, reported, unmanaged_codes
from cloud_sim.database import Database
from cloud_sim.reported import Evidence
from cloud_sim.seam import connections


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """What all codes of one lock have in common at one moment."""

    wall: float
    """Unix seconds."""
    evidence: Evidence
    device_errors: list[dict[str, Any]]
    constraints: Constraints
    has_backup_pool: bool
    free_backup_codes: int
    """Codes of the pool that the lock holds and nobody has pulled."""
    made_at_door: Mapping[str, str] = field(repr=False)
    """Digits -> id of the codes that the lock holds apart from its set."""
    why_not_forgotten: str | None
    """The lock's last word on the deletion of such codes, if it was a refusal."""


def door(database: Database, lock_id: str, wall: float) -> Door:
    """Gather it; once per answer and lock, however many codes are shown."""
    proof = reported.evidence(database, lock_id, wall)
    lock = database.row("SELECT has_backup_pool FROM locks WHERE lock_id = ?", lock_id)
    has_pool = bool(lock and lock["has_backup_pool"])
    return Door(
        wall=wall,
        evidence=proof,
        device_errors=connections.device_errors(database, lock_id),
        constraints=code_constraints.of_lock(database, lock_id),
        has_backup_pool=has_pool,
        free_backup_codes=len(free_backup_codes(database, lock_id, proof, wall)) if has_pool else 0,
        made_at_door=unmanaged_codes.digits_at_door(database, lock_id),
        why_not_forgotten=unmanaged_codes.why_not_forgotten(database, lock_id),
    )


def free_backup_codes(database: Database, lock_id: str, proof: Evidence, wall: float) -> list[dict[str, Any]]:
    """The codes of the pool that would open at once, those that end last first."""
    rows = [
        row
        for row in database.rows(
            f"{access_codes.WITH_REPORT} WHERE lock_id = ? AND is_backup = 1 AND is_pulled = 0"
            " AND is_in_set = 1 AND deleted_ms IS NULL ORDER BY ends_at DESC",
            lock_id,
        )
        if not access_codes.has_ended(row, wall)
    ]
    return [row for row in rows if _opens_now(row, proof.confirmed_rev, wall)]


def type_of(row: dict[str, Any]) -> str:
    """`ongoing` without a window."""
    return "ongoing" if row["starts_at"] is None and row["ends_at"] is None else "time_bound"


def status(row: dict[str, Any], at: Door) -> str:
    """`setting`, `set`, `unset`, `removing` or `unknown`.

    A code of which only the window is being changed stays `set` where it opens both before and after."""
    if at.evidence.is_silent or at.evidence.has_other_set:
        return "unknown"
    if row["deleted_ms"] is not None:
        return "removing"
    if not row["enabled"] or access_codes.has_ended(row, at.wall) or is_before_start(row, at.wall):
        return "unset"
    return "set" if _opens_now(row, at.evidence.confirmed_rev, at.wall) else "setting"


def is_set_at_door(row: dict[str, Any], at: Door) -> bool:
    """Whether an unmanaged code opens now; while it is being deleted it still does."""
    return not access_codes.has_ended(row, at.wall) and not is_before_start(row, at.wall)


def is_scheduled(row: dict[str, Any], at: Door) -> bool:
    """Whether the lock holds it with its window, and will start and end it by itself."""
    is_over = row["deleted_ms"] is not None or access_codes.has_ended(row, at.wall)
    is_held = code_updates.is_held(row, at.evidence.confirmed_rev)
    return type_of(row) == "time_bound" and is_held and not is_over


def is_before_start(row: dict[str, Any], wall: float) -> bool:
    """Whether its time is still to come."""
    return row["starts_at"] is not None and bool(wall < row["starts_at"])


def is_wanted(row: dict[str, Any], at: Door) -> bool:
    """Whether the lock is to hold it."""
    return row["deleted_ms"] is None and not access_codes.has_ended(row, at.wall)


def _opens_now(row: dict[str, Any], confirmed_rev: int, wall: float) -> bool:
    if code_updates.is_held(row, confirmed_rev):
        return True
    held = code_updates.before(row, confirmed_rev)
    if held is None or held["code"] != row["code"]:
        return False
    return not is_before_start(held, wall) and (held["ends_at"] is None or wall < held["ends_at"])
