"""The operations of unmanaged codes: those that were made at the door, not by this API."""

from typing import Any

from cloud_sim import access_codes, reported, unmanaged_codes
from cloud_sim.access_codes import Taken
from cloud_sim.seam import (
    code_attempts,
    code_changes,
    code_lookup,
    code_queries,
    code_requests,
    door_simulation,
    shapes,
)
from cloud_sim.seam.code_requests import CODE, SYNC
from cloud_sim.seam.dispatch import Call, operation
from cloud_sim.seam.errors import SeamError, invalid_input
from cloud_sim.seam.parameters import FLAG, UUID, Parameter, digits, label, required, text, whole


def convert_to_managed(call: Call) -> dict[str, Any]:
    """`convert_to_managed`: the code stays as it is, and this API may change it from now on."""
    code_requests.check(call)
    row = code_lookup.to_change(call, is_managed=False)
    _check_convertible(row, call.wall)
    capacity = reported.evidence(call.database, row["lock_id"], call.wall).capacity
    is_allowed = code_requests.allows_external_modification(call)
    with call.database.transaction():
        refused = unmanaged_codes.convert(
            call.database, row, call.wall, capacity, is_external_modification_allowed=is_allowed
        )
        if isinstance(refused, Taken):
            raise code_requests.duplicate(
                row["name"], (row["starts_at"], row["ends_at"]), refused, row["lock_id"]
            )
        if refused is not None:
            raise code_requests.no_space()
        now = access_codes.find(call.database, row["access_code_id"]) or row
        attempt_id = code_attempts.start(call.database, code_attempts.CONVERT, now, call.wall)
    call.tell(row["lock_id"])
    return {"action_attempt": code_attempts.shown(call.database, attempt_id, call.wall)}


def _check_convertible(row: dict[str, Any], wall: float) -> None:
    if not row["code"]:
        message = (
            "the digits of this code could not be read when the lock told of it (cannot_be_managed); delete"
            " it, and create a code of which you know the digits"
        )
        raise SeamError(400, "access_code_cannot_be_managed", message)
    if access_codes.has_ended(row, wall):
        raise SeamError(400, "access_code_inactive", "this code has ended; create a new one")


def update(call: Call) -> dict[str, Any]:
    """`update`, which can do nothing but convert."""
    if not call.given["is_managed"]:
        raise invalid_input({"is_managed": "Must be true: an unmanaged code can only become managed"})
    return convert_to_managed(call)


def delete(call: Call) -> dict[str, Any]:
    """`delete`."""
    return code_changes.delete_row(call, code_lookup.by_id(call, is_managed=False))


_ID = required("access_code_id", UUID)
_CONVERSION = (
    Parameter("allow_external_modification", FLAG),
    Parameter("is_external_modification_allowed", FLAG),
    Parameter("force", FLAG),
    SYNC,
)

UNMANAGED_OPERATIONS = (
    operation(
        "/access_codes/unmanaged/list",
        "GET POST",
        code_queries.list_unmanaged,
        required("device_id", UUID),
        Parameter("limit", whole(1, 1_000_000)),
        Parameter("page_cursor", text(1)),
        Parameter("search", text()),
        Parameter("user_identifier_key", text()),
        answers=shapes.UNMANAGED_CODES | shapes.PAGES,
    ),
    operation(
        "/access_codes/unmanaged/get",
        "GET POST",
        code_queries.get_unmanaged,
        Parameter("access_code_id", UUID),
        Parameter("device_id", UUID),
        CODE,
        answers=shapes.UNMANAGED_CODE,
    ),
    operation(
        "/access_codes/unmanaged/convert_to_managed",
        "POST PATCH",
        convert_to_managed,
        _ID,
        *_CONVERSION,
        answers=shapes.ATTEMPT,
    ),
    operation(
        "/access_codes/unmanaged/update",
        "POST PATCH",
        update,
        _ID,
        required("is_managed", FLAG),
        *_CONVERSION,
        answers=shapes.ATTEMPT,
    ),
    operation("/access_codes/unmanaged/delete", "POST DELETE", delete, _ID, SYNC, answers=shapes.ATTEMPT),
    operation(
        "/access_codes/simulate/create_unmanaged_access_code",
        "POST",
        door_simulation.create_unmanaged,
        required("device_id", UUID),
        required("name", label()),
        required("code", digits(4, 8)),
        answers=shapes.UNMANAGED_CODE,
    ),
)
