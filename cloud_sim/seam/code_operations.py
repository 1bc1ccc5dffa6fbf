"""The operations below `/access_codes`, with every verb and field of the API's description."""

from typing import Any

from cloud_sim import access_codes, code_constraints
from cloud_sim.seam import (
    backup_pool,
    code_changes,
    code_creation,
    code_lookup,
    code_queries,
    code_status,
    code_view,
    shapes,
)
from cloud_sim.seam.code_requests import CODE, NAME, RULES, SYNC, WINDOW
from cloud_sim.seam.dispatch import Call, operation
from cloud_sim.seam.errors import SeamError, invalid_input
from cloud_sim.seam.parameters import FLAG, UUID, Parameter, choice, many, required, text, whole


def generate_code(call: Call) -> dict[str, Any]:
    """`/access_codes/generate_code`: digits that are free on the device now. Nothing is reserved."""
    device_id = call.given["device_id"]
    code_lookup.existing_device(call.database, device_id)
    digits = access_codes.free_code(call.database, [device_id], call.wall)
    return {"generated_code": {"device_id": device_id, "code": digits}}


def report_device_constraints(call: Call) -> dict[str, Any]:
    """`/access_codes/report_device_constraints`: the cloud then draws codes of other lengths no more."""
    given = call.given
    device_id = given["device_id"]
    code_lookup.existing_device(call.database, device_id)
    lengths = given.get("supported_code_lengths")
    least, most = given.get("min_code_length"), given.get("max_code_length")
    if (lengths is None) == (least is None and most is None):
        message = "Give either supported_code_lengths, or min_code_length and max_code_length"
        raise invalid_input({"": message})
    if lengths is None:
        lengths = list(range(least or 4, (most or 20) + 1))
    if not lengths:
        raise invalid_input({"": "No code length is left; min_code_length must not exceed max_code_length"})
    code_constraints.report(call.database, device_id, lengths)
    return {}


def pull_backup_access_code(call: Call) -> dict[str, Any]:
    """`/access_codes/pull_backup_access_code`: a code that the lock holds; again gives the same."""
    if code_lookup.offline(call) is not None:
        message = "an offline code has no backup; create another offline code"
        raise SeamError(400, "no_backup_access_code_available", message)
    row = code_lookup.to_change(call, is_managed=True)
    backup_id = row["pulled_backup_access_code_id"] or _pulled(call, row)
    backup = access_codes.find(call.database, backup_id)
    if backup is None:
        message = "the backup code of this code is deleted; create a new code"
        raise SeamError(400, "no_backup_access_code_available", message)
    shown = code_view.access_code(call.database, backup, call.wall)
    return {"access_code": shown, "backup_access_code": shown}


def _pulled(call: Call, row: dict[str, Any]) -> str:
    if code_status.type_of(row) == "ongoing" or row["ends_at"] is None:
        raise SeamError(
            400, "access_code_not_time_bound", "a backup ends with its code, and this one never ends"
        )
    if access_codes.has_ended(row, call.wall):
        raise SeamError(400, "access_code_inactive", "this code has ended; create a new one")
    with call.database.transaction():
        backup_id = backup_pool.pull(call.database, row, call.wall)
    if backup_id is None:
        message = (
            "the device holds no free backup code; create a code with use_backup_access_code_pool, and wait"
            " until is_backup_access_code_available"
        )
        raise SeamError(400, "no_backup_access_code_available", message)
    call.tell(row["lock_id"])
    return backup_id


_ID = required("access_code_id", UUID)
_DEVICE = required("device_id", UUID)
_EITHER = (Parameter("access_code_id", UUID), Parameter("device_id", UUID), CODE)

CODE_OPERATIONS = (
    operation(
        "/access_codes/create",
        "POST",
        code_creation.create,
        _DEVICE,
        *RULES,
        Parameter("common_code_key", text(1, 200)),
        SYNC,
        answers=shapes.CODE | shapes.ATTEMPT,
    ),
    operation(
        "/access_codes/create_multiple",
        "POST PUT",
        code_creation.create_multiple,
        required("device_ids", many(UUID)),
        *RULES,
        Parameter("behavior_when_code_cannot_be_shared", choice("throw", "create_random_code")),
        answers=shapes.CODES,
    ),
    operation(
        "/access_codes/update",
        "POST PUT PATCH",
        code_changes.update,
        _ID,
        Parameter("device_id", UUID),
        *RULES,
        Parameter("type", choice("ongoing", "time_bound")),
        Parameter("is_managed", FLAG),
        SYNC,
        answers=shapes.ATTEMPT,
    ),
    operation(
        "/access_codes/update_multiple",
        "POST PATCH",
        code_changes.update_multiple,
        required("common_code_key", text(1, 200)),
        NAME,
        *WINDOW,
    ),
    operation(
        "/access_codes/delete",
        "POST DELETE",
        code_changes.delete,
        _ID,
        Parameter("device_id", UUID),
        SYNC,
        answers=shapes.ATTEMPT,
    ),
    operation("/access_codes/get", "GET POST", code_queries.get, *_EITHER, answers=shapes.CODE),
    operation(
        "/access_codes/list",
        "GET POST",
        code_queries.list_managed,
        Parameter("device_id", UUID),
        Parameter("access_code_ids", many(UUID)),
        Parameter("access_grant_id", UUID),
        Parameter("access_grant_key", text()),
        Parameter("access_method_id", UUID),
        Parameter("customer_key", text()),
        Parameter("search", text()),
        Parameter("user_identifier_key", text()),
        Parameter("limit", whole(1, 1_000_000)),
        Parameter("page_cursor", text(1)),
        answers=shapes.CODES | shapes.PAGES,
    ),
    operation(
        "/access_codes/generate_code", "GET POST", generate_code, _DEVICE, answers=shapes.GENERATED_CODE
    ),
    operation(
        "/access_codes/pull_backup_access_code",
        "POST",
        pull_backup_access_code,
        _ID,
        answers=shapes.CODE | shapes.BACKUP_CODE,
    ),
    operation(
        "/access_codes/report_device_constraints",
        "POST",
        report_device_constraints,
        _DEVICE,
        Parameter("supported_code_lengths", many(whole(4, 20))),
        Parameter("min_code_length", whole(4, 20)),
        Parameter("max_code_length", whole(4, 20)),
    ),
)
