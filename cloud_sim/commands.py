"""What locks are told to do, and what became of it."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cloud_sim import code_sets
from cloud_sim.database import Database
from cloud_sim.downlink import COMMAND_LIFE_S, Downlink
from cloud_sim.reported import ONLINE_FOR_S

ANSWER_WITHIN_S = COMMAND_LIFE_S + 10
"""A lock that has not answered by then has not heard it in time; an answer that comes all the same counts."""

FORGET_AFTER_S = 3600
"""How long a command that is said again by itself is kept when nobody answered it."""


@dataclass(frozen=True, slots=True)
class NotOnline:
    """The lock cannot be reached now, and a command that waits for it would be dead: nothing was sent."""


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


def forget_expired(database: Database, lock_id: str, kind: str, wall: float) -> None:
    """Forget commands of this type that nobody answered within an hour: they are said again and again."""
    database.run(
        "DELETE FROM commands WHERE lock_id = ? AND type = ? AND status = 'expired' AND issued_ms < ?",
        lock_id,
        kind,
        int((wall - FORGET_AFTER_S) * 1000),
    )


def is_online(database: Database, lock_id: str, wall: float) -> bool:
    """Whether a command would have somebody to go to."""
    return _session(database, lock_id, wall) is not None


def _session(database: Database, lock_id: str, wall: float) -> str | None:
    """The session a command must name, while there is one."""
    row = database.row("SELECT sid, is_online, last_seen_ms FROM reported_status WHERE lock_id = ?", lock_id)
    if row is None or not row["is_online"] or wall - row["last_seen_ms"] / 1000 > ONLINE_FOR_S:
        return None
    return str(row["sid"])
