"""Ends offline codes before their time: from here, by a code typed at the door, or because their key went.

A lock is told with its next setup; what it took before as a code of its own it is told to refuse at once. A
code that cancels needs neither: whoever stands at the door types it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent.core.offline_code import DAY_H, SLOT_S, Meaning, OfflineKind, issue, meaning_of
from agent.offline_setup import KeyPart, OfflineSetup
from cloud_sim import offline_codes, offline_issuing, offline_setups
from cloud_sim.database import Database

KEEP_S = 48 * 3600
"""So long after the last moment at which it could be used first a revoked code stays denied."""


def revoke(database: Database, row: Mapping[str, Any], wall: float) -> None:
    """Have the lock refuse a code, used or not; in a transaction. Again is harmless. Raises SetupFault if
    so many are revoked that the lock cannot be told."""
    if row["revoked_ms"] is not None:
        return
    _note(database, row["access_code_id"], "revoked", 0, wall)
    lock_id = row["lock_id"]
    rev = offline_setups.revoke(database, lock_id, _to_be_denied(database, lock_id, wall))
    _note(database, row["access_code_id"], "revoked", rev, wall)


def _note(database: Database, access_code_id: str, why: str, rev: int, wall: float) -> None:
    database.run(
        "UPDATE offline_codes SET revoked_ms = ?, revoked_rev = ?, revoked_why = ? WHERE access_code_id = ?",
        int(wall * 1000),
        rev,
        why,
        access_code_id,
    )


def _to_be_denied(database: Database, lock_id: str, wall: float) -> list[dict[str, int]]:
    """The lock must know of each, and could take those that may still be used first."""
    return database.rows(
        "SELECT kid, issuer, slot, q FROM offline_codes WHERE lock_id = ? AND revoked_why = 'revoked'"
        " AND (revoked_rev = 0 OR revoked_rev > ? OR first_use_by > ?) ORDER BY revoked_ms, access_code_id",
        lock_id,
        offline_setups.reported_rev(database, lock_id),
        int(wall) - KEEP_S,
    )


def give_up_unreadable(database: Database, lock_id: str, wall: float) -> list[str]:
    """A lock got another setup: codes nobody used yet that it will not take any more are over; in the
    transaction that keeps the setup. Their ids."""
    kept = offline_setups.kept(database, lock_id)
    if kept is None:
        return []
    over = []
    setup, known = kept.decoded(lock_id), offline_codes.knowledge(database, lock_id)
    for row in offline_codes.of_lock(database, lock_id):
        is_waiting = row["revoked_ms"] is None and not row["uses"]
        if is_waiting and offline_codes.may_open(row, known, wall) and not _takes(setup, row):
            _note(database, row["access_code_id"], "key_gone", kept.rev, wall)
            over.append(row["access_code_id"])
    return over


def end_keys(database: Database, lock_id: str, kids: Collection[int], rev: int, wall: float) -> list[str]:
    """The setup of revision `rev` ends all codes of these keys of ours, used or not; in its transaction.
    Their ids."""
    known = offline_codes.knowledge(database, lock_id)
    over = [
        row["access_code_id"]
        for row in offline_codes.of_lock(database, lock_id)
        if row["kid"] in kids
        and row["revoked_why"] in (None, "key_gone")
        and offline_codes.may_open(row, known, wall)
    ]
    for access_code_id in over:
        _note(database, access_code_id, "key_ended", rev, wall)
    return over


def _takes(setup: OfflineSetup, row: Mapping[str, Any]) -> bool:
    form, slot, meaning = setup.format(), row["slot"], meaning_of(row["q"])
    named = (row["kid"], row["issuer"])
    key = next((one for one in setup.keys if (one.kid, one.issuer) == named), None)
    if key is None or meaning is None or form.start_of(slot) != row["starts_at"]:
        return False
    is_covered = key.first_slot <= slot <= key.last_slot and slot >= key.cancelled_before_slot
    is_denied = (*named, slot, row["q"]) in {(one.kid, one.issuer, one.slot, one.q) for one in setup.denied}
    digits = issue(form, key.issuer_key(), row["starts_at"], meaning)
    return is_covered and not is_denied and digits == row["code"] and key.policy.policy().allows(row["q"])


@dataclass(frozen=True, slots=True)
class Cancelling:
    """A code that cancels. Typed between the two times (Unix seconds, end excluded) it ends all codes of its
    key that start before `from_s`: those in `hits` of ours, and what others issued with this key."""

    kid: int
    code: str
    from_s: int
    until_s: int
    hits: Sequence[str]
    spares: Sequence[str]
    """Ids of those that may open, start before, and have another key."""

    def __repr__(self) -> str:
        return f"Cancelling(kid={self.kid}, from_s={self.from_s})"


def cancelling(
    database: Database, setup: OfflineSetup, at_s: float, wall: float, kid: int | None = None
) -> Cancelling | None:
    """The code that ends what starts before the hour of `at_s`, with the key of this `kid`, or else that for
    starts at that hour; None if it may not cancel then."""
    form = setup.format()
    slot = form.slot_at(at_s)
    others = [] if kid is None else [(key.kid, key.issuer) for key in setup.keys if key.kid != kid]
    key = offline_issuing.key_for(database, setup, slot, without=others)
    if key is None or not key.policy.may_cancel:
        return None
    known = offline_codes.knowledge(database, setup.device_id)
    before = [
        row
        for row in offline_codes.of_lock(database, setup.device_id)
        if row["slot"] < slot and offline_codes.may_open(row, known, wall)
    ]
    hit = [row["access_code_id"] for row in before if _is_of(key, row)]
    from_s = form.start_of(slot)
    return Cancelling(
        kid=key.kid,
        code=issue(form, key.issuer_key(), from_s, Meaning(OfflineKind.CANCEL, DAY_H, 0)),
        from_s=from_s,
        until_s=from_s + DAY_H * SLOT_S,
        hits=hit,
        spares=[row["access_code_id"] for row in before if not _is_of(key, row)],
    )


def _is_of(key: KeyPart, row: Mapping[str, Any]) -> bool:
    return (key.kid, key.issuer) == (row["kid"], row["issuer"])
