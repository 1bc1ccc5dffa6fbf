"""What locks are to use instead of their configuration files: what is wanted, and what they report."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agent.changed_settings import canonical, digest_of
from cloud_sim.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The settings of one lock. None: what its configuration file says."""

    mode_schedule: Mapping[str, Any] | None = None
    """The fields of `agent.core.mode_schedule_fields`, checked."""
    release_s: int | None = None

    @property
    def args(self) -> dict[str, Any]:
        """As the command says it: whole, so that it does not matter which one came before."""
        return {"mode_schedule": self.mode_schedule, "release_s": self.release_s}

    @property
    def digest(self) -> str:
        """What a lock that has these settings reports."""
        return digest_of(canonical(self.args))


def wanted(database: Database, lock_id: str) -> Wanted | None:
    """What was asked for; None if nobody ever asked for anything."""
    row = database.row("SELECT mode_schedule, release_s FROM wanted_settings WHERE lock_id = ?", lock_id)
    if row is None:
        return None
    schedule = row["mode_schedule"]
    return Wanted(
        mode_schedule=None if schedule is None else json.loads(schedule), release_s=row["release_s"]
    )


def want(database: Database, lock_id: str, settings: Wanted, wall: float) -> None:
    """Keep what is asked for; durable when this returns. Then `settings_delivery.deliver` it."""
    schedule = settings.mode_schedule
    database.run(
        "INSERT INTO wanted_settings (lock_id, mode_schedule, release_s, changed_ms) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (lock_id) DO UPDATE SET mode_schedule = excluded.mode_schedule,"
        " release_s = excluded.release_s, changed_ms = excluded.changed_ms",
        lock_id,
        None if schedule is None else json.dumps(schedule),
        settings.release_s,
        int(wall * 1000),
    )


def state(database: Database, lock_id: str) -> dict[str, Any]:
    """How far the wish is: `status` none, pending, applied, or refused for the `reason` of the lock."""
    settings = wanted(database, lock_id)
    if settings is None:
        return {"status": "none", "reason": None}
    if is_applied(database, lock_id, settings):
        return {"status": "applied", "reason": None}
    command = told(database, lock_id, settings.digest)
    if command is not None and command["status"] == "refused":
        return {"status": "refused", "reason": command["reason"]}
    return {"status": "pending", "reason": None}


def note_told(database: Database, lock_id: str, digest: str, command_id: str) -> None:
    """The lock's present session was told of these settings."""
    database.run(
        "UPDATE wanted_settings SET told_digest = ?, command_id = ?, told_sid = sid FROM reported_status"
        " WHERE wanted_settings.lock_id = ? AND reported_status.lock_id = wanted_settings.lock_id",
        digest,
        command_id,
        lock_id,
    )


def told(database: Database, lock_id: str, digest: str) -> dict[str, Any] | None:
    """The command of these settings for the lock's present session."""
    return database.row(
        "SELECT commands.* FROM wanted_settings JOIN commands USING (command_id)"
        " JOIN reported_status ON reported_status.lock_id = wanted_settings.lock_id"
        " WHERE wanted_settings.lock_id = ? AND told_digest = ? AND told_sid = sid",
        lock_id,
        digest,
    )


def is_applied(database: Database, lock_id: str, settings: Wanted) -> bool:
    """Whether the lock reports these settings (an agent that knows of none reports none), and no others that
    were wanted before are still under way to it."""
    row = database.row("SELECT status FROM reported_status WHERE lock_id = ?", lock_id)
    if row is None or json.loads(row["status"]).get("settings") != settings.digest:
        return False
    others = (
        "SELECT 1 FROM commands WHERE lock_id = ? AND type = 'config' AND status = 'pending' AND args <> ?"
    )
    return database.row(others, lock_id, json.dumps(settings.args)) is None
