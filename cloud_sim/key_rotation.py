"""Replaces the cloud's own keys while locks are spoken to; each is told with the key that it believes."""

from typing import Any, Literal

from agent.jose import kid_of
from agent.messages import Status
from cloud_sim import locks, told_keys
from cloud_sim.answers import iso
from cloud_sim.database import Database
from cloud_sim.downlink import Downlink
from cloud_sim.keyring import Keyring

Purpose = Literal["signing", "sealing"]


class UnknownKey(Exception):
    """No former signing key has this name."""


def replace(database: Database, downlink: Downlink, purpose: Purpose, wall: float) -> None:
    """Make a new key the newest, and tell every lock. A process that ends in between goes on at its start."""
    told_keys.remember(database, downlink.keyring)
    if purpose == "signing":
        downlink.keyring.replace_signing()
    else:
        downlink.keyring.replace_sealing()
    told_keys.note_former(database, downlink.keyring, wall)
    for lock_id in locks.enrolled_lock_ids(database):
        downlink.keys(lock_id)


def revoke(database: Database, downlink: Downlink, kid: str) -> None:
    """End the overlap for a former signing key: locks drop it as soon as they are told. Raises UnknownKey."""
    changed = database.run("UPDATE former_signing_keys SET is_revoked = 1 WHERE kid = ?", kid)
    if changed.rowcount == 0:
        raise UnknownKey
    for lock_id in locks.enrolled_lock_ids(database):
        downlink.keys(lock_id)


def heard(database: Database, downlink: Downlink, lock_id: str, status: Status) -> None:
    """A lock says which keys it has: speak with the newest of them from now on, or tell it again."""
    told = database.row("SELECT rev FROM told_keys WHERE lock_id = ?", lock_id)
    keyring = downlink.keyring
    if told is None or status.cloud_kid is None:
        return
    if status.cloud_kid in (kid_of(keyring.signing), *keyring.former_signing):
        database.run(
            "UPDATE told_keys SET cloud_kid = ?1 WHERE lock_id = ?2 AND cloud_kid IS NOT ?1",
            status.cloud_kid,
            lock_id,
        )
    if status.keys_rev > told["rev"]:  # we are from before that: it would believe no lower one
        database.run("UPDATE told_keys SET body = '' WHERE lock_id = ?", lock_id)
    if status.keys_rev != told["rev"]:
        downlink.keys(lock_id)


def shown(database: Database, keyring: Keyring) -> dict[str, Any]:
    """Names of keys, and how many locks still wait for the newest."""
    newest = kid_of(keyring.signing)
    waiting = database.row("SELECT count(*) AS n FROM told_keys WHERE cloud_kid IS NOT ?", newest)
    former = database.rows("SELECT kid, until_s, is_revoked FROM former_signing_keys ORDER BY until_s, kid")
    return {
        "signing": newest,
        "sealing": kid_of(keyring.sealing),
        "former_signing": [
            {"kid": row["kid"], "until": iso(row["until_s"]), "is_revoked": bool(row["is_revoked"])}
            for row in former
        ],
        "former_sealing": sorted(keyring.former_sealing),
        "locks_with_an_older_key": waiting["n"] if waiting else 0,
    }
