"""The papers of an enrolment, from whoever carries them: refused in words, or about our own keys."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    derive_private_key,
)
from cryptography.hazmat.primitives.serialization import Encoding
from joserfc.jwk import OKPKey

from agent import jose
from agent.enrol import make_csr
from agent.enrol_exchange import (
    ANSWER_TYP,
    DEVICE_ID,
    REQUEST_TYP,
    AcceptedRequest,
    Answer,
    EnrolmentFault,
    Invitation,
    open_answer,
    open_request,
    public_jwk,
    read_invitation,
    spki,
    write_request,
)
from agent.enrol_exchange import Request as EnrolRequest
from tests.fuzz.keys import CLOUD_SEALING, CLOUD_SIGNING, LOCK_SEALING, LOCK_SIGNING
from tests.fuzz.target import Check, Draw, Target
from tests.uplink.clouds import DEVICE, TOKEN, Authority

INVITED, ANSWERED, SIGNED, POSTED, ASKED = range(5)
"""The rest of the input is an invitation; an answer; changes of one, to sign; a request; changes of one."""
LOCK_TLS: EllipticCurvePrivateKey = derive_private_key(0x5151, SECP256R1())
INVITATION = Invitation(
    device_id=DEVICE, url="http://localhost/enrol", token=TOKEN, cloud_key=jose.kid_of(CLOUD_SIGNING)
)
MOST_EPOCH = 2**32 - 1

OpenAnswer = Callable[[bytes, Invitation, str, bytes], Answer]


@cache
def _csr() -> x509.CertificateSigningRequest:
    return make_csr(LOCK_TLS, DEVICE)


@cache
def _sound_answer() -> dict[str, Any]:
    authority = Authority(derive_private_key(0xCA, SECP256R1()))
    certificate = authority.certify(DEVICE, LOCK_TLS.public_key())
    return {
        "device_id": DEVICE,
        "identity": jose.kid_of(LOCK_SIGNING),
        "certificate": certificate.public_bytes(Encoding.PEM).decode(),
        "ca": authority.certificate().public_bytes(Encoding.PEM).decode(),
        "mqtt_url": "mqtts://localhost:8883",
        "cloud_signing": public_jwk(CLOUD_SIGNING),
        "cloud_sealing": public_jwk(CLOUD_SEALING),
        "set_epoch": 1,
    }


@cache
def _sound_request() -> dict[str, Any]:
    keys = {"identity": public_jwk(LOCK_SIGNING), "sealing": public_jwk(LOCK_SEALING)}
    return {"device_id": DEVICE, **keys, "csr": _csr().public_bytes(Encoding.PEM).decode(), "iat": 1}


def check(_: Path, answer: OpenAnswer = open_answer) -> Check:
    """`answer`: what is to be tried of the lock's half."""

    def one(data: bytes) -> None:
        draw = Draw(data)
        way, given = draw.below(5), draw.rest()
        match way:
            case 0:
                _invite(given)
            case 1:
                _answer(given, answer)
            case 2:
                _answer(_signed(given, _sound_answer(), ANSWER_TYP, CLOUD_SIGNING), answer)
            case 3:
                _request(given)
            case _:
                _request(_proved(given))

    return one


def _signed(given: bytes, sound: dict[str, Any], typ: str, key: OKPKey) -> bytes:
    """A sound paper with the changes that the input makes, genuinely signed."""
    return jose.sign(typ, _changed(given, sound), key)


def _changed(given: bytes, sound: dict[str, Any]) -> bytes:
    try:
        changes = json.loads(given)
    except (ValueError, RecursionError):
        return given
    return json.dumps(sound | changes).encode() if isinstance(changes, dict) else given


def _proved(given: bytes) -> bytes:
    """A request that its sender signed, with the proof that he holds the token."""
    written = json.loads(write_request(EnrolRequest(**_sound_request()), LOCK_SIGNING, TOKEN))
    signed = _signed(given, _sound_request(), REQUEST_TYP, LOCK_SIGNING)
    proof = _proof(signed)
    return json.dumps({**written, "request": signed.decode(), "proof": proof}).encode()


def _proof(signed: bytes) -> str:
    """As the page says it: HMAC-SHA-256 of what was signed, under the token."""
    return hmac.new(TOKEN.encode(), signed, hashlib.sha256).hexdigest()


def _invite(given: bytes) -> None:
    line = given.decode("utf-8", "surrogateescape")
    for text in (line, urlsafe_b64encode(given).decode()):
        try:
            invitation = read_invitation(text)
        except EnrolmentFault as fault:
            assert TOKEN not in str(fault), "a token is in the refusal"
            continue
        assert DEVICE_ID.fullmatch(invitation.device_id)
        assert urlsplit(invitation.url).scheme in ("http", "https")
        is_elsewhere = TOKEN in invitation.url
        assert TOKEN not in repr(invitation) or is_elsewhere, "a token is in a repr"


def _answer(raw: bytes, answer: OpenAnswer) -> None:
    try:
        opened = answer(raw, INVITATION, jose.kid_of(LOCK_SIGNING), spki(_csr()))
    except EnrolmentFault as fault:
        assert str(fault)
        return
    sound, address = _sound_answer(), urlsplit(opened.mqtt_url)
    for name in ("device_id", "identity", "cloud_signing"):
        assert getattr(opened, name) == sound[name], f"another {name} was taken"
    assert (address.scheme, bool(address.hostname), address.port is not None) == ("mqtts", True, True)
    assert spki(x509.load_pem_x509_certificate(opened.certificate.encode())) == spki(_csr())
    assert 0 <= opened.set_epoch <= MOST_EPOCH, "no lock can begin with this"


def _request(body: bytes) -> None:
    opened = open_request(body, {DEVICE: TOKEN}.get)
    if isinstance(opened, AcceptedRequest):
        assert opened.device_id == DEVICE
        assert spki(opened.csr)
        assert opened.identity.as_dict(private=False)["x"] == public_jwk(LOCK_SIGNING)["x"]


def seeds() -> list[bytes]:
    """Each paper as it should be, and changes of single fields."""
    invitation = {"v": 1, "device_id": DEVICE, "url": "http://localhost/enrol", "token": TOKEN}
    line = json.dumps({**invitation, "cloud_key": jose.kid_of(CLOUD_SIGNING)}).encode()
    changes: list[dict[str, Any]] = [
        {},
        {"mqtt_url": "mqtts://broker.example:8883"},
        {"set_epoch": 3},
        {"cloud_sealing": public_jwk(CLOUD_SEALING)},
        {"device_id": DEVICE, "identity": jose.kid_of(LOCK_SIGNING)},
        {"identity": public_jwk(LOCK_SIGNING), "sealing": public_jwk(LOCK_SEALING)},
    ]
    return [
        bytes([INVITED]) + line,
        bytes([INVITED]) + urlsafe_b64encode(line),
        bytes([ANSWERED]) + jose.sign(ANSWER_TYP, json.dumps(_sound_answer()).encode(), CLOUD_SIGNING),
        bytes([POSTED]) + _proved(b"{}"),
        *(bytes([SIGNED]) + json.dumps(each).encode() for each in changes[:5]),
        *(bytes([ASKED]) + json.dumps(each).encode() for each in (changes[0], changes[4], changes[5])),
    ]


TARGET = Target(
    name="enrolment",
    rules="an invitation, an answer or a request is refused without its token, or is about the right keys",
    check=check,
    seeds=seeds,
    quick=200,
)
