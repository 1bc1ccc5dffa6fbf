"""Changes and deletes access codes as Seam clients ask for it: one by one, or all of one common key."""

from typing import Any

from cloud_sim import access_codes, code_updates, commands, unmanaged_codes
from cloud_sim.access_codes import Taken
from cloud_sim.seam import backup_pool, code_attempts, code_lookup, code_requests, offline_code_creation
from cloud_sim.seam.code_windows import Window, changed_window
from cloud_sim.seam.dispatch import Call
from cloud_sim.seam.errors import SeamError, invalid_input


def update(call: Call) -> dict[str, Any]:
    """`/access_codes/update`: what is left out stays as it is, and an explicit null clears."""
    code_requests.check(call)
    offline = code_lookup.offline(call)
    if offline is not None:
        offline_code_creation.refuse_change(offline)
    row = code_lookup.to_change(call, is_managed=True)
    if offline_code_creation.is_asked_for(call):
        raise invalid_input({"is_offline_access_code": "This code cannot become an offline code; create one"})
    if call.given.get("is_managed") is False:
        raise invalid_input({"is_managed": "A code of this API cannot become unmanaged; leave it out"})
    code_requests.check_reachable(call, row["lock_id"])
    window = changed_window(row, call.given, call.wall)
    call.count("updates", [row["lock_id"]])
    with call.database.transaction():
        _change(call, row, {**_values(call, row), "starts_at": window[0], "ends_at": window[1]})
        if call.given.get("use_backup_access_code_pool"):
            _turn_pool_on(call, row["lock_id"], window)
        attempt_id = _attempt(call, code_attempts.UPDATE, row)
    call.tell(row["lock_id"])
    return {"action_attempt": code_attempts.shown(call.database, attempt_id, call.wall)}


def update_multiple(call: Call) -> dict[str, Any]:
    """`/access_codes/update_multiple`: all codes of a common key, or none if one is refused."""
    key = call.given["common_code_key"]
    found = call.database.rows(
        f"{access_codes.WITH_REPORT} WHERE common_code_key = ? AND deleted_ms IS NULL AND is_managed = 1", key
    )
    if not found:
        message = "no access codes have this common_code_key; create_multiple without code makes one"
        raise SeamError(404, "access_codes_not_found", message, {"common_code_key": key})
    call.count("updates", sorted({row["lock_id"] for row in found}))
    with call.database.transaction():
        for row in found:
            window = changed_window(row, call.given, call.wall)
            name = {"name": call.given["name"]} if "name" in call.given else {}
            _change(call, row, {**name, "starts_at": window[0], "ends_at": window[1]})
    for lock_id in {row["lock_id"] for row in found}:
        call.tell(lock_id)
    return {}


def delete(call: Call) -> dict[str, Any]:
    """`/access_codes/delete`; again, until the lock has confirmed, is harmless."""
    offline = code_lookup.offline(call)
    if offline is not None:
        offline_code_creation.refuse_deletion(offline)
    return delete_row(call, code_lookup.by_id(call, is_managed=True))


def delete_row(call: Call, row: dict[str, Any]) -> dict[str, Any]:
    """Delete a code, managed or not."""
    call.count("deletes", [row["lock_id"]])
    access_codes.delete(call.database, row, call.wall)
    with call.database.transaction():
        attempt_id = code_attempts.start(call.database, code_attempts.DELETE, row, call.wall)
    call.tell(row["lock_id"])
    if row["is_in_set"]:
        ids = [row["access_code_id"]]
        commands.revoke(call.database, call.cloud.downlink, row["lock_id"], ids, call.wall)
    unmanaged_codes.have_deleted(call.database, call.cloud.downlink, row["lock_id"], call.wall)
    return {"action_attempt": code_attempts.shown(call.database, attempt_id, call.wall)}


def _values(call: Call, row: dict[str, Any]) -> dict[str, Any]:
    """The columns that the request changes, besides the window."""
    given = call.given
    values: dict[str, Any] = {}
    if "name" in given:
        values["name"] = given["name"]
    if "code" in given:
        values["code"] = _digits(given["code"], row)
    if given.get("is_one_time_use"):
        values["max_uses"] = 1
    elif given.get("is_one_time_use") is False and row["max_uses"] == 1:  # more uses than one stay counted
        values["max_uses"] = None
    is_allowed = code_requests.allows_external_modification(
        call, otherwise=bool(row["is_external_modification_allowed"])
    )
    return {**values, "is_external_modification_allowed": int(is_allowed)}


def _digits(digits: str | None, row: dict[str, Any]) -> str:
    if digits is None:
        raise invalid_input({"code": "A code cannot be without digits; give 4 to 12"})
    if row["common_code_key"] is not None and digits != row["code"]:
        raise invalid_input({"code": "This code shares its digits with others of its common_code_key"})
    return digits


def _change(call: Call, row: dict[str, Any], values: dict[str, Any]) -> None:
    if not values.get("code", row["code"]):
        raise invalid_input({"code": "The digits of this code were erased with its owner; give new ones"})
    taken = code_updates.update(call.database, row, values, call.wall)
    if isinstance(taken, Taken):
        window: Window = values["starts_at"], values["ends_at"]
        raise code_requests.duplicate(values.get("name", row["name"]), window, taken, row["lock_id"])


def _turn_pool_on(call: Call, lock_id: str, window: Window) -> None:
    if window[1] is None:
        raise invalid_input({"": "Cannot use the backup pool for ongoing codes"})
    backup_pool.turn_on(call.database, lock_id, call.wall)


def _attempt(call: Call, action_type: str, row: dict[str, Any]) -> str:
    now = access_codes.find(call.database, row["access_code_id"])
    return code_attempts.start(call.database, action_type, now or row, call.wall)
