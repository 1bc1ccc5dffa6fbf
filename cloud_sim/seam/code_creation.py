"""Creates access codes as Seam clients ask for them: one, or one each for many doors."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from cloud_sim import access_codes
from cloud_sim.access_codes import NewAccessCode, Taken
from cloud_sim.database import Database
from cloud_sim.seam import (
    backup_pool,
    code_attempts,
    code_lookup,
    code_requests,
    code_view,
    offline_code_creation,
)
from cloud_sim.seam.code_windows import new_window
from cloud_sim.seam.dispatch import Call
from cloud_sim.seam.errors import invalid_input

MOST_DEVICES = 1000


def create(call: Call) -> dict[str, Any]:
    """`/access_codes/create`."""
    code_requests.check(call)
    if offline_code_creation.is_asked_for(call):
        return offline_code_creation.create(call)
    device_id = call.given["device_id"]
    code_lookup.existing_device(call.database, device_id)
    code_requests.check_reachable(call, device_id)
    wanted = _wanted(call)
    call.count("creates", [device_id])
    key = call.given.get("common_code_key")
    with call.database.transaction():
        digits = wanted.code or _of_group(call.database, key) or _drawn(call, [device_id])
        if key is not None and _of_group(call.database, key) not in (None, digits):
            message = (
                "Codes of one common_code_key have the same code, and others have another; leave code out"
            )
            raise invalid_input({"code": message})
        row = _add(call, device_id, wanted, digits, key)
        attempt_id = code_attempts.start(call.database, code_attempts.CREATE, row, call.wall)
        _turn_pool_on(call, [device_id], wanted)
    call.tell(device_id)
    return {
        "access_code": code_view.access_code(call.database, row, call.wall),
        "action_attempt": code_attempts.shown(call.database, attempt_id, call.wall),
    }


def create_multiple(call: Call) -> dict[str, Any]:
    """`/access_codes/create_multiple`: all of them, or none if one device is refused."""
    code_requests.check(call)
    device_ids = list(dict.fromkeys(call.given["device_ids"]))
    if not 1 <= len(device_ids) <= MOST_DEVICES:
        raise invalid_input({"device_ids": f"Array must contain 1 to {MOST_DEVICES} element(s)"})
    if offline_code_creation.is_asked_for(call):
        return offline_code_creation.create_multiple(call, device_ids)
    for device_id in device_ids:
        code_lookup.existing_device(call.database, device_id)
        code_requests.check_reachable(call, device_id)
    wanted = _wanted(call)
    call.count("creates", device_ids)
    # With a chosen code the client keeps the group together by itself, and there is no key.
    key = None if wanted.code else f"auto_set_by_create_multiple_{uuid.uuid4()}"
    with call.database.transaction():
        digits = wanted.code or _drawn(call, device_ids)
        rows = [_add_shared(call, device_id, wanted, digits, key) for device_id in device_ids]
        _turn_pool_on(call, device_ids, wanted)
    for device_id in device_ids:
        call.tell(device_id)
    return {"access_codes": code_view.access_codes(call.database, rows, call.wall)}


def _wanted(call: Call) -> NewAccessCode:
    starts_at, ends_at = new_window(call.given, call.wall)
    if call.given.get("use_backup_access_code_pool") and ends_at is None:
        raise invalid_input({"": "Cannot use the backup pool for ongoing codes"})
    return NewAccessCode(
        name=call.given.get("name"),
        code=call.given.get("code"),
        starts_at=starts_at,
        ends_at=ends_at,
        is_one_time_use=bool(call.given.get("is_one_time_use")),
        is_external_modification_allowed=code_requests.allows_external_modification(call),
    )


def _drawn(call: Call, device_ids: Sequence[str]) -> str:
    """Random digits that are free on all of them."""
    preferred = call.given.get("preferred_code_length")
    return access_codes.free_code(call.database, device_ids, call.wall, preferred)


def _add_shared(
    call: Call, device_id: str, wanted: NewAccessCode, digits: str, key: str | None
) -> dict[str, Any]:
    """With the digits that all share; or with others, where the client allows that."""
    is_shared = access_codes.is_free(call.database, device_id, digits, call.wall)
    if is_shared or call.given.get("behavior_when_code_cannot_be_shared") != "create_random_code":
        return _add(call, device_id, wanted, digits, key)
    return _add(call, device_id, wanted, _drawn(call, [device_id]), None)


def _add(call: Call, device_id: str, wanted: NewAccessCode, digits: str, key: str | None) -> dict[str, Any]:
    added = access_codes.add(call.database, device_id, replace(wanted, code=digits), call.wall)
    if isinstance(added, Taken):
        raise code_requests.duplicate(wanted.name, (wanted.starts_at, wanted.ends_at), added, device_id)
    if not isinstance(added, str):
        raise code_requests.no_space()
    call.database.run("UPDATE access_codes SET common_code_key = ? WHERE access_code_id = ?", key, added)
    row = access_codes.find(call.database, added)
    if row is None:
        raise LookupError("the code that was just added is not there")
    return row


def _of_group(database: Database, key: str | None) -> str | None:
    """The digits that the codes of a key share."""
    if key is None:
        return None
    row = database.row(
        "SELECT code FROM access_codes WHERE common_code_key = ? AND deleted_ms IS NULL LIMIT 1", key
    )
    return None if row is None else str(row["code"])


def _turn_pool_on(call: Call, device_ids: Sequence[str], wanted: NewAccessCode) -> None:
    if call.given.get("use_backup_access_code_pool") and wanted.ends_at is not None:
        for device_id in device_ids:
            backup_pool.turn_on(call.database, device_id, call.wall)
