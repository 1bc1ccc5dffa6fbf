"""Changes of an enrolment: each whole or not at all, wherever the power goes; nothing is left of before."""

import shutil
from pathlib import Path

import msgspec

from agent.enrolment import (
    DIRECTORY,
    Enrolment,
    OwnKeys,
    PendingKeys,
    Terms,
    forget_replaced,
    load_enrolment,
    save_enrolment,
)
from agent.secrets import RootSecret, SecretFault


def change_terms(state_dir: Path, root: RootSecret, enrolment: Enrolment, terms: Terms) -> Enrolment:
    """Keep other terms in place of those of `enrolment`, durably or not at all, and leave no older ones.

    Raises SecretFault."""
    return _replace(state_dir, root, enrolment, terms, _own(enrolment, enrolment.pending))


def keep_pending(state_dir: Path, root: RootSecret, enrolment: Enrolment, pending: PendingKeys) -> Enrolment:
    """Keep keys that do not count yet beside those that do; others that were pending are gone.

    Raises SecretFault."""
    return _replace(state_dir, root, enrolment, enrolment.terms, _own(enrolment, pending))


def use_pending(
    state_dir: Path, root: RootSecret, enrolment: Enrolment, kids: tuple[str, str], certificate: bytes
) -> Enrolment:
    """Let the pending keys count in place of those of before, which are gone when this returns.

    `kids`: the names of the pending identity and sealing keys; `certificate`: of the pending TLS key, PEM.
    Raises SecretFault."""
    from cryptography.hazmat.primitives import serialization  # nothing that the keypad waits for

    pending = enrolment.pending
    if pending is None:
        raise SecretFault("there are no pending keys")
    identity_kid, sealing_kid = kids
    terms = msgspec.structs.replace(
        enrolment.terms, identity_kid=identity_kid, sealing_kid=sealing_kid, renewal_id=pending.renewal_id
    )
    tls = serialization.load_pem_private_key(pending.tls.encode(), password=None).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(enrolment.tls_password.encode()),
    )
    keys = OwnKeys(identity=pending.identity, sealing=pending.sealing)
    return _replace(state_dir, root, enrolment, terms, keys, (tls, certificate))


def _own(enrolment: Enrolment, pending: PendingKeys | None) -> OwnKeys:
    return OwnKeys(identity=dict(enrolment.identity), sealing=dict(enrolment.sealing), pending=pending)


def _replace(
    state_dir: Path,
    root: RootSecret,
    enrolment: Enrolment,
    terms: Terms,
    keys: OwnKeys,
    tls: tuple[bytes, bytes] | None = None,
) -> Enrolment:
    """`tls`: another TLS key, encrypted, and its certificate."""
    try:
        key, certificate = tls or (enrolment.tls_key.read_bytes(), enrolment.tls_certificate.read_bytes())
        ca = enrolment.ca.read_bytes()
    except OSError as error:
        raise SecretFault(f"cannot read the enrolment in {state_dir}: {error.strerror}") from None
    save_enrolment(state_dir, root, terms, keys, key, certificate, ca, keeps_old=False)
    forget_replaced(state_dir)
    shutil.rmtree(state_dir / f"{DIRECTORY}.old", ignore_errors=True)
    return load_enrolment(state_dir, root)
