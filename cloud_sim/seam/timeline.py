"""`/access_codes/get_timeline`: the life of one access code in the order in which it happened."""

from datetime import datetime
from typing import Any

from cloud_sim import access_codes
from cloud_sim.seam import event_log, shapes
from cloud_sim.seam.dispatch import Call, operation
from cloud_sim.seam.errors import SeamError
from cloud_sim.seam.parameters import TIME, UUID, Parameter, many, required, text, whole

DEFAULT_LIMIT, MOST = 50, 200

TOLD = {
    "access_code.created": ("api_key", "The code was created"),
    "access_code.changed": ("api_key", "The code was changed"),
    "access_code.name_changed": ("api_key", "The code was given another name"),
    "access_code.code_changed": ("api_key", "The code was given other digits"),
    "access_code.time_frame_changed": ("api_key", "The code was given another window"),
    "access_code.mutations_requested": ("api_key", "The lock is to be told"),
    "access_code.delay_in_setting_on_device": ("system", "The lock has not confirmed the code for a while"),
    "access_code.delay_in_removing_from_device": ("system", "The lock has not confirmed its end for a while"),
    "access_code.deleted": ("api_key", "The code is deleted"),
    "access_code.backup_access_code_pulled": ("api_key", "A backup code was pulled for it"),
    "access_code.scheduled_on_device": ("system", "The lock holds the code, for its window to come"),
    "access_code.issued": ("system", "The lock has all it needs to know the code by its digits"),
    "access_code.set_on_device": ("system", "The lock holds the code, and it opens"),
    "access_code.failed_to_set_on_device": ("system", "The lock cannot use the code"),
    "access_code.failed_to_update": ("system", "A change is not on the lock in time"),
    "access_code.failed_to_issue": ("system", "The code is not on the lock in time"),
    "access_code.failed_to_remove_from_device": ("system", "The lock cannot forget the code"),
    "access_code.removed_from_device": ("system", "The code is on the lock no more, or opens nothing there"),
    "access_code.unmanaged.created": ("external", "Somebody made the code at the door"),
    "access_code.unmanaged.removed": ("external", "The code made at the door is gone"),
    "access_code.unmanaged.converted_to_managed": ("api_key", "The code made at the door was taken over"),
    "access_code.unmanaged.failed_to_convert_to_managed": ("system", "The code could not be taken over"),
    "access_code.modified_external_to_seam": ("external", "Somebody changed the code at the door"),
    "access_code.deleted_external_to_seam": ("external", "Somebody deleted the code at the door"),
}
"""Type of event -> (the kind of who was behind it, what happened)."""

_OF_EVERY_EVENT = (
    *("event_id", "event_type", "workspace_id", "connected_account_id", "device_id", "access_code_id"),
    *("created_at", "occurred_at"),
)


def get_timeline(call: Call) -> dict[str, Any]:
    """What is known of a code, also after its deletion, as long as its events are kept."""
    access_code_id = call.given["access_code_id"]
    every = event_log.find(call.database, event_log.Filter(access_code_ids=[access_code_id]), -1)
    if not every and access_codes.find(call.database, access_code_id) is None:
        message = "access code not found: it was never created, or is long deleted"
        raise SeamError(404, "access_code_not_found", message, {"access_code_id": access_code_id})
    wanted = call.given.get("event_types") or list(TOLD)
    told = [event for event in every if event["event_type"] in TOLD and event["event_type"] in wanted]
    told.sort(key=lambda event: event["occurred_at"])
    shown, has_more = _page(call, [event for event in told if _fits(event, call)])
    first, last = (shown[0]["occurred_at"], shown[-1]["occurred_at"]) if shown else ("", "")
    return {
        "timeline_events": [_shown(event) for event in shown],
        "pagination": {
            "has_more": has_more,
            "next_cursor": last if shown and told[-1]["occurred_at"] > last else None,
            "prev_cursor": first if shown and told[0]["occurred_at"] < first else None,
        },
    }


def _fits(event: dict[str, Any], call: Call) -> bool:
    occurred = datetime.fromisoformat(event["occurred_at"])
    after, before = call.given.get("after"), call.given.get("before")
    return (after is None or occurred > after) and (before is None or occurred < before)


def _page(call: Call, fitting: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], bool]:
    """(the page, whether there is more): the oldest, or with `before` alone the newest.

    Events of one millisecond stay together, so that a time is enough of a cursor."""
    limit = call.given.get("limit") or DEFAULT_LIMIT
    if len(fitting) <= limit:
        return fitting, False
    if call.given.get("before") is not None and call.given.get("after") is None:
        edge = fitting[-limit]["occurred_at"]
        shown = [event for event in fitting if event["occurred_at"] >= edge]
    else:
        edge = fitting[limit - 1]["occurred_at"]
        shown = [event for event in fitting if event["occurred_at"] <= edge]
    return shown, len(shown) < len(fitting)


def _shown(event: dict[str, Any]) -> dict[str, Any]:
    actor, description = TOLD[event["event_type"]]
    related = ("event_id", "device_id", "connected_account_id")
    return {
        "timeline_event_id": event["event_id"],
        "event_type": event["event_type"],
        "occurred_at": event["occurred_at"],
        "description": description,
        "actor": {"type": actor},
        "details": {name: value for name, value in event.items() if name not in _OF_EVERY_EVENT},
        "related_resource_ids": {name: event[name] for name in related},
    }


TIMELINE_OPERATIONS = (
    operation(
        "/access_codes/get_timeline",
        "GET POST",
        get_timeline,
        required("access_code_id", UUID),
        Parameter("limit", whole(1, MOST)),
        Parameter("before", TIME),
        Parameter("after", TIME),
        Parameter("event_types", many(text(1, 200))),
        answers=shapes.TIMELINE,
    ),
)
