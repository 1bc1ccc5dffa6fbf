"""What commands leave on disk: which were taken, what became of them, revoked codes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from sqlite3 import Connection
from typing import Any, Literal

from agent.core.mode_schedule import Standing
from agent.core.throttle import Budget, LengthClass
from agent.database import Database
from agent.door_code_rows import DoorChange
from agent.offline_rows import NOTHING, OfflineChange

KEEP_COMMANDS = 10_000

Result = Literal["done", "refused", "failed", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one command."""

    id: str
    type: str
    result: Result
    reason: str | None = None
    is_pending: bool = False
    """It is durable, and the strike has not been told yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What a command, or somebody at the door, changes on disk, in the transaction of its rows."""

    standing: Standing | None = None
    """The operating mode, where it changes."""
    settings: str | None = None
    """What counts instead of the configuration file, in canonical JSON, where that changes."""
    revoked: Mapping[str, int] = field(default_factory=dict)
    """Access code id -> the first revision that may bring it back."""
    budgets: Mapping[LengthClass, Budget] = field(default_factory=dict)
    door: DoorChange = field(default_factory=DoorChange)
    offline: OfflineChange = NOTHING


class CommandRows:
    """Two tables: `command` and `revocation`. Controller thread only; may raise StorageFault."""

    def __init__(self, database: Database) -> None:
        """In `database`."""
        self._database = database

    def find(self, command_id: str) -> Outcome | None:
        """What became of a command that was taken before."""
        return next(iter(self._outcomes("id=?", command_id)), None)

    def pending(self) -> list[Outcome]:
        """Commands after whose commit the process ended before the strike was told, or just after that."""
        return self._outcomes("is_pending=1")

    def _outcomes(self, where: str, *values: object) -> list[Outcome]:
        found: list[Any] = self._database.read(
            f"SELECT id, type, result, reason, is_pending FROM command WHERE {where} ORDER BY number", values
        )
        return [
            Outcome(id=each, type=kind, result=result, reason=reason, is_pending=bool(is_pending))
            for each, kind, result, reason, is_pending in found
        ]

    def keep(self, db: Connection, outcome: Outcome) -> None:
        """Remember an outcome, inside a transaction; the newest 10,000 stay."""
        db.execute(
            "INSERT INTO command (id, type, result, reason, is_pending) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET result=excluded.result, reason=excluded.reason,"
            " is_pending=excluded.is_pending",
            (outcome.id, outcome.type, outcome.result, outcome.reason, int(outcome.is_pending)),
        )
        db.execute(
            "DELETE FROM command WHERE number <= (SELECT max(number) FROM command) - ?", (KEEP_COMMANDS,)
        )

    def carry_out(self, db: Connection, effect: Effect) -> None:
        """The part of an effect that lies in these tables, inside a transaction."""
        for access_code_id, until_rev in effect.revoked.items():
            db.execute(
                "INSERT INTO revocation VALUES (?, ?) ON CONFLICT DO UPDATE"
                " SET until_rev=max(until_rev, excluded.until_rev)",
                (access_code_id, until_rev),
            )

    # --- revoked codes -----------------------------------------------------------------------------

    def revoked(self) -> list[str]:
        """The access codes that are refused by command."""
        rows: list[Any] = self._database.read("SELECT access_code_id FROM revocation")
        return [access_code_id for (access_code_id,) in rows]

    def forget_revoked(self, db: Connection, rev: int) -> None:
        """A code set of revision `rev` decides from now on: what it says counts more than older commands."""
        db.execute("DELETE FROM revocation WHERE until_rev <= ?", (rev,))
