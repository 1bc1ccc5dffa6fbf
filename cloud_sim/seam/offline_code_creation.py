"""Creates offline codes as Seam clients ask for them, and says what cannot be asked of one."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NoReturn

from cloud_sim import offline_codes, offline_issuing
from cloud_sim.offline_issuing import NotIssued, WantedOfflineCode, Why
from cloud_sim.seam import code_attempts, code_lookup, code_view
from cloud_sim.seam.dispatch import Call
from cloud_sim.seam.errors import SeamError, invalid_input

_NOT_OF_ONE: Mapping[str, str] = {
    "code": "The digits of an offline code follow from its key and its window; leave code out",
    "common_code_key": "Each offline code has digits of its own; leave common_code_key out",
    "use_backup_access_code_pool": "An offline code needs no backup; leave use_backup_access_code_pool out",
}


def is_asked_for(call: Call) -> bool:
    """Whether a request is about an offline code, by either name of the flag."""
    flags = [call.given.get(name) for name in ("is_offline_access_code", "use_offline_access_code")]
    if None not in flags and flags[0] != flags[1]:
        issue = "Differs from is_offline_access_code, its other name"
        raise invalid_input({"use_offline_access_code": issue})
    return any(flags)


def create(call: Call) -> dict[str, Any]:
    """`/access_codes/create` with `is_offline_access_code`. The lock need not be connected: it is told
    nothing."""
    wanted, device_id = _wanted(call), call.given["device_id"]
    code_lookup.existing_device(call.database, device_id)
    call.count("creates", [device_id])
    with call.database.transaction():
        row = _issue(call, device_id, wanted)
        attempt_id = code_attempts.start(call.database, code_attempts.CREATE, row, call.wall)
    return {
        "access_code": code_view.access_code(call.database, row, call.wall),
        "action_attempt": code_attempts.shown(call.database, attempt_id, call.wall),
    }


def create_multiple(call: Call, device_ids: Sequence[str]) -> dict[str, Any]:
    """`/access_codes/create_multiple` with it: one code for each device, if the client allows that."""
    wanted = _wanted(call)
    is_allowed = call.given.get("behavior_when_code_cannot_be_shared") == "create_random_code"
    if len(device_ids) > 1 and not is_allowed:
        message = (
            "no two devices share an offline code; set behavior_when_code_cannot_be_shared to"
            " create_random_code to have one for each"
        )
        raise SeamError(400, "offline_access_codes_cannot_be_shared", message)
    for device_id in device_ids:
        code_lookup.existing_device(call.database, device_id)
    call.count("creates", device_ids)
    with call.database.transaction():
        rows = [_issue(call, device_id, wanted) for device_id in device_ids]
    return {"access_codes": code_view.access_codes(call.database, rows, call.wall)}


def refuse_change(row: Mapping[str, Any]) -> NoReturn:
    """Nobody can take back the digits of a code that its lock reads by itself."""
    message = "an offline code says its window by its digits, so it cannot be changed; create another one"
    raise SeamError(
        400, "offline_access_code_cannot_be_updated", message, {"access_code_id": row["access_code_id"]}
    )


def refuse_deletion(row: Mapping[str, Any]) -> NoReturn:
    """It can be revoked, which is another thing, at the other API."""
    message = (
        "the lock opens to an offline code without having heard of it, so it cannot be deleted; to revoke it:"
        f" DELETE /device-cloud/access_codes/{row['access_code_id']}, which the lock must hear of, or a code"
        " that cancels, typed at the door (docs/offline-codes.md)"
    )
    raise SeamError(
        400, "offline_access_code_cannot_be_deleted", message, {"access_code_id": row["access_code_id"]}
    )


def _wanted(call: Call) -> WantedOfflineCode:
    given = call.given
    for name, issue in _NOT_OF_ONE.items():
        if given.get(name):
            raise invalid_input({name: issue})
    return WantedOfflineCode(
        name=given.get("name"),
        starts_s=_seconds(given.get("starts_at")),
        ends_s=_seconds(given.get("ends_at")),
        is_one_time_use=bool(given.get("is_one_time_use")),
        rounding_s=offline_issuing.ROUNDINGS_S[given.get("max_time_rounding") or "1hour"],
    )


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


def _issue(call: Call, device_id: str, wanted: WantedOfflineCode) -> dict[str, Any]:
    issued = offline_issuing.issue_code(call.database, device_id, wanted, call.wall)
    if isinstance(issued, NotIssued):
        raise _refusal(issued, device_id)
    row = offline_codes.find(call.database, issued)
    if row is None:
        raise LookupError("the code that was just issued is not there")
    return row


def _refusal(refused: NotIssued, device_id: str) -> SeamError:
    about = {"device_id": device_id}
    match refused.why:
        case Why.NOT_SUPPORTED:
            return SeamError(400, "offline_access_codes_not_supported", refused.message, about)
        case Why.NONE_LEFT:
            return SeamError(400, "no_offline_access_code_left", refused.message, about)
        case Why.WINDOW:
            return invalid_input({refused.field: refused.message})
