"""What locks need to know for offline and rolling codes: kept here, sent whole, never a step back.

A lock that lost its journal does not know which codes were used, and neither do we of those it had not told
of. So the journal we name stays the first one we knew, until somebody names the new one.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agent.offline_setup import OfflineSetup, SetupFault, decode_setup
from cloud_sim.database import Database

LIMIT_BYTES = 12 * 1024
"""Of the document: sealed it must fit into one message."""
OWN_FIELDS = frozenset(OfflineSetup.__struct_fields__) - {"device_id"}


@dataclass(frozen=True, slots=True)
class Kept:
    """The newest setup of a lock. `fields` hold keys."""

    rev: int
    journal_epoch: str
    fields: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"Kept(rev={self.rev})"

    def document(self, lock_id: str) -> dict[str, object]:
        """As the lock reads it."""
        return {**self.fields, "device_id": lock_id, "journal_epoch": self.journal_epoch}


def kept(database: Database, lock_id: str) -> Kept | None:
    """The setup of a lock; None if it never had one."""
    row = database.row("SELECT * FROM offline_setups WHERE lock_id = ?", lock_id)
    return Kept(row["rev"], row["journal_epoch"], json.loads(row["setup"])) if row else None


def replace(database: Database, lock_id: str, fields: Mapping[str, Any]) -> None:
    """Keep another setup, whole; `journal_epoch` among the fields names the journal that is known from now
    on. Raises SetupFault for what no lock could use. Send it afterwards."""
    before = kept(database, lock_id)
    known = (
        fields.get("journal_epoch") or (before.journal_epoch if before else "") or _only(database, lock_id)
    )
    own = {name: value for name, value in fields.items() if name != "journal_epoch" and value is not None}
    document = json.dumps({**own, "device_id": lock_id, "journal_epoch": known}).encode()
    decode_setup(document)
    if len(document) > LIMIT_BYTES:
        raise SetupFault(
            f"it has {len(document)} bytes as JSON, and at most {LIMIT_BYTES} fit into a message"
        )
    rev = max(before.rev if before else 0, reported_rev(database, lock_id)) + 1
    _keep(database, lock_id, Kept(rev, str(known), own))


def _keep(database: Database, lock_id: str, new: Kept) -> None:
    database.run(
        "INSERT OR REPLACE INTO offline_setups VALUES (?, ?, ?, ?)",
        lock_id,
        new.rev,
        new.journal_epoch,
        json.dumps(new.fields),
    )


def _only(database: Database, lock_id: str) -> str:
    """The journal of a lock that has ever had one; empty if there was none yet, or more than one."""
    rows = database.rows("SELECT journal_epoch FROM journals WHERE lock_id = ?", lock_id)
    return str(rows[0]["journal_epoch"]) if len(rows) == 1 else ""


def catch_up(database: Database, lock_id: str) -> bool:
    """A lock has told of itself: know its first journal, and count on from what it has, which a cloud that
    was restored from a backup does not remember. True if there is something new to send."""
    before = kept(database, lock_id)
    if before is None:
        return False
    known = before.journal_epoch or _only(database, lock_id)
    reported = reported_rev(database, lock_id)
    if known == before.journal_epoch and reported <= before.rev:
        return False
    _keep(database, lock_id, Kept(max(before.rev, reported) + 1, known, before.fields))
    return True


def reported_rev(database: Database, lock_id: str) -> int:
    """The revision that counts at the lock, by its own word; 0 for none."""
    row = database.row("SELECT status FROM reported_status WHERE lock_id = ?", lock_id)
    return int(json.loads(row["status"]).get("offline_rev", 0)) if row else 0
