"""`/events/list` and `/events/get`."""

from datetime import datetime
from typing import Any

from cloud_sim.seam import event_log, shapes
from cloud_sim.seam.dispatch import Call, operation
from cloud_sim.seam.errors import SeamError, invalid_input
from cloud_sim.seam.event_log import Filter
from cloud_sim.seam.parameters import TIME, UUID, Parameter, many, text, whole
from cloud_sim.seam.workspace import connected_account_id

DEFAULT_LIMIT = 500
MOST = 10_000


def list_events(call: Call) -> dict[str, Any]:
    """The events told since a time, or between two, oldest first."""
    since_ms, before_ms = _times(call)
    wanted = Filter(
        since_ms=since_ms,
        before_ms=before_ms,
        lock_ids=_either(call, "device_id"),
        access_code_ids=_either(call, "access_code_id"),
        event_types=_either(call, "event_type"),
        event_ids=call.given.get("event_ids"),
    )
    account = call.given.get("connected_account_id")
    is_of_nobody = any(call.given.get(name) is not None for name in _OF_NOBODY)
    if is_of_nobody or account not in (None, connected_account_id(call.database)):
        return {"events": []}
    return {"events": event_log.find(call.database, wanted, call.given.get("limit") or DEFAULT_LIMIT)}


def get_event(call: Call) -> dict[str, Any]:
    """One event by its id, or the newest of a type at a device."""
    given = call.given
    if given.get("event_id") is not None:
        wanted = Filter(event_ids=[given["event_id"]])
    elif given.get("event_type") is not None and given.get("device_id") is not None:
        wanted = Filter(event_types=[given["event_type"]], lock_ids=[given["device_id"]])
    else:
        raise invalid_input({"": "give event_id, or event_type and device_id"})
    event = event_log.newest(call.database, wanted)
    if event is None:
        raise SeamError(404, "event_not_found", "no such event was told; /events/list lists them")
    return {"event": event}


def _times(call: Call) -> tuple[int | None, int | None]:
    since: datetime | None = call.given.get("since")
    between: list[datetime] = call.given.get("between") or []
    if since is not None and not between:
        return _ms(since), None
    if since is None and len(between) == 2:
        return _ms(between[0]), _ms(between[1])
    raise invalid_input({"": "give either since, or between with two times, the earlier one first"})


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _either(call: Call, name: str) -> list[str] | None:
    """What `<name>` and `<name>s` ask for; None for anything."""
    one, several = call.given.get(name), call.given.get(f"{name}s")
    if one is None:
        return several
    return [one] if several is None or one in several else []


_SEVERAL_OF_NOBODY = ("access_grant_ids", "access_method_ids", "acs_system_ids", "space_ids")
_OF_NOBODY = (
    *("access_grant_id", "access_method_id", "acs_access_group_id", "acs_credential_id", "acs_encoder_id"),
    *("acs_entrance_id", "acs_system_id", "acs_user_id", "connect_webview_id", "customer_key", "space_id"),
    "user_identity_id",
    *_SEVERAL_OF_NOBODY,
)
"""Filters by things that there are none of here: no event is about one."""

EVENT_OPERATIONS = (
    operation(
        "/events/list",
        "GET POST",
        list_events,
        Parameter("since", TIME),
        Parameter("between", many(TIME)),
        Parameter("device_id", UUID),
        Parameter("device_ids", many(UUID)),
        Parameter("access_code_id", UUID),
        Parameter("access_code_ids", many(UUID)),
        Parameter("event_type", text()),
        Parameter("event_types", many(text())),
        Parameter("event_ids", many(UUID)),
        Parameter("connected_account_id", UUID),
        Parameter("limit", whole(1, MOST)),
        *(Parameter(name, many(text()) if name in _SEVERAL_OF_NOBODY else text()) for name in _OF_NOBODY),
        answers=shapes.EVENTS,
    ),
    operation(
        "/events/get",
        "GET POST",
        get_event,
        Parameter("event_id", UUID),
        Parameter("event_type", text()),
        Parameter("device_id", UUID),
        answers=shapes.EVENT,
    ),
)
