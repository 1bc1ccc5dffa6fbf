"""What locks are told to do, and what they answer through their journals."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec

from cloud_sim import code_sets, events
from cloud_sim.database import Database
from cloud_sim.downlink import COMMAND_LIFE_S, Downlink
from cloud_sim.reported import ONLINE_FOR_S

ANSWER_WITHIN_S = COMMAND_LIFE_S + 10
"""A lock that has not answered by then has not heard it in time; an answer that comes all the same counts."""
ACTIONS = ("lock", "unlock")
"""What the guide for device clouds calls actions."""

ShortText = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


@dataclass(frozen=True, slots=True)
class NotOnline:
    """The lock cannot be reached now, and a command that waits for it would be dead: nothing was sent."""


class _Answer(msgspec.Struct, frozen=True):
    """The detail of a `command_result` journal row."""

    id: ShortText
    type: ShortText
    result: Literal["done", "refused", "failed", "unknown"]
    reason: ShortText | None = None
    source: ShortText | None = None
    duplicate: bool = False


def issue(
    database: Database,
    downlink: Downlink,
    lock_id: str,
    kind: str,
    args: Mapping[str, Any],
    wall: float,
    *,
    custom_id: str | None = None,
) -> str | NotOnline:
    """Tell a lock to do something now. The id of the command; what became of it: `find`."""
    sid = _session(database, lock_id, wall)
    if sid is None:
        return NotOnline()
    command_id = str(uuid.uuid4())
    database.run(
        "INSERT INTO commands (command_id, lock_id, type, args, custom_id, issued_ms)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        command_id,
        lock_id,
        kind,
        json.dumps(dict(args)),
        custom_id,
        int(wall * 1000),
    )
    if downlink.command(lock_id, command_id, kind, dict(args), sid):
        return command_id
    database.run("DELETE FROM commands WHERE command_id = ?", command_id)
    return NotOnline()


def revoke(database: Database, downlink: Downlink, lock_id: str, ids: Sequence[str], wall: float) -> None:
    """Have codes that just left the wanted set refused at once, if the lock is there to hear it; the set
    says so in any case."""
    args = {"ids": list(ids), "rev": code_sets.head(database, lock_id)[1]}
    issue(database, downlink, lock_id, "revoke", args, wall)


def find(database: Database, command_id: str, wall: float) -> dict[str, Any] | None:
    """The row of one command; what was not answered in time is `expired`."""
    expire(database, wall)
    return database.row("SELECT * FROM commands WHERE command_id = ?", command_id)


def expire(database: Database, wall: float) -> list[str]:
    """Give up on commands that were not answered in time; their ids."""
    rows = database.rows(
        "UPDATE commands SET status = 'expired' WHERE status = 'pending' AND issued_ms <= ?"
        " RETURNING command_id",
        int((wall - ANSWER_WITHIN_S) * 1000),
    )
    return [row["command_id"] for row in rows]


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
    if answer.duplicate:
        return
    if answer.type == "unlock" and answer.result == "done":
        method = "manual" if answer.source == "local" else "remote"
        _add(
            database,
            lock_id,
            event,
            {"event_type": "lock.unlocked", "method": method, "action_id": answer.id},
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


def is_online(database: Database, lock_id: str, wall: float) -> bool:
    """Whether a command would have somebody to go to."""
    return _session(database, lock_id, wall) is not None


def _session(database: Database, lock_id: str, wall: float) -> str | None:
    """The session a command must name, while there is one."""
    row = database.row("SELECT sid, is_online, last_seen_ms FROM reported_status WHERE lock_id = ?", lock_id)
    if row is None or not row["is_online"] or wall - row["last_seen_ms"] / 1000 > ONLINE_FOR_S:
        return None
    return str(row["sid"])
