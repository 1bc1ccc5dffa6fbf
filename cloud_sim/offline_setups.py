"""What locks need to know for offline and rolling codes: kept here, sent whole, never a step back.

A lock that lost its journal does not know which codes were used, and neither do we of those it had not told
of. So the journal we name stays the first one we knew, until somebody names the new one.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent.offline_setup import OfflineSetup, SetupFault, decode_setup
from cloud_sim import offline_kids
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
    """As somebody asked for them."""
    revoked: Sequence[Mapping[str, int]] = ()
    """What is denied besides: codes that were issued and revoked here."""
    journal_rev: int = 0
    """The one that named this journal first."""

    def __repr__(self) -> str:
        return f"Kept(rev={self.rev})"

    def document(self, lock_id: str) -> dict[str, object]:
        """As the lock reads it."""
        known = {"device_id": lock_id, "journal_epoch": self.journal_epoch}
        return {**_with(self.fields, self.revoked), **known}

    def decoded(self, lock_id: str) -> OfflineSetup:
        """The same as values."""
        return decode_setup(json.dumps(self.document(lock_id)).encode())


NOTHING = Kept(0, "", {})


def kept(database: Database, lock_id: str) -> Kept | None:
    """The setup of a lock; None if it never had one."""
    row = database.row("SELECT * FROM offline_setups WHERE lock_id = ?", lock_id)
    if row is None:
        return None
    return Kept(
        rev=row["rev"],
        journal_epoch=row["journal_epoch"],
        fields=json.loads(row["setup"]),
        revoked=json.loads(row["revoked"]),
        journal_rev=row["journal_rev"],
    )


def rev(database: Database, lock_id: str) -> int:
    """The revision of the newest setup of a lock; 0 if it never had one."""
    row = database.row("SELECT rev FROM offline_setups WHERE lock_id = ?", lock_id)
    return int(row["rev"]) if row else 0


def replace(database: Database, lock_id: str, fields: Mapping[str, Any]) -> None:
    """Keep another setup, whole; `journal_epoch` among the fields names the journal that is known from now
    on. Raises SetupFault for what no lock could use. Send it afterwards."""
    before = kept(database, lock_id) or NOTHING
    known = fields.get("journal_epoch") or before.journal_epoch or _only(database, lock_id)
    own = {name: value for name, value in fields.items() if name != "journal_epoch" and value is not None}
    wanted = _checked(_with(own, before.revoked), lock_id, known)
    offline_kids.check(database, lock_id, _decoded(before, lock_id), wanted)
    _keep(database, lock_id, before, own, str(known), before.revoked)


def revoke(database: Database, lock_id: str, revoked: Sequence[Mapping[str, int]]) -> int:
    """Have the lock refuse these codes, and none of those that were revoked here before, besides what its
    setup says; returns the revision that does it. Raises SetupFault if they are too many for a message."""
    before = kept(database, lock_id) or NOTHING
    _checked(_with(before.fields, revoked), lock_id, before.journal_epoch)
    return _keep(database, lock_id, before, before.fields, before.journal_epoch, revoked)


def replace_keys(
    database: Database, lock_id: str, keys: Sequence[Mapping[str, Any]], least_rev: int = 0
) -> int:
    """Have the lock take these keys and change nothing else; returns the revision that does it, which is
    above `least_rev`. Raises SetupFault."""
    before = kept(database, lock_id) or NOTHING
    fields = {**before.fields, "keys": list(keys)}
    _checked(_with(fields, before.revoked), lock_id, before.journal_epoch)
    return _keep(database, lock_id, before, fields, before.journal_epoch, before.revoked, least_rev)


def _with(fields: Mapping[str, Any], revoked: Sequence[Mapping[str, int]]) -> dict[str, Any]:
    """What somebody wants denied, and what was revoked here. What is no list is left to be refused."""
    denied = fields.get("denied", [])
    more = [one for one in revoked if one not in denied] if isinstance(denied, list) else []
    return {**fields, "denied": [*denied, *more]} if more else dict(fields)


def _checked(fields: Mapping[str, Any], lock_id: str, journal_epoch: object) -> OfflineSetup:
    document = json.dumps({**fields, "device_id": lock_id, "journal_epoch": journal_epoch}).encode()
    setup = decode_setup(document)
    if len(document) > LIMIT_BYTES:
        raise SetupFault(
            f"it has {len(document)} bytes as JSON, and at most {LIMIT_BYTES} fit into a message"
        )
    return setup


def _decoded(before: Kept, lock_id: str) -> OfflineSetup | None:
    return before.decoded(lock_id) if before.rev else None


def _keep(
    database: Database,
    lock_id: str,
    before: Kept,
    fields: Mapping[str, Any],
    journal_epoch: str,
    revoked: Sequence[Mapping[str, int]],
    least_rev: int = 0,
) -> int:
    """Keep it as the next revision, and return that."""
    reported = reported_rev(database, lock_id)
    rev = max(before.rev, reported, least_rev) + 1
    is_known = before.rev > 0 and journal_epoch == before.journal_epoch
    database.run(
        "INSERT INTO offline_setups (lock_id, rev, journal_epoch, setup, revoked, journal_rev)"
        " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (lock_id) DO UPDATE SET rev = excluded.rev,"
        " journal_epoch = excluded.journal_epoch, setup = excluded.setup, revoked = excluded.revoked,"
        " journal_rev = excluded.journal_rev",
        lock_id,
        rev,
        journal_epoch,
        json.dumps(fields),
        json.dumps(list(revoked)),
        before.journal_rev if is_known else rev,
    )
    # A lock that is ahead of us may have had other keys meanwhile.
    is_ahead = reported > before.rev
    after = _checked(_with(fields, revoked), lock_id, journal_epoch)
    offline_kids.note(database, lock_id, None if is_ahead else _decoded(before, lock_id), after, rev)
    return rev


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
    if known == before.journal_epoch and not is_behind(database, lock_id):
        return False
    with database.transaction():
        _keep(database, lock_id, before, before.fields, known, before.revoked)
    return True


def is_behind(database: Database, lock_id: str) -> bool:
    """Whether the lock has a later setup than we remember."""
    before = kept(database, lock_id)
    return before is not None and reported_rev(database, lock_id) > before.rev


def reported_rev(database: Database, lock_id: str) -> int:
    """The revision that counts at the lock, by its own word; 0 for none."""
    row = database.row("SELECT status FROM reported_status WHERE lock_id = ?", lock_id)
    return int(json.loads(row["status"]).get("offline_rev", 0)) if row else 0
