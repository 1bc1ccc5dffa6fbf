"""The two papers of a renewal of a lock's keys - proposal and answer - written and checked for both ends.

The keys are born on the lock. The proposal is signed by the new identity key and carried in a message that
the old one signed, so whoever sends it holds both. It names the renewal that the cloud asked for, and so does
the answer: neither is of use for another one.
"""

from base64 import urlsafe_b64decode
from typing import Literal

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from joserfc.jwk import OKPKey

from agent import jose
from agent.enrol import make_csr, new_keys, private_jwk
from agent.enrol_exchange import (
    AcceptedRequest,
    EnrolmentFault,
    check_certificate,
    checked_csr,
    public_jwk,
    public_key,
    spki,
)
from agent.enrolment import Enrolment, Jwk, PendingKeys
from agent.messages import RenewedKeys

PROPOSAL_TYP = "lock-renew"
PROPOSAL_LIMIT_BYTES = 8 * 1024

ProposalRefused = Literal["malformed", "wrong_device", "other_renewal", "bad_key", "bad_proof", "bad_csr"]


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """What the lock signs with its new identity key; `identity` and `sealing` are public JWKs."""

    device_id: str
    renewal_id: str
    identity: Jwk
    sealing: Jwk
    csr: str
    """PEM; P-256, its common name is the device id."""


def new_pending(renewal_id: str) -> PendingKeys:
    """Fresh keys for this renewal, in memory only."""
    keys = new_keys()
    tls = keys.tls.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return PendingKeys(
        renewal_id=renewal_id,
        identity=private_jwk(keys.identity),
        sealing=private_jwk(keys.sealing),
        tls=tls.decode(),
    )


def kids_of(pending: PendingKeys) -> tuple[str, str]:
    """The names of the identity and the sealing key."""
    return jose.kid_of(_key(pending.identity)), jose.kid_of(_key(pending.sealing))


def write_proposal(device_id: str, pending: PendingKeys) -> str:
    """The proposal of these keys; each time another text, since there is chance in what a TLS key signs."""
    identity, sealing = _key(pending.identity), _key(pending.sealing)
    proposal = Proposal(
        device_id=device_id,
        renewal_id=pending.renewal_id,
        identity=public_jwk(identity),
        sealing=public_jwk(sealing),
        csr=_csr(device_id, pending).public_bytes(Encoding.PEM).decode(),
    )
    return jose.sign(PROPOSAL_TYP, msgspec.json.encode(proposal), identity).decode()


def open_proposal(text: str, device_id: str, renewal_id: str) -> AcceptedRequest | ProposalRefused:
    """Check a proposal for this lock and this renewal; never raises, whatever `text` is."""
    signed = text.encode("utf-8", "replace")
    proposal = _claimed(signed)
    if proposal is None:
        return "malformed"
    if proposal.device_id != device_id:
        return "wrong_device"
    if proposal.renewal_id != renewal_id:
        return "other_renewal"
    identity, sealing = public_key(proposal.identity, "Ed25519"), public_key(proposal.sealing, "X25519")
    if identity is None or sealing is None:
        return "bad_key"
    payload = jose.verify(signed, PROPOSAL_TYP, {jose.kid_of(identity): identity})
    if isinstance(payload, jose.Refusal) or not jose.is_unambiguous(payload):
        return "bad_proof"
    csr = checked_csr(proposal.csr, device_id)
    if csr is None:
        return "bad_csr"
    return AcceptedRequest(device_id=device_id, identity=identity, sealing=sealing, csr=csr)


def refusal_of(answer: RenewedKeys, enrolment: Enrolment, ca: str) -> str | None:
    """Why this answer does not let the pending keys count, or None. `ca`: the pinned one, PEM."""
    pending = enrolment.pending
    if pending is None or answer.renewal_id != pending.renewal_id:
        return "no_such_renewal"
    if (answer.identity, answer.sealing) != kids_of(pending):
        return "other_keys"
    try:
        tls_public = spki(_csr(enrolment.device_id, pending))
        check_certificate(answer.certificate, ca, enrolment.device_id, tls_public)
    except EnrolmentFault:
        return "bad_certificate"
    return None


def _key(jwk: Jwk) -> OKPKey:
    return OKPKey.import_key(dict(jwk))


def _csr(device_id: str, pending: PendingKeys) -> x509.CertificateSigningRequest:
    key = load_pem_private_key(pending.tls.encode(), password=None)
    return make_csr(key, device_id)  # type: ignore[arg-type] # it was born on P-256


def _claimed(signed: bytes) -> Proposal | None:
    """What a proposal says before anything of it is proved: the key to prove it with is in it."""
    if len(signed) > PROPOSAL_LIMIT_BYTES:
        return None
    try:
        payload = signed.split(b".")[1]
        raw = urlsafe_b64decode(payload + b"=" * (-len(payload) % 4))
        return msgspec.json.decode(raw, type=Proposal)
    except (msgspec.MsgspecError, ValueError, IndexError, RecursionError):
        return None
