"""Ends action attempts: by what the lock answered to the command, or because it is too late for an answer."""

from typing import Any

from cloud_sim import commands
from cloud_sim.database import Database
from cloud_sim.seam import action_attempts

TYPED_WITHIN_MS = 30_000
"""Keys are pressed or not within seconds; an attempt older than that began before the cloud was restarted."""

FAILED = {
    "refused": ("refused_by_lock", "the lock refused it"),
    "failed": ("failed_at_lock", "the lock tried and could not"),
    "expired": ("lock_did_not_answer", "the lock did not answer in time"),
}
"""Status of a command -> (type, message) of the attempt."""
STAYS_WANTED = "; the setting stays wanted, and the lock is told again at its next session"
"""What becomes of a setting whose command failed: it is no command that is over."""

_ENDED = """
SELECT action_attempt_id, action_type, commands.status, commands.reason
FROM action_attempts JOIN commands USING (command_id)
WHERE action_attempts.status = 'pending' AND commands.status != 'pending'
"""


def are_pending(database: Database) -> bool:
    """Whether there is anything to settle."""
    return database.row("SELECT 1 FROM action_attempts WHERE status = 'pending'") is not None


def settle(database: Database, wall: float) -> None:
    """End every attempt that can be ended now; inside a transaction."""
    commands.expire(database, wall)
    for row in database.rows(_ENDED):
        _end(database, row, wall)
    forgotten = database.rows(
        "SELECT action_attempt_id FROM action_attempts"
        " WHERE status = 'pending' AND command_id IS NULL AND created_ms < ?",
        int(wall * 1000) - TYPED_WITHIN_MS,
    )
    for row in forgotten:
        message = "the cloud was restarted meanwhile; whether it was done is not known"
        action_attempts.fail(database, row["action_attempt_id"], "interrupted", message, wall)


def _end(database: Database, row: dict[str, Any], wall: float) -> None:
    attempt_id = row["action_attempt_id"]
    if row["status"] == "done":
        action_attempts.succeed(database, attempt_id, {"was_confirmed_by_device": True}, wall)
        return
    error_type, message = FAILED[row["status"]]
    why = f" ({row['reason']})" if row["reason"] else ""
    if row["action_type"] == "CONFIGURE_AUTO_LOCK":
        why += STAYS_WANTED
    elif row["status"] == "expired":
        why = "; if it was not done then, it never will be"
    action_attempts.fail(database, attempt_id, error_type, message + why, wall)
