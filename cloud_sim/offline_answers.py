"""Offline codes as the device cloud's API and its webhooks show them."""

from collections.abc import Mapping
from typing import Any

from cloud_sim import code_rules, offline_codes
from cloud_sim.answers import iso, iso_ms
from cloud_sim.offline_codes import Knowledge, Stage

_STATUS: Mapping[Stage, str] = {
    "created": "pending",
    "issued": "active",
    "set": "active",
    "revoking": "pending",
    "removed": "ended",
}
_STATE: Mapping[Stage, str] = {
    "created": "setting",
    "issued": "set",
    "set": "set",
    "revoking": "removing",
    "removed": "unset",
}
_NO_RULES = dict.fromkeys(code_rules.COLUMNS) | {"kind": "standard", "enabled": 1}


def shown(row: dict[str, Any], known: Knowledge, owner_id: str, wall: float) -> dict[str, Any]:
    """A row of `offline_codes.find`, with the properties of every access code."""
    stage = offline_codes.stage(row, known, wall)
    return {
        "access_code_id": row["access_code_id"],
        "lock_id": row["lock_id"],
        "owner_id": owner_id,
        "name": row["name"],
        "person_id": row["person_id"],
        "code": row["code"] or None,
        "starts_at": iso(row["starts_at"]),
        "ends_at": iso(row["ends_at"]),
        "first_use_by": iso(row["first_use_by"]),
        "is_offline_access_code": True,
        "is_one_time_use": bool(row["is_one_time_use"]),
        "works_without_clock": False,
        **code_rules.shown(
            {**_NO_RULES, "max_uses": 1 if row["is_one_time_use"] else None, "uses": row["uses"]}
        ),
        "is_managed": True,
        "status": _STATUS[stage],
        "state": _STATE[stage],
        "errors": [],
        "revoked_at": iso_ms(row["revoked_ms"]),
        "created_at": iso_ms(row["created_ms"]),
    }
