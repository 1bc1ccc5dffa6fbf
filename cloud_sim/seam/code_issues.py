"""What is wrong with an access code, or worth knowing: its errors and warnings."""

import json
from typing import Any

from agent.core.constraints import check_digits
from cloud_sim import code_updates
from cloud_sim.answers import iso_ms
from cloud_sim.seam import code_status
from cloud_sim.seam.code_status import Door

DELAY_MS = 60_000
"""A change that a lock has not confirmed for longer is late."""
FAILED_MS = 15 * 60_000
"""One that it has not confirmed for longer has failed for now; the lock is told again when it is there."""

ERRORS = {
    "duplicate_code": (
        "duplicate_code_on_device",
        "the lock holds these digits for another code; delete one of the two, or choose other digits",
    ),
    "capacity_full": ("no_space_for_access_code_on_device", "the lock holds no more codes; delete some"),
    "code_length": (
        "code_constraints_violated",
        "the lock does not take codes of this length; choose one of properties.supported_code_lengths",
    ),
    "digits_not_on_keypad": (
        "code_constraints_violated",
        "the keypad of this lock cannot type this code; choose other digits",
    ),
    "code_weak": (
        "code_constraints_violated",
        "the lock takes no code of one digit throughout and no run like 3456 or 8765; choose other digits",
    ),
    "window_invalid": (
        "failed_to_set_on_device",
        "the lock does not understand the window of this code; check starts_at and ends_at",
    ),
    "schema_unsupported": (
        "failed_to_set_on_device",
        "the agent on the lock is too old for this kind of code; update it",
    ),
    "mac_failed": (
        "failed_to_set_on_device",
        "the lock found its copy of this code altered; it asks for a new one by itself",
    ),
    "storage_error": (
        "failed_to_set_on_device",
        "the lock could not store this code; look at its storage with lockctl doctor",
    ),
}
"""The lock's error -> (error_code, message)."""
REMOVED_AT_DOOR = (
    "conflicting_external_modification",
    "the code was removed at the door, and the lock will put it back; delete it here if it is to go",
)
NOT_ISSUED = (
    "failed_to_issue",
    "the time of this code has come and the lock has not confirmed it; it follows once the lock is connected",
)
NOT_UPDATED = (
    "failed_to_update",
    "the lock has not confirmed the change of this code; until it does, the code opens as before the change",
)
NOT_REMOVED = (
    "failed_to_remove_from_device",
    "the lock has not confirmed the deletion; until it does, the code may still open",
)
NOT_FORGOTTEN = (
    "failed_to_remove_from_device",
    "the lock did not delete this code, which may still open; it is asked again",
)
UNKNOWN = ("failed_to_set_on_device", "the lock cannot use this code, for a reason only newer clouds know")


def errors(row: dict[str, Any], at: Door) -> list[dict[str, Any]]:
    """Those of the code itself, then those of its lock, which every code of the lock shows."""
    own: dict[str, dict[str, Any]] = {}
    if row["is_at_door"] and row["deleted_ms"] is not None and at.why_not_forgotten is not None:
        error_code, message = NOT_FORGOTTEN
        error = _code_error(row, error_code, f"{message} ({at.why_not_forgotten})")
        own[error_code] = error | {"created_at": iso_ms(row["deleted_ms"])}
    failure = _failure(row, at)
    if failure is not None:
        own.setdefault(failure["error_code"], failure)
    if row["is_managed"] and code_status.is_wanted(row, at):
        for error_code, message in _of_code(row, at):
            error = _code_error(row, error_code, message)
            own.setdefault(error_code, error | _particulars(row, at, error_code))
    return [*own.values(), *at.device_errors, *_empty_pool(row, at)]


def warnings(row: dict[str, Any], at: Door) -> list[dict[str, Any]]:
    """Late changes, a deletion under way, a backup in use, a removal at the door."""
    found: list[dict[str, Any]] = []
    if row["deleted_ms"] is not None:
        found.append(_warning("being_deleted", "the code is being deleted", row["deleted_ms"]))
        if _is_late(row["deleted_ms"], at):
            text = "the lock has not confirmed the deletion yet; until then the code may still open"
            found.append(_warning("delay_in_removing_from_device", text, row["deleted_ms"] + DELAY_MS))
    elif row["is_managed"] and _is_setting_late(row, at):
        text = "the lock has not confirmed this code yet; it follows once the lock is connected"
        found.append(_warning("delay_in_setting_on_device", text, _changed_ms(row) + DELAY_MS))
    if row["removed_at_door_ms"] is not None and not row["is_in_set"]:
        text = "the code was removed at the door and stays away; create a new one if it is missed"
        found.append(_warning("external_modification_in_effect", text, row["removed_at_door_ms"]))
    if row["pulled_backup_access_code_id"] is not None:
        text = "a backup code was pulled for this one and opens as well"
        found.append(_warning("using_backup_access_code", text, _changed_ms(row)))
    return found


def _of_code(row: dict[str, Any], at: Door) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    if at.evidence.confirmed_rev >= row["changed_rev"] and row["state"] not in (None, "set"):
        found += [ERRORS.get(reported, UNKNOWN) for reported in json.loads(row["errors"] or "[]")]
    problem = check_digits(row["code"], at.constraints)
    if problem is not None:  # known before the lock says so
        found.append(ERRORS[problem.value])
    if row["removed_at_door_ms"] is not None:
        found.append(REMOVED_AT_DOOR)
    if not row["enabled"]:
        found.append(("access_code_inactive", "the code is switched off and opens nothing; enable it again"))
    return found


def _failure(row: dict[str, Any], at: Door) -> dict[str, Any] | None:
    """What a lock has not confirmed for a quarter of an hour; of a new code, since when it should open."""
    since_ms, (error_code, message) = _changed_ms(row), NOT_UPDATED
    if row["deleted_ms"] is not None:
        since_ms, (error_code, message) = row["deleted_ms"], NOT_REMOVED
    elif not row["is_managed"] or not _is_unconfirmed(row, at):
        return None
    elif code_updates.before(row, at.evidence.confirmed_rev) is None:
        since_ms = max(since_ms, (row["starts_at"] or 0) * 1000)
        error_code, message = NOT_ISSUED
    if at.wall * 1000 - since_ms < FAILED_MS:
        return None
    return _code_error(row, error_code, message) | {"created_at": iso_ms(since_ms + FAILED_MS)}


def _code_error(row: dict[str, Any], error_code: str, message: str) -> dict[str, Any]:
    return {
        "error_code": error_code,
        "message": message,
        "is_access_code_error": True,
        "created_at": iso_ms(_changed_ms(row)),
    }


def _particulars(row: dict[str, Any], at: Door, error_code: str) -> dict[str, Any]:
    """What belongs to an error besides."""
    if error_code == REMOVED_AT_DOOR[0]:
        return {
            "created_at": iso_ms(row["removed_at_door_ms"]),
            "change_type": "removed",
            "modified_fields": [],
        }
    other = at.made_at_door.get(row["code"]) if error_code == "duplicate_code_on_device" else None
    return {} if other in (None, row["access_code_id"]) else {"unmanaged_access_code_id": other}


def _empty_pool(row: dict[str, Any], at: Door) -> list[dict[str, Any]]:
    can_pull = row["is_managed"] and code_status.type_of(row) != "ongoing"
    if not at.has_backup_pool or at.free_backup_codes > 0 or not can_pull:
        return []
    message = "the lock holds no free backup code yet; the pool fills as soon as it is connected and has room"
    return [
        {
            "error_code": "empty_backup_access_code_pool",
            "message": message,
            "is_device_error": True,
            "created_at": iso_ms(row["created_ms"]),
        }
    ]


def _is_setting_late(row: dict[str, Any], at: Door) -> bool:
    """A code that the lock has refused is not late."""
    return _is_unconfirmed(row, at) and _is_late(_changed_ms(row), at)


def _is_unconfirmed(row: dict[str, Any], at: Door) -> bool:
    is_confirmed = at.evidence.confirmed_rev >= row["changed_rev"]
    return code_status.is_wanted(row, at) and not is_confirmed


def _is_late(since_ms: int, at: Door) -> bool:
    return at.wall * 1000 - since_ms >= DELAY_MS


def _changed_ms(row: dict[str, Any]) -> int:
    return int(row["updated_ms"] or row["created_ms"])


def _warning(warning_code: str, message: str, at_ms: int) -> dict[str, Any]:
    return {"warning_code": warning_code, "message": message, "created_at": iso_ms(at_ms)}
