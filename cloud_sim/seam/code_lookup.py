"""Finds the lock and the access code that a request is about, or refuses in the API's words."""

from typing import Any

from cloud_sim import access_codes, locks, offline_codes
from cloud_sim.database import Database
from cloud_sim.seam.dispatch import Call
from cloud_sim.seam.errors import SeamError, invalid_input


def existing_device(database: Database, device_id: str) -> dict[str, Any]:
    """The lock's row."""
    row = locks.find_lock(database, device_id)
    if row is None:
        raise SeamError(404, "device_not_found", "device not found", {"device_id": device_id})
    return row


def asked_for(call: Call, *, is_managed: bool) -> dict[str, Any]:
    """The code that `access_code_id`, or `device_id` and `code`, name; one that is being deleted too."""
    access_code_id, device_id = call.given.get("access_code_id"), call.given.get("device_id")
    digits = call.given.get("code")
    if access_code_id is not None and digits is not None:
        raise invalid_input({"": "Give either access_code_id, or device_id and code"})
    if access_code_id is not None:
        found = offline(call) if is_managed else None
        return found or by_id(call, is_managed=is_managed)
    if device_id is None or digits is None:
        raise invalid_input({"": "Give access_code_id, or device_id and code"})
    existing_device(call.database, device_id)
    rows = access_codes.of_lock(call.database, device_id)
    fitting = [row for row in rows if row["code"] == digits and bool(row["is_managed"]) is is_managed]
    issued = offline_codes.by_digits(call.database, device_id, digits) if is_managed else None
    if issued is not None and not any(row["is_in_set"] or row["is_at_door"] for row in fitting):
        return issued
    if not fitting:
        raise _not_found({"device_id": device_id})
    # Of several with these digits the others have ended or are being deleted.
    return max(fitting, key=lambda row: (row["is_in_set"], row["is_at_door"], row["created_ms"]))


def by_id(call: Call, *, is_managed: bool) -> dict[str, Any]:
    """The code of `access_code_id`; `device_id`, where given, must be its lock."""
    access_code_id, device_id = call.given["access_code_id"], call.given.get("device_id")
    row = access_codes.find(call.database, access_code_id)
    is_it = row is not None and bool(row["is_managed"]) is is_managed
    if row is None or not is_it or device_id not in (None, row["lock_id"]):
        raise _not_found({"access_code_id": access_code_id, "device_id": device_id})
    return row


def offline(call: Call) -> dict[str, Any] | None:
    """The offline code of `access_code_id`, if it is one; `device_id`, where given, must be its lock."""
    row = offline_codes.find(call.database, call.given["access_code_id"])
    is_it = row is not None and call.given.get("device_id") in (None, row["lock_id"])
    return row if is_it else None


def to_change(call: Call, *, is_managed: bool) -> dict[str, Any]:
    """`by_id`, and not being deleted."""
    row = by_id(call, is_managed=is_managed)
    if row["deleted_ms"] is not None:
        raise _not_found({"access_code_id": row["access_code_id"], "device_id": row["lock_id"]})
    return row


def _not_found(data: dict[str, Any]) -> SeamError:
    message = "access code not found: it was never created, is deleted, or is of the other kind (unmanaged)"
    return SeamError(404, "access_code_not_found", message, data)
