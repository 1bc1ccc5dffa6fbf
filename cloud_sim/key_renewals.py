"""Has locks replace their own keys, when the operator says so: asked, proposed, believed, used.

A lock that proposes keys unasked is refused, or the thief of an identity could lock the true lock out. Once
keys are accepted either identity is believed; the first message by the new one ends the renewal, and the old
one with it.
"""

import json
from collections.abc import Callable
from typing import Any

from cryptography import x509

from agent.enrol_exchange import AcceptedRequest, public_jwk, spki
from agent.jose import kid_of
from agent.messages import RenewedKeys
from agent.renewal_exchange import open_proposal
from cloud_sim import authority, commands, device_keys, wanted_renewals
from cloud_sim.database import Database
from cloud_sim.downlink import Downlink

COMMAND = "renew_keys"
AGAIN_AFTER_S = 60
"""A lock that said it would and did not propose is asked again after this."""

Certify = Callable[[x509.CertificateSigningRequest, str], str]
"""Gives the certificate (PEM) of a lock; raises `authority.RequestRefused`."""


def ask(database: Database, downlink: Downlink, lock_id: str, wall: float, *, at_once: bool = False) -> None:
    """Ask a lock whose keys are to be renewed, if it is there and its session was not asked yet, or did not
    do it; with `at_once` also if it was.

    A lock that is away is asked at its next session: whoever takes in its status calls this."""
    commands.expire(database, wall)
    renewal = wanted_renewals.under_way(database, lock_id)
    if renewal is None or not _is_to_be_asked(wanted_renewals.told(database, lock_id), wall, at_once=at_once):
        return
    args = {"renewal_id": renewal["renewal_id"]}
    issued = commands.issue(database, downlink, lock_id, COMMAND, args, wall)
    if isinstance(issued, commands.NotOnline):
        return
    commands.forget_expired(database, lock_id, COMMAND, wall)
    database.run(
        "UPDATE key_renewals SET command_id = ?, told_sid = sid FROM reported_status"
        " WHERE key_renewals.lock_id = ? AND reported_status.lock_id = key_renewals.lock_id",
        issued,
        lock_id,
    )


def ask_all(database: Database, downlink: Downlink, wall: float, *, at_once: bool = False) -> None:
    """The same for every lock."""
    for row in database.rows("SELECT lock_id FROM key_renewals WHERE ended_ms IS NULL"):
        ask(database, downlink, row["lock_id"], wall, at_once=at_once)


def proposed(
    database: Database, downlink: Downlink, certify: Certify, lock_id: str, proposal: str
) -> str | None:
    """Take the keys a lock proposes, certify them and answer; returns why not, or None.

    Durable before it is answered; the same keys again get the same answer, others none."""
    renewal = wanted_renewals.under_way(database, lock_id)
    if renewal is None:
        return "not_asked"
    accepted = open_proposal(proposal, lock_id, renewal["renewal_id"])
    if isinstance(accepted, str):
        return accepted
    if renewal["identity"] is None:
        refusal = _accept(database, certify, lock_id, accepted)
    else:
        refusal = "other_proposal" if _is_other(renewal, accepted) else None
    if refusal is not None:
        return refusal
    downlink.offline_setup(lock_id)  # before the lock drops the key that opens the one the broker keeps
    downlink.renewed(lock_id, _answer(database, lock_id))
    return None


def _is_to_be_asked(told: dict[str, Any] | None, wall: float, *, at_once: bool) -> bool:
    if told is None or told["status"] == "expired" or at_once:
        return True
    is_over = told["status"] not in ("pending", "refused")
    return is_over and bool(told["issued_ms"] <= (wall - AGAIN_AFTER_S) * 1000)


def _accept(database: Database, certify: Certify, lock_id: str, accepted: AcceptedRequest) -> str | None:
    """Believe these keys from now on, unless they are somebody's already, this lock's own among them."""
    if _is_known(database, lock_id, accepted):
        return "known_key"
    try:
        certificate = certify(accepted.csr, lock_id)
    except authority.RequestRefused:
        return "bad_csr"
    database.run(
        "UPDATE key_renewals SET identity = ?, sealing = ?, certificate = ? WHERE lock_id = ?",
        json.dumps(public_jwk(accepted.identity)),
        json.dumps(public_jwk(accepted.sealing)),
        certificate,
        lock_id,
    )
    return None


def _answer(database: Database, lock_id: str) -> RenewedKeys:
    renewal = wanted_renewals.under_way(database, lock_id)
    if renewal is None:
        raise LookupError("only an open renewal is answered")
    return RenewedKeys(
        renewal_id=renewal["renewal_id"],
        identity=device_keys.name_of(renewal["identity"]),
        sealing=device_keys.name_of(renewal["sealing"]),
        certificate=renewal["certificate"],
    )


def _is_known(database: Database, lock_id: str, accepted: AcceptedRequest) -> bool:
    if any(device_keys.is_known(database, key) for key in (accepted.identity, accepted.sealing)):
        return True
    row = database.row("SELECT certificate FROM device_keys WHERE lock_id = ?", lock_id)
    return row is not None and row["certificate"] != "" and _is_certified(row["certificate"], accepted)


def _is_other(renewal: dict[str, Any], accepted: AcceptedRequest) -> bool:
    is_same = (
        device_keys.name_of(renewal["identity"]) == kid_of(accepted.identity)
        and device_keys.name_of(renewal["sealing"]) == kid_of(accepted.sealing)
        and _is_certified(renewal["certificate"], accepted)
    )
    return not is_same


def _is_certified(certificate: str, accepted: AcceptedRequest) -> bool:
    return spki(x509.load_pem_x509_certificate(certificate.encode())) == spki(accepted.csr)
