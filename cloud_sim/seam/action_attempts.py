"""Action attempts: what a client asked a lock to do, and what became of it."""

import json
import uuid
from typing import Any

from cloud_sim.database import Database
from cloud_sim.seam.event_log import NewEvent, record

_TOLD_TYPES = ("LOCK_DOOR", "UNLOCK_DOOR", "SIMULATE_KEYPAD_CODE_ENTRY")
"""Those whose end is an event too."""


def start(
    database: Database, action_type: str, lock_id: str, wall: float, command_id: str | None = None
) -> str:
    """A pending attempt; its id. `command_id`: the command whose answer will decide it."""
    attempt_id = str(uuid.uuid4())
    database.run(
        "INSERT INTO action_attempts"
        " (action_attempt_id, action_type, lock_id, command_id, status, created_ms)"
        " VALUES (?, ?, ?, ?, 'pending', ?)",
        attempt_id,
        action_type,
        lock_id,
        command_id,
        int(wall * 1000),
    )
    return attempt_id


def succeed(database: Database, attempt_id: str, result: dict[str, Any], wall: float) -> None:
    """It was done; inside a transaction. One that has ended stays as it ended."""
    ended = database.row(
        "UPDATE action_attempts SET status = 'success', result = ? WHERE action_attempt_id = ?"
        " AND status = 'pending' RETURNING *",
        json.dumps(result),
        attempt_id,
    )
    _tell(database, ended, "succeeded", wall)


def fail(database: Database, attempt_id: str, error_type: str, message: str, wall: float) -> None:
    """It was not done, and why; inside a transaction. One that has ended stays as it ended."""
    ended = database.row(
        "UPDATE action_attempts SET status = 'error', error_type = ?, error_message = ?"
        " WHERE action_attempt_id = ? AND status = 'pending' RETURNING *",
        error_type,
        message,
        attempt_id,
    )
    _tell(database, ended, "failed", wall)


def of_command(database: Database, command_id: str) -> dict[str, Any] | None:
    """The row of the attempt that a command decides."""
    return database.row("SELECT * FROM action_attempts WHERE command_id = ?", command_id)


def shown(database: Database, attempt_id: str) -> dict[str, Any] | None:
    """An attempt as the API shows it."""
    row = database.row("SELECT * FROM action_attempts WHERE action_attempt_id = ?", attempt_id)
    if row is None:
        return None
    is_error = row["status"] == "error"
    return {
        "action_attempt_id": row["action_attempt_id"],
        "action_type": row["action_type"],
        "status": row["status"],
        "result": None if row["result"] is None else json.loads(row["result"]),
        "error": {"type": row["error_type"], "message": row["error_message"]} if is_error else None,
    }


def _tell(database: Database, ended: dict[str, Any] | None, how: str, wall: float) -> None:
    if ended is None or ended["action_type"] not in _TOLD_TYPES:
        return
    event = NewEvent(
        event_type=f"action_attempt.{ended['action_type'].lower()}.{how}",
        lock_id=ended["lock_id"],
        occurred_ms=int(wall * 1000),
        fields={
            "action_attempt_id": ended["action_attempt_id"],
            "action_type": ended["action_type"],
            "status": ended["status"],
        },
    )
    record(database, event, wall)
