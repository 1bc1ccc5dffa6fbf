"""An access code as the Seam API shows it, every property true at the moment it is asked for."""

from typing import Any

from cloud_sim.answers import iso, iso_ms
from cloud_sim.database import Database
from cloud_sim.seam import code_issues, code_mutations, code_status
from cloud_sim.seam.code_status import Door
from cloud_sim.seam.workspace import workspace_id


def access_code(database: Database, row: dict[str, Any], wall: float) -> dict[str, Any]:
    """One code, a row of `access_codes.find`. Digits are in it: only for the bearer of the key."""
    at = code_status.door(database, row["lock_id"], wall)
    return shown(row, at, workspace_id(database))


def access_codes(database: Database, rows: list[dict[str, Any]], wall: float) -> list[dict[str, Any]]:
    """Many, of whatever locks."""
    doors = {
        lock_id: code_status.door(database, lock_id, wall) for lock_id in {row["lock_id"] for row in rows}
    }
    workspace = workspace_id(database)
    return [shown(row, doors[row["lock_id"]], workspace) for row in rows]


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
