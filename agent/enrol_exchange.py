"""The three papers of an enrolment - invitation, request, answer - written and checked for both ends.

Keys are born on the lock. The request carries their public halves and proves that its sender holds the
token of the invitation; the answer is believed only if the key signed it whose thumbprint the invitation
named. So whoever carries the messages can neither read a key nor put one of his own in.
"""

import hashlib
import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from agent import jose
from agent.enrolment import Jwk

EXCHANGE_LIMIT_BYTES = 64 * 1024
DEVICE_ID = re.compile(r"[a-z0-9-]{1,40}")
"""A device id is also an MQTT client id, a level of a topic and the common name of a certificate."""
REQUEST_TYP = "lock-enrol"
ANSWER_TYP = "lock-enrolled"


class EnrolmentFault(Exception):
    """The lock could not be enrolled; the message says why and what to do."""


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """What the cloud hands to the technician; `token` is worth an enrolment, so it is not shown."""

    v: Literal[1] = 1
    device_id: str
    url: str
    """Where the request is posted: http or https."""
    token: str
    cloud_key: str
    """RFC 7638 thumbprint of the cloud's signing key."""

    def __repr__(self) -> str:
        return f"Invitation({self.device_id} at {self.url})"


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What the lock signs with its new identity key; `identity` and `sealing` are public JWKs."""

    device_id: str
    identity: Jwk
    sealing: Jwk
    csr: str
    """PEM; P-256, its common name is the device id."""
    iat: int


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the cloud signs: the names and keys the lock is to pin."""

    device_id: str
    identity: str
    """Thumbprint of the identity key that the cloud pinned."""
    certificate: str
    ca: str
    """PEM, as `certificate`; the CA signs lock certificates and the broker's."""
    mqtt_url: str
    cloud_signing: Jwk
    cloud_sealing: Jwk
    set_epoch: Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)]
    """What messages can say; a lock that began with another could not count its code set."""


class _Posted(msgspec.Struct, frozen=True):
    request: str
    proof: str


@dataclass(frozen=True, slots=True)
class RequestRefused:
    """A request that the cloud must not grant, and why."""

    reason: Literal["malformed", "unknown_device", "wrong_token", "bad_signature", "bad_key", "bad_csr"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedRequest:
    """A request that was proved: whoever sent it holds the token and these keys."""

    device_id: str
    identity: OKPKey = field(repr=False)
    sealing: OKPKey = field(repr=False)
    csr: x509.CertificateSigningRequest = field(repr=False)


def write_invitation(invitation: Invitation) -> str:
    """One line of text for the technician."""
    return urlsafe_b64encode(msgspec.json.encode(invitation)).rstrip(b"=").decode()


def read_invitation(line: str) -> Invitation:
    """The reverse. Raises EnrolmentFault without showing the line, since it holds a token."""
    text = line.strip()
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        invitation = msgspec.json.decode(raw, type=Invitation)
    except (ValueError, msgspec.MsgspecError, RecursionError):
        raise EnrolmentFault("this is not an invitation: paste the whole line the cloud showed") from None
    if DEVICE_ID.fullmatch(invitation.device_id) is None:
        raise EnrolmentFault("the invitation names an impossible device id: ask the cloud for another one")
    if _address(invitation.url)[0] not in ("http", "https"):
        raise EnrolmentFault("the invitation does not name a web address: ask the cloud for another one")
    return invitation


def write_request(request: Request, identity: OKPKey, token: str) -> bytes:
    """The body to post: the request signed by the private `identity` key, and the proof of the token."""
    signed = jose.sign(REQUEST_TYP, msgspec.json.encode(request), identity)
    return msgspec.json.encode(_Posted(request=signed.decode(), proof=_proof(token, signed)))


def open_request(body: bytes, token_of: Callable[[str], str | None]) -> AcceptedRequest | RequestRefused:
    """Check a posted request; never raises, whatever `body` is.

    `token_of` gives the token of the open invitation of a device, or None."""
    claimed = _claimed(body)
    if claimed is None:
        return RequestRefused("malformed")
    posted, request = claimed
    token = token_of(request.device_id)
    if token is None:
        return RequestRefused("unknown_device")
    if not hmac.compare_digest(_proof(token, posted.request.encode()).encode(), posted.proof.encode()):
        return RequestRefused("wrong_token")
    identity, sealing = public_key(request.identity, "Ed25519"), public_key(request.sealing, "X25519")
    if identity is None or sealing is None:
        return RequestRefused("bad_key")
    if isinstance(
        jose.verify(posted.request.encode(), REQUEST_TYP, {jose.kid_of(identity): identity}), jose.Refusal
    ):
        return RequestRefused("bad_signature")
    csr = checked_csr(request.csr, request.device_id)
    if csr is None:
        return RequestRefused("bad_csr")
    return AcceptedRequest(device_id=request.device_id, identity=identity, sealing=sealing, csr=csr)


def write_answer(answer: Answer, signing_key: OKPKey) -> bytes:
    """The body of the response, signed by the cloud's private signing key."""
    return jose.sign(ANSWER_TYP, msgspec.json.encode(answer), signing_key)


def open_answer(raw: bytes, invitation: Invitation, identity_kid: str, tls_public: bytes) -> Answer:
    """The answer, if it is the invited cloud's and about the keys we sent. Raises EnrolmentFault.

    `tls_public` is our TLS key's public half, as `spki` gives it."""
    answer = _verified(raw, invitation.cloud_key)
    if answer.device_id != invitation.device_id:
        raise EnrolmentFault("the cloud answered for another device: ask it for a new invitation")
    if answer.identity != identity_kid:
        raise EnrolmentFault("the cloud pinned another key than this lock's: somebody stands in between")
    if public_key(answer.cloud_sealing, "X25519") is None:
        raise EnrolmentFault("the cloud's sealing key is not an X25519 key")
    scheme, host, port = _address(answer.mqtt_url)
    if scheme != "mqtts" or not host or port is None:
        raise EnrolmentFault(f"the cloud's broker address {answer.mqtt_url!r} is not mqtts://host:port")
    check_certificate(answer.certificate, answer.ca, answer.device_id, tls_public)
    return answer


def public_key(jwk: Mapping[str, object], curve: Literal["Ed25519", "X25519"]) -> OKPKey | None:
    """The public key a JWK describes, if it is one of `curve` and nothing more."""
    if jwk.keys() != {"kty", "crv", "x"} or jwk["kty"] != "OKP" or jwk["crv"] != curve:
        return None
    try:
        return OKPKey.import_key({name: str(value) for name, value in jwk.items()})
    except (JoseError, ValueError):
        return None


def public_jwk(key: OKPKey) -> Jwk:
    """The public half of a key as a JWK with nothing more in it."""
    return {
        name: str(value) for name, value in key.as_dict(private=False).items() if name in ("kty", "crv", "x")
    }


def spki(holder: x509.Certificate | x509.CertificateSigningRequest) -> bytes:
    """The public key of a certificate or of a request for one, in DER, to compare."""
    return holder.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def checked_csr(pem: str, device_id: str) -> x509.CertificateSigningRequest | None:
    """The request for a certificate, if it is one of a P-256 key for this device; never raises."""
    try:
        csr = x509.load_pem_x509_csr(pem.encode())
        key = csr.public_key()
        is_p256 = isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1)
        sound = is_p256 and csr.is_signature_valid and _common_name(csr.subject) == device_id
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return csr if sound else None


def check_certificate(certificate_pem: str, ca_pem: str, device_id: str, tls_public: bytes) -> None:
    """See that this CA certified this TLS key (as `spki` gives it) for this device; else EnrolmentFault."""
    try:
        certificate = x509.load_pem_x509_certificate(certificate_pem.encode())
        certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(ca_pem.encode()))
        matches = spki(certificate) == tls_public and _common_name(certificate.subject) == device_id
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        raise EnrolmentFault("the cloud's certificates do not fit each other: not enrolled") from None
    if not matches:
        raise EnrolmentFault("the cloud certified another key or name than this lock's: not enrolled")


def _proof(token: str, signed: bytes) -> str:
    return hmac.new(token.encode(), signed, hashlib.sha256).hexdigest()


def _claimed(body: bytes) -> tuple[_Posted, Request] | None:
    """What a request says before anything of it is proved: needed to find the token to prove it with."""
    if len(body) > EXCHANGE_LIMIT_BYTES:
        return None
    try:
        posted = msgspec.json.decode(body, type=_Posted)
        payload = posted.request.split(".")[1]
        raw = urlsafe_b64decode(payload.encode() + b"=" * (-len(payload) % 4))
        return posted, msgspec.json.decode(raw, type=Request)
    except (msgspec.MsgspecError, ValueError, IndexError, RecursionError):
        return None


def _verified(raw: bytes, cloud_key: str) -> Answer:
    try:
        claimed = msgspec.json.decode(urlsafe_b64decode(raw.split(b".")[1] + b"=="), type=Answer)
    except (msgspec.MsgspecError, ValueError, IndexError, RecursionError):
        raise EnrolmentFault(
            "the cloud's answer makes no sense: is the address of the invitation right?"
        ) from None
    key = public_key(claimed.cloud_signing, "Ed25519")
    if key is None or jose.kid_of(key) != cloud_key:
        raise EnrolmentFault("whoever answered does not hold the key that the invitation names: not enrolled")
    if isinstance(jose.verify(raw, ANSWER_TYP, {cloud_key: key}), jose.Refusal):
        raise EnrolmentFault("the answer was altered on its way: not enrolled")
    return claimed


def _common_name(name: x509.Name) -> str | None:
    names = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if len(names) == 1 else None


def _address(url: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port; nothing of what is no address at all."""
    try:
        parts = urlsplit(url)
        port = parts.port  # looked at only now, and may be none
    except ValueError:
        return "", None, None
    return parts.scheme, parts.hostname, port
