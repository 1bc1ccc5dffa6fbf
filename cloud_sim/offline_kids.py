"""The names of keys for offline codes: which ones a lock ever had, and with which nothing is issued any more.

Lock and cloud know a code by the name of its key. A name that came back would bring back what was used,
revoked and cancelled under it, so none ever does.
"""

from collections.abc import Iterable

from msgspec.structs import replace

from agent.core.offline_policy import LATEST_SLOT, KeyName
from agent.offline_setup import KeyPart, OfflineSetup, SetupFault
from cloud_sim.database import Database


def check(database: Database, lock_id: str, before: OfflineSetup | None, after: OfflineSetup) -> None:
    """Raises SetupFault for a name that was taken away, or that has another key now."""
    ended = database.rows(
        "SELECT kid, issuer FROM offline_kids WHERE lock_id = ? AND state = 'ended'", lock_id
    )
    gone = {(row["kid"], row["issuer"]) for row in ended}
    known = {_name(key): key for key in before.keys} if before else {}
    for place, key in enumerate(after.keys):
        old = known.get(_name(key))
        if _name(key) in gone:
            why = "was taken from this lock, and its codes are over"
        elif old is not None and old.issuer_key() != key.issuer_key():
            why = "has another key at this lock"
        else:
            continue
        raise SetupFault(
            f"keys[{place}]: kid {key.kid} of issuer {key.issuer} {why}; give this key another kid"
        )


def note(
    database: Database, lock_id: str, before: OfflineSetup | None, after: OfflineSetup, rev: int
) -> None:
    """A setup is kept as revision `rev`, in its transaction. `before` None: nobody knows what it replaces."""
    known = {_name(key): key for key in before.keys} if before and _is_same_format(before, after) else {}
    for key in after.keys:
        old = known.get(_name(key))
        # An earlier end takes codes away and changes none.
        is_same = (
            old is not None and old.last_slot >= key.last_slot and _without_end(old) == _without_end(key)
        )
        database.run(
            "INSERT INTO offline_kids VALUES (?1, ?2, ?3, ?4, 'kept') ON CONFLICT DO UPDATE"
            " SET since_rev = CASE WHEN ?5 THEN since_rev ELSE ?4 END",
            lock_id,
            *_name(key),
            rev,
            is_same,
        )
    kept = {_name(key) for key in after.keys}
    for row in database.rows("SELECT kid, issuer FROM offline_kids WHERE lock_id = ?", lock_id):
        if (row["kid"], row["issuer"]) not in kept:
            _set_state(database, lock_id, (row["kid"], row["issuer"]), "ended")


def retire(database: Database, lock_id: str, keys: Iterable[KeyPart]) -> None:
    """Issue nothing with these keys any more; the lock goes on taking their codes."""
    for key in keys:
        _set_state(database, lock_id, _name(key), "retired")


def retired(database: Database, lock_id: str) -> list[KeyName]:
    """The names of those keys that are still at the lock."""
    rows = database.rows(
        "SELECT kid, issuer FROM offline_kids WHERE lock_id = ? AND state = 'retired' ORDER BY kid, issuer",
        lock_id,
    )
    return [(row["kid"], row["issuer"]) for row in rows]


def used(database: Database, lock_id: str) -> set[int]:
    """Every kid that the lock ever had, as far as is known."""
    rows = database.rows("SELECT DISTINCT kid FROM offline_kids WHERE lock_id = ?", lock_id)
    return {row["kid"] for row in rows}


def since_rev(database: Database, lock_id: str, key: KeyPart) -> int:
    """The revision that a lock must have to take the codes of this key."""
    row = database.row(
        "SELECT since_rev FROM offline_kids WHERE lock_id = ? AND kid = ? AND issuer = ?",
        lock_id,
        *_name(key),
    )
    return int(row["since_rev"]) if row else 0


def _set_state(database: Database, lock_id: str, name: KeyName, state: str) -> None:
    database.run(
        "UPDATE offline_kids SET state = ? WHERE lock_id = ? AND kid = ? AND issuer = ?",
        state,
        lock_id,
        *name,
    )


def _name(key: KeyPart) -> KeyName:
    return key.kid, key.issuer


def _without_end(key: KeyPart) -> KeyPart:
    return replace(key, last_slot=LATEST_SLOT)


def _is_same_format(before: OfflineSetup, after: OfflineSetup) -> bool:
    return before.format() == after.format() and before.first_use() == after.first_use()
