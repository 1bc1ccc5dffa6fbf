"""An offline code as the Seam API shows it: the same shape as every access code."""

from dataclasses import dataclass
from typing import Any

from cloud_sim import offline_codes
from cloud_sim.answers import iso, iso_ms
from cloud_sim.offline_codes import Knowledge, Stage
from cloud_sim.seam.code_issues import DELAY_MS, FAILED_MS, NOT_REMOVED

_STATUS: dict[Stage, str] = {"issued": "unset", "set": "set", "revoking": "removing", "removed": "unset"}

MUST_BE_USED = "offline_access_code_must_be_used_in_time"
"""Warning of a code that is over if nobody types it soon after its start."""
NOT_KNOWN = (
    "failed_to_issue",
    "the lock does not have the key of this code, or does not know what it needs; it follows once the lock is"
    " connected",
)
WHY_INACTIVE = {
    "revoked": "the code is revoked",
    "cancelled": "somebody cancelled the code at the door",
    "key_gone": "the key of this code was taken from the lock; create another code",
    "key_ended": "all codes of its key were ended, because others may have the key; create another code",
}


@dataclass(frozen=True, slots=True)
class Lock:
    """What all offline codes of one lock have in common at one moment."""

    known: Knowledge
    device_errors: list[dict[str, Any]]


def shown(row: dict[str, Any], at: Lock, wall: float, workspace: str) -> dict[str, Any]:
    """A row of `offline_codes.find`. Digits are in it: only for the bearer of the key."""
    stage = offline_codes.stage(row, at.known, wall)
    return {
        "access_code_id": row["access_code_id"],
        "device_id": row["lock_id"],
        "workspace_id": workspace,
        "name": row["name"],
        "code": row["code"] or None,
        "type": "time_bound",
        "status": _status(row, stage, wall),
        "starts_at": iso(row["starts_at"]),
        "ends_at": iso(row["ends_at"]),
        "created_at": iso_ms(row["created_ms"]),
        "errors": [*errors(row, stage, wall), *at.device_errors],
        "warnings": warnings(row, stage, wall),
        "is_managed": True,
        "common_code_key": None,
        "is_backup": False,
        "is_backup_access_code_available": False,
        "pulled_backup_access_code_id": None,
        "is_external_modification_allowed": False,
        "is_offline_access_code": True,
        "is_one_time_use": bool(row["is_one_time_use"]),
        "is_scheduled_on_device": stage in ("issued", "set"),
        "is_waiting_for_code_assignment": False,
        "appearance": None if row["name"] is None else {"name": row["name"]},
        "pending_mutations": _pending(row, stage),
    }


def _status(row: dict[str, Any], stage: Stage, wall: float) -> str:
    """Never `unknown`: that nobody hears of the lock is what these codes are for."""
    if stage == "created":
        return "setting" if row["starts_at"] <= wall else "unset"
    return _STATUS[stage]


def errors(row: dict[str, Any], stage: Stage, wall: float) -> list[dict[str, Any]]:
    """What is wrong with the code itself."""
    since_ms = max(row["created_ms"], row["starts_at"] * 1000)
    if offline_codes.is_revoked(row):
        if stage == "revoking" and wall * 1000 - row["revoked_ms"] >= FAILED_MS:
            return [_error(NOT_REMOVED, row["revoked_ms"] + FAILED_MS)]
        inactive = ("access_code_inactive", WHY_INACTIVE[row["revoked_why"]])
        return [_error(inactive, row["revoked_ms"])] if stage == "removed" else []
    if stage == "created" and wall * 1000 - since_ms >= FAILED_MS:
        return [_error(NOT_KNOWN, since_ms + FAILED_MS)]
    return []


def warnings(row: dict[str, Any], stage: Stage, wall: float) -> list[dict[str, Any]]:
    """What its owner should know."""
    found = []
    if stage == "revoking":
        found.append(_warning("being_deleted", "the code is being revoked", row["revoked_ms"]))
        if wall * 1000 - row["revoked_ms"] >= DELAY_MS:
            text = (
                "the lock does not know yet that the code is revoked; until it is connected the code may"
                " still open, unless somebody types a code there that cancels (docs/offline-codes.md)"
            )
            found.append(_warning("delay_in_removing_from_device", text, row["revoked_ms"] + DELAY_MS))
    is_short = row["ends_at"] <= row["first_use_by"]
    if stage in ("created", "issued", "set") and not row["uses"] and not is_short:
        text = (
            f"the code must be typed before {iso(row['first_use_by'])} for the first time, or it never opens"
        )
        found.append(_warning(MUST_BE_USED, text, row["created_ms"]))
    return found


def _pending(row: dict[str, Any], stage: Stage) -> list[dict[str, Any]]:
    if stage == "created":
        message = "the lock is yet to be given the key of this code"
        return [{"mutation_code": "creating", "message": message, "created_at": iso_ms(row["created_ms"])}]
    if stage == "revoking":
        message = "the lock is yet to be told that this code is revoked"
        return [{"mutation_code": "deleting", "message": message, "created_at": iso_ms(row["revoked_ms"])}]
    return []


def _error(known: tuple[str, str], at_ms: int) -> dict[str, Any]:
    error_code, message = known
    return {
        "error_code": error_code,
        "message": message,
        "is_access_code_error": True,
        "created_at": iso_ms(at_ms),
    }


def _warning(warning_code: str, message: str, at_ms: int) -> dict[str, Any]:
    return {"warning_code": warning_code, "message": message, "created_at": iso_ms(at_ms)}
