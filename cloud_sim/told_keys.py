"""Which keys of the cloud each lock was told of, and which it is to be told of now."""

import json

import msgspec

from agent.enrol_exchange import public_jwk
from agent.jose import kid_of
from agent.messages import Keys, PinnedKey
from cloud_sim import locks
from cloud_sim.database import Database
from cloud_sim.keyring import Keyring

OVERLAP_S = 30 * 24 * 3600
"""How long locks that have the newer signing key still believe the one before."""
MOST_FORMER = 7
"""A lock takes eight signing keys in all."""


def remember(database: Database, keyring: Keyring) -> None:
    """Locks that were never told of keys have those of their enrolment: write down which."""
    kid, body = kid_of(keyring.signing), msgspec.json.encode(_body(database, keyring)).decode()
    with database.transaction():
        for lock_id in locks.enrolled_lock_ids(database):
            database.run("INSERT OR IGNORE INTO told_keys VALUES (?, 0, ?, ?)", lock_id, body, kid)


def note_former(database: Database, keyring: Keyring, wall: float) -> None:
    """Keys that are former ones from now on; those that were are left alone."""
    for kid in keyring.former_signing:
        database.run("INSERT OR IGNORE INTO former_signing_keys VALUES (?, ?, 0)", kid, int(wall) + OVERLAP_S)


def wanted(database: Database, keyring: Keyring, lock_id: str) -> tuple[int, Keys]:
    """The revision and the body to tell a lock: a new revision if it was told other keys last."""
    body = _body(database, keyring)
    told = database.row("SELECT rev, body FROM told_keys WHERE lock_id = ?", lock_id)
    text = msgspec.json.encode(body).decode()
    if told is not None and told["body"] == text:
        return told["rev"], body
    rev = max(told["rev"] if told else 0, _reported_rev(database, lock_id)) + 1
    database.run("UPDATE told_keys SET rev = ?, body = ? WHERE lock_id = ?", rev, text, lock_id)
    return rev, body


def rev(database: Database, lock_id: str) -> int:
    """The revision a lock was told last; 0 for those that have the keys of their enrolment."""
    row = database.row("SELECT rev FROM told_keys WHERE lock_id = ?", lock_id)
    return int(row["rev"]) if row else 0


def _reported_rev(database: Database, lock_id: str) -> int:
    row = database.row("SELECT status FROM reported_status WHERE lock_id = ?", lock_id)
    return int(json.loads(row["status"]).get("keys_rev", 0)) if row else 0


def _body(database: Database, keyring: Keyring) -> Keys:
    former = database.rows(
        "SELECT kid, until_s FROM former_signing_keys WHERE is_revoked = 0 ORDER BY until_s, kid"
    )
    older = [
        PinnedKey(key=public_jwk(keyring.former_signing[row["kid"]]), until=row["until_s"])
        for row in former[-MOST_FORMER:]
        if row["kid"] in keyring.former_signing
    ]
    return Keys(
        signing=[PinnedKey(key=public_jwk(keyring.signing)), *older], sealing=public_jwk(keyring.sealing)
    )
