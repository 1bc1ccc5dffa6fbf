"""Compact JWS and JWE in the only suites we speak, with every header checked before any cryptography.

Signed: RFC 7515 with Ed25519 (RFC 9864). Sealed: RFC 7516 with ECDH-ES on X25519 and A256GCM. Nothing is
negotiated: a header has exactly our fields, and the key it names must be one that was pinned.
"""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

import msgspec
from joserfc import jwe, jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

HEADER_LIMIT_BYTES = 512
DEEPEST = 32
"""Lists and objects within each other; messages of ours have ten at most."""
SIGNATURE_ALGORITHM = "Ed25519"
KEY_AGREEMENT = "ECDH-ES"
ENCRYPTION = "A256GCM"
SIGNATURE_CHARACTERS = 86
"""64 bytes in base64url."""

Reason = Literal[
    "oversized",
    "malformed",
    "unknown_header",
    "unknown_key",
    "bad_signature",
    "wrong_stream",
    "wrong_device",
    "not_sealed",
    "cannot_unseal",
    "expired",
]


@dataclass(frozen=True, slots=True)
class Refusal:
    """The message was not believed; nothing of it may be used."""

    reason: Reason


class _JwsHeader(msgspec.Struct, frozen=True):
    alg: str = ""
    kid: str = ""
    typ: str = ""


class _EphemeralKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    kty: Literal["OKP"]
    crv: Literal["X25519"]
    x: str


class _JweHeader(msgspec.Struct, frozen=True):
    epk: _EphemeralKey
    alg: str = ""
    enc: str = ""
    kid: str = ""
    cty: str = ""


_Header = TypeVar("_Header", _JwsHeader, _JweHeader)
_JWS_FIELDS = frozenset({"alg", "kid", "typ"})
_JWE_FIELDS = frozenset({"alg", "enc", "kid", "cty", "epk"})
_BASE64URL = re.compile(rb"[A-Za-z0-9_-]*")


def new_signing_key() -> OKPKey:
    """A new Ed25519 key pair, kept in memory only."""
    return OKPKey.generate_key("Ed25519")


def new_sealing_key() -> OKPKey:
    """A new X25519 key pair, kept in memory only."""
    return OKPKey.generate_key("X25519")


def kid_of(key: OKPKey) -> str:
    """The RFC 7638 thumbprint of a key: how keys are named on the wire and pinned."""
    return key.thumbprint()


def sign(typ: str, payload: bytes, key: OKPKey) -> bytes:
    """`payload` signed by `key`, a private Ed25519 key."""
    header = {"alg": SIGNATURE_ALGORITHM, "kid": kid_of(key), "typ": typ}
    return jws.serialize_compact(header, payload, key, algorithms=[SIGNATURE_ALGORITHM]).encode()


def verify(signed: bytes, typ: str, signers: Mapping[str, OKPKey]) -> bytes | Refusal:
    """The payload, if one of `signers` (pinned public keys by kid) signed it as a `typ`."""
    parts = signed.split(b".")
    if len(parts) != 3 or len(parts[2]) != SIGNATURE_CHARACTERS:
        return Refusal("malformed")
    if not all(_is_canonical(part) for part in parts):
        return Refusal("malformed")
    header = _header(parts[0], _JwsHeader, _JWS_FIELDS)
    if isinstance(header, Refusal):
        return header
    if header.alg != SIGNATURE_ALGORITHM:
        return Refusal("unknown_header")
    if header.typ != typ:
        return Refusal("wrong_stream")
    key = signers.get(header.kid)
    if key is None:
        return Refusal("unknown_key")
    try:
        return jws.deserialize_compact(signed, key, algorithms=[SIGNATURE_ALGORITHM]).payload
    except (JoseError, ValueError):
        return Refusal("bad_signature")


def named_key(message: bytes) -> str:
    """The `kid` in the header of a message, signed or sealed; nothing is checked. Empty where it has none."""
    try:
        return msgspec.json.decode(_decoded(message.partition(b".")[0]), type=_JwsHeader).kid
    except (ValueError, RecursionError):
        return ""


def encrypt(signed: bytes, recipient: OKPKey) -> bytes:
    """A signed message encrypted to `recipient`, a public X25519 key."""
    header = {"alg": KEY_AGREEMENT, "enc": ENCRYPTION, "kid": kid_of(recipient), "cty": "jose"}
    return jwe.encrypt_compact(header, signed, recipient, algorithms=[KEY_AGREEMENT, ENCRYPTION]).encode()


def decrypt(sealed: bytes, key: OKPKey | None) -> bytes | Refusal:
    """The signed message inside, if it was encrypted to `key`, our private X25519 key."""
    parts = sealed.split(b".")
    if len(parts) == 3:
        return Refusal("not_sealed")
    # With direct key agreement the part of the encrypted key is empty (RFC 7518, 4.6).
    if len(parts) != 5 or parts[1] or not all(_is_canonical(part) for part in parts):
        return Refusal("malformed")
    header = _header(parts[0], _JweHeader, _JWE_FIELDS)
    if isinstance(header, Refusal):
        return header
    if (header.alg, header.enc, header.cty) != (KEY_AGREEMENT, ENCRYPTION, "jose"):
        return Refusal("unknown_header")
    if key is None or header.kid != kid_of(key):
        return Refusal("unknown_key")
    try:
        opened = jwe.decrypt_compact(sealed, key, algorithms=[KEY_AGREEMENT, ENCRYPTION]).plaintext
    except (
        JoseError,
        ValueError,
        AssertionError,
    ):  # wrong tag; no such point; joserfc asserts on odd headers
        return Refusal("cannot_unseal")
    return opened or Refusal("malformed")


def is_unambiguous(text: bytes) -> bool:
    """Whether every name in this JSON stands once in its object, so that no two readers read two things, and
    nothing is nested deeper than DEEPEST: what can just be read here could not be read where the stack is
    fuller, in a web server or at the next start."""

    def seen_once(pairs: list[tuple[str, object]]) -> list[object]:
        if len({name for name, _ in pairs}) != len(pairs):
            raise ValueError("a name stands twice")
        return [inner for _, inner in pairs if isinstance(inner, list)]

    try:
        value = json.loads(text, object_pairs_hook=seen_once)
    except (
        ValueError,
        RecursionError,
    ):  # also no UTF-8, numbers of thousands of digits, nested a thousand deep
        return False
    return _is_shallow(value)


def _is_shallow(value: object) -> bool:
    """Level by level; objects are lists of what in them is one."""
    level = [value] if isinstance(value, list) else []
    for _ in range(DEEPEST):
        level = [inner for each in level for inner in each if isinstance(inner, list)]
        if not level:
            return True
    return False


def _header(part: bytes, shape: type[_Header], fields: frozenset[str]) -> _Header | Refusal:
    """A protected header that has `fields` and nothing else: no `crit`, no `zip`, no key from outside."""
    if len(part) > HEADER_LIMIT_BYTES:
        return Refusal("oversized")
    try:
        names = msgspec.json.decode(_decoded(part), type=dict[str, msgspec.Raw])
        if not names.keys() <= fields:
            return Refusal("unknown_header")
        if not is_unambiguous(_decoded(part)):
            return Refusal("malformed")
        return msgspec.json.decode(_decoded(part), type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return Refusal("malformed")


def _is_canonical(part: bytes) -> bool:
    """Whether this is the one base64url text of its bytes, so that no message has two spellings."""
    return (
        _BASE64URL.fullmatch(part) is not None
        and len(part) % 4 != 1
        and urlsafe_b64encode(_decoded(part)).rstrip(b"=") == part
    )


def _decoded(part: bytes) -> bytes:
    return urlsafe_b64decode(part + b"=" * (-len(part) % 4))
