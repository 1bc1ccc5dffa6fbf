"""Codes that cancel, once somebody typed one: what the lock says it ended."""

from collections.abc import Mapping
from typing import Any

from cloud_sim.database import Database

KIND = "offline_codes_cancelled"
"""The journal row of a lock at which such a code was typed."""


def take(database: Database, lock_id: str, detail: Mapping[str, Any], at_ms: int) -> None:
    """Note it, in the transaction that stores the row."""
    named = (lock_id, detail["kid"], detail["issuer"], detail["slot"])
    database.run(
        "INSERT INTO offline_cancellations VALUES (?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET slot = max(slot, excluded.slot)",
        *named,
    )
    database.run(
        "UPDATE offline_codes SET revoked_ms = coalesce(revoked_ms, ?), revoked_rev = 0,"
        " revoked_why = 'cancelled' WHERE lock_id = ? AND kid = ? AND issuer = ? AND slot < ?",
        at_ms,
        *named,
    )


def before(database: Database, lock_id: str, kid: int, issuer: int) -> int:
    """Codes of this key that start before this slot are over; 0 if nobody cancelled any."""
    row = database.row(
        "SELECT slot FROM offline_cancellations WHERE lock_id = ? AND kid = ? AND issuer = ?",
        lock_id,
        kid,
        issuer,
    )
    return int(row["slot"]) if row else 0
