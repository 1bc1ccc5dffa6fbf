"""An access code as the Seam API shows it, every property true at the moment it is asked for."""

from typing import Any

from cloud_sim import offline_codes
from cloud_sim.answers import iso, iso_ms
from cloud_sim.database import Database
from cloud_sim.seam import code_issues, code_mutations, code_status, connections, offline_code_view
from cloud_sim.seam.code_status import Door
from cloud_sim.seam.workspace import workspace_id


def access_code(database: Database, row: dict[str, Any], wall: float) -> dict[str, Any]:
    """One code, a row of `access_codes.find` or `offline_codes.find`. Digits are in it: only for the bearer
    of the key."""
    return access_codes(database, [row], wall)[0]


def access_codes(database: Database, rows: list[dict[str, Any]], wall: float) -> list[dict[str, Any]]:
    """Many, of whatever locks."""
    workspace = workspace_id(database)
    doors: dict[str, Door] = {}
    offline: dict[str, offline_code_view.Lock] = {}
    found = []
    for row in rows:
        lock_id = row["lock_id"]
        if is_offline(row):
            if lock_id not in offline:
                offline[lock_id] = _offline_lock(database, lock_id)
            found.append(offline_code_view.shown(row, offline[lock_id], wall, workspace))
        else:
            if lock_id not in doors:
                doors[lock_id] = code_status.door(database, lock_id, wall)
            found.append(shown(row, doors[lock_id], workspace))
    return found


def is_offline(row: dict[str, Any]) -> bool:
    """Which of the two tables a row is from."""
    return "q" in row


def _offline_lock(database: Database, lock_id: str) -> offline_code_view.Lock:
    known = offline_codes.knowledge(database, lock_id)
    return offline_code_view.Lock(known, connections.device_errors(database, lock_id))


def shown(row: dict[str, Any], at: Door, workspace: str) -> dict[str, Any]:
    """One code in whichever of the two shapes it has."""
    return _managed(row, at, workspace) if row["is_managed"] else _unmanaged(row, at, workspace)


def _managed(row: dict[str, Any], at: Door, workspace: str) -> dict[str, Any]:
    # is_waiting_for_code_assignment: never, digits are drawn in the transaction that creates a code.
    # dormakaba_oracode_metadata is for that maker's locks only, and left out.
    return {
        **_common(row, at, workspace),
        "status": code_status.status(row, at),
        "is_managed": True,
        "common_code_key": row["common_code_key"],
        "is_backup": bool(row["is_backup"]),
        "is_backup_access_code_available": _has_backup(row, at),
        "pulled_backup_access_code_id": row["pulled_backup_access_code_id"],
        "is_external_modification_allowed": bool(row["is_external_modification_allowed"]),
        "is_offline_access_code": False,
        "is_one_time_use": row["max_uses"] == 1,
        "is_scheduled_on_device": code_status.is_scheduled(row, at),
        "is_waiting_for_code_assignment": False,
        "appearance": None if row["name"] is None else {"name": row["name"]},
        "pending_mutations": code_mutations.pending(row, at),
    }


def _unmanaged(row: dict[str, Any], at: Door, workspace: str) -> dict[str, Any]:
    """Its status knows two values only. Digits that could not be read are nobody's to manage."""
    return {
        **_common(row, at, workspace),
        "status": "set" if code_status.is_set_at_door(row, at) else "unset",
        "is_managed": False,
        **({} if row["code"] else {"cannot_be_managed": True}),
    }


def _common(row: dict[str, Any], at: Door, workspace: str) -> dict[str, Any]:
    return {
        "access_code_id": row["access_code_id"],
        "device_id": row["lock_id"],
        "workspace_id": workspace,
        "name": row["name"],
        "code": row["code"] or None,
        "type": code_status.type_of(row),
        "starts_at": iso(row["starts_at"]),
        "ends_at": iso(row["ends_at"]),
        "created_at": iso_ms(row["made_ms"] or row["created_ms"]),
        "errors": code_issues.errors(row, at),
        "warnings": code_issues.warnings(row, at),
    }


def _has_backup(row: dict[str, Any], at: Door) -> bool:
    """For a code that could pull one, and until it has."""
    is_time_bound = code_status.type_of(row) == "time_bound"
    can_pull = is_time_bound and not row["is_backup"] and code_status.is_wanted(row, at)
    return can_pull and row["pulled_backup_access_code_id"] is None and at.free_backup_codes > 0
