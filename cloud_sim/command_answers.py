"""What locks answer to commands, through their journals."""

import json
import uuid
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec

from cloud_sim import door_codes, events
from cloud_sim.database import Database

ACTIONS = ("lock", "unlock")
"""What the guide for device clouds calls actions."""

ShortText = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class _Answer(msgspec.Struct, frozen=True):
    """The detail of a `command_result` journal row."""

    id: ShortText
    type: ShortText
    result: Literal["done", "refused", "failed", "unknown"]
    reason: ShortText | None = None
    source: ShortText | None = None
    duplicate: bool = False


def answered(
    database: Database, lock_id: str, event: Mapping[str, Any], detail: Mapping[str, Any], wall: float
) -> None:
    """Take one `command_result` row, whose event is `event`; inside the transaction that stores it."""
    try:
        answer = msgspec.convert(detail, _Answer)
    except msgspec.ValidationError:
        return
    # After `unknown` nobody knows whether the strike moved: that is not `done`.
    status = "failed" if answer.result == "unknown" else answer.result
    command = database.row(
        "UPDATE commands SET status = ?, reason = ?, answered_ms = ? WHERE command_id = ? AND lock_id = ?"
        " RETURNING *",
        status,
        "unknown" if answer.result == "unknown" else answer.reason,
        int(wall * 1000),
        answer.id,
        lock_id,
    )
    if command is not None and command["type"] == "forget" and status == "done":
        door_codes.forgotten(database, lock_id, json.loads(command["args"])["ids"])
    if answer.duplicate:
        return
    if answer.type == "unlock" and answer.result == "done":
        method = "manual" if answer.source == "local" else "remote"
        _add(
            database,
            lock_id,
            event,
            {
                "event_type": "lock.unlocked",
                "method": method,
                "source": "lockctl" if answer.source == "local" else "cloud",
                "action_id": answer.id,
            },
        )
    if command is not None and command["type"] in ACTIONS:
        _add(database, lock_id, event, _completed(command))


def _completed(command: Mapping[str, Any]) -> dict[str, Any]:
    """What the guide for device clouds wants to hear at the end of an action."""
    is_done = command["status"] == "done"
    return {
        "event_type": "lock.action_completed",
        "device_id": command["lock_id"],
        "action_id": command["command_id"],
        "custom_id": command["custom_id"],
        "action": command["type"],
        "status": "success" if is_done else "failed",
        "performed_via": "remote_api",
        "error_code": None if is_done else str(command["reason"] or command["status"]).upper(),
    }


def _add(database: Database, lock_id: str, event: Mapping[str, Any], fields: dict[str, Any]) -> None:
    """One more event of the same journal row, with an id of its own."""
    name = f"{event['event_id']}/{fields['event_type']}"
    event_id = str(uuid.uuid5(events.EVENT_NAMESPACE, name))
    events.add_event(database, lock_id, {**event, **fields, "event_id": event_id})
