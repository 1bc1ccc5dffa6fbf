"""Enrols this lock: makes its keys, posts the request, and keeps what the answer pins."""

import http.client
import json
import os
import urllib.error
import urllib.request
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from cryptography.x509.oid import NameOID
from joserfc.jwk import OKPKey

from agent import jose
from agent.enrol_exchange import (
    EXCHANGE_LIMIT_BYTES,
    Answer,
    EnrolmentFault,
    Invitation,
    Request,
    open_answer,
    public_jwk,
    read_invitation,
    spki,
    write_request,
)
from agent.enrolment import Jwk, OwnKeys, Terms, is_enrolled, save_enrolment, tls_password
from agent.secrets import RootSecret

TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class NewKeys:
    """The three key pairs of a lock, as they are born; none is stored before the cloud has answered."""

    identity: OKPKey = field(repr=False)
    sealing: OKPKey = field(repr=False)
    tls: EllipticCurvePrivateKey = field(repr=False)


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What to show: the cloud shows the same two thumbprints (RFC 7638) for this lock."""

    device_id: str
    identity_kid: str
    sealing_kid: str


def enrol(state_dir: Path, root: RootSecret, invitation_line: str, wall: int, *, again: bool) -> Enrolled:
    """Enrol with the cloud that wrote the invitation. Blocks for up to some 10 s.

    `wall` is Unix time in seconds. Raises EnrolmentFault or SecretFault; nothing was kept then."""
    if is_enrolled(state_dir) and not again:
        raise EnrolmentFault(
            "this lock is enrolled: add --again to replace that (it is kept as enrolment.old)"
        )
    if not os.access(state_dir, os.W_OK):  # before the cloud spends the invitation
        raise EnrolmentFault(f"cannot write to {state_dir}: make it, and run this as the agent's user")
    invitation = read_invitation(invitation_line)
    keys = new_keys()
    csr = make_csr(keys.tls, invitation.device_id)
    request = Request(
        device_id=invitation.device_id,
        identity=public_jwk(keys.identity),
        sealing=public_jwk(keys.sealing),
        csr=csr.public_bytes(Encoding.PEM).decode(),
        iat=wall,
    )
    raw = _post(invitation.url, write_request(request, keys.identity, invitation.token))
    answer = open_answer(raw, invitation, jose.kid_of(keys.identity), spki(csr))
    return _keep(state_dir, root, invitation, keys, answer)


def new_keys() -> NewKeys:
    """Fresh keys, in memory only."""
    return NewKeys(jose.new_signing_key(), jose.new_sealing_key(), generate_private_key(SECP256R1()))


def make_csr(key: EllipticCurvePrivateKey, device_id: str) -> x509.CertificateSigningRequest:
    """A request for a certificate named after the device."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, device_id)])
    return x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, SHA256())


def _keep(
    state_dir: Path, root: RootSecret, invitation: Invitation, keys: NewKeys, answer: Answer
) -> Enrolled:
    enrolled = Enrolled(answer.device_id, jose.kid_of(keys.identity), jose.kid_of(keys.sealing))
    terms = Terms(
        device_id=answer.device_id,
        mqtt_url=answer.mqtt_url,
        set_epoch=answer.set_epoch,
        identity_kid=enrolled.identity_kid,
        sealing_kid=enrolled.sealing_kid,
        cloud_signing={invitation.cloud_key: answer.cloud_signing},
        cloud_sealing=answer.cloud_sealing,
    )
    own = OwnKeys(identity=private_jwk(keys.identity), sealing=private_jwk(keys.sealing))
    password = BestAvailableEncryption(tls_password(root).encode())
    tls_key = keys.tls.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, password)
    save_enrolment(state_dir, root, terms, own, tls_key, answer.certificate.encode(), answer.ca.encode())
    return enrolled


def private_jwk(key: OKPKey) -> Jwk:
    """A private key as a JWK with nothing more in it."""
    return {
        name: str(value)
        for name, value in key.as_dict(private=True).items()
        if name in ("kty", "crv", "x", "d")
    }


def _post(url: str, body: bytes) -> bytes:
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"}, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
            raw: bytes = response.read(EXCHANGE_LIMIT_BYTES + 1)
    except urllib.error.HTTPError as error:
        raise EnrolmentFault(f"{url} refused ({error.code}): {_first_words(error)}") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise EnrolmentFault(f"cannot reach {url}: {error}; check the network and the invitation") from None
    if len(raw) > EXCHANGE_LIMIT_BYTES:
        raise EnrolmentFault(f"the answer of {url} is far too long to be one")
    return raw.strip()


def _first_words(error: urllib.error.HTTPError) -> str:
    """What the cloud said, without anything that would move a terminal's cursor."""
    try:
        said = error.read(1000).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException):
        said = ""
    with suppress(ValueError, KeyError, TypeError):  # our cloud says it in JSON, a proxy in its own way
        said = str(json.loads(said)["message"])
    said = said[:300]
    return "".join(character for character in said if character.isprintable()) or "it did not say why"
