"""Signs, seals and opens every message between lock and cloud; both sides use this one file.

A message is a compact JWS (RFC 7515) by an Ed25519 key (RFC 9864); a message that holds digits is that
JWS inside a compact JWE (RFC 7516) to the X25519 key of the recipient. Suites are fixed, never negotiated.
A message that was opened is genuine, not new: what was seen before (`rev`, `id`) is the caller's to judge.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal, TypeVar

import msgspec
from joserfc import jwe, jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from agent.messages import MESSAGE_LIMIT_BYTES

SEALED_STREAMS = frozenset({"bucket"})
HEADER_LIMIT_BYTES = 512

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

Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""Fits SQLite's integer."""
ShortText = Annotated[str, msgspec.Meta(max_length=64)]


@dataclass(frozen=True, slots=True)
class Refusal:
    """The message was not believed; nothing of it may be used."""

    reason: Reason


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A genuine message: its claims and, in JSON, its body. Times are integer Unix seconds.

    `dev` is the lock it comes from or is for. `desired` and `bucket` count by `set_epoch` and `rev`,
    everything else has a random `id`; exactly one of the two is there."""

    dev: ShortText
    stream: ShortText
    iat: Count
    body: msgspec.Raw
    set_epoch: Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)] = 0
    rev: Count | None = None
    id: ShortText | None = None
    exp: Count | None = None
    sid: ShortText | None = None

    def __repr__(self) -> str:
        return f"Message({self.stream} for {self.dev}, rev={self.rev}, id={self.id})"


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


Header = TypeVar("Header", _JwsHeader, _JweHeader)
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


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs what a lock sends, or the cloud sends to that lock. `key`: the sender's private Ed25519 key."""

    device_id: str
    key: OKPKey = field(repr=False)

    def sign(
        self, stream: str, body: msgspec.Struct | dict[str, object], **claims: int | str | None
    ) -> bytes:
        """One signed message. `claims`: `iat`, and of `set_epoch`, `rev`, `id`, `exp`, `sid` what applies.

        Raises ValueError for a stream that must be sealed. The size is the caller's to check."""
        if stream in SEALED_STREAMS:
            raise ValueError(f"messages of {stream} hold digits: use seal")
        return self._sign(stream, body, claims)

    def seal(
        self,
        stream: str,
        body: msgspec.Struct | dict[str, object],
        recipient: OKPKey,
        **claims: int | str | None,
    ) -> bytes:
        """One message signed, then encrypted to `recipient`, an X25519 public key. Claims as in `sign`."""
        header = {"alg": KEY_AGREEMENT, "enc": ENCRYPTION, "kid": kid_of(recipient), "cty": "jose"}
        signed = self._sign(stream, body, claims)
        return jwe.encrypt_compact(header, signed, recipient, algorithms=[KEY_AGREEMENT, ENCRYPTION]).encode()

    def _sign(
        self, stream: str, body: msgspec.Struct | dict[str, object], claims: Mapping[str, int | str | None]
    ) -> bytes:
        given = {name: value for name, value in claims.items() if value is not None}
        payload = {"dev": self.device_id, "stream": stream, **given, "body": body}
        header = {"alg": SIGNATURE_ALGORITHM, "kid": kid_of(self.key), "typ": f"lock-{stream}"}
        encoded = msgspec.json.encode(payload)
        return jws.serialize_compact(header, encoded, self.key, algorithms=[SIGNATURE_ALGORITHM]).encode()


@dataclass(frozen=True, slots=True)
class Opener:
    """Opens messages of one lock, in either direction.

    `signers` are the pinned public Ed25519 keys by kid; `sealing_key` is our private X25519 key, where
    sealed streams are expected."""

    device_id: str
    signers: Mapping[str, OKPKey] = field(repr=False)
    sealing_key: OKPKey | None = field(default=None, repr=False)

    def open(self, raw: bytes, stream: str, wall: int | None) -> Message | Refusal:
        """The message, or why it is not believed; never raises, whatever `raw` is.

        `stream` is the one it arrived on. `wall` is Unix time in seconds; with None (clock unknown) `exp` is
        not judged here. A replayed message opens again: `rev` and `id` are for the caller to compare."""
        if len(raw) > MESSAGE_LIMIT_BYTES:
            return Refusal("oversized")
        signed = self._unseal(raw) if stream in SEALED_STREAMS else raw
        if isinstance(signed, Refusal):
            return signed
        payload = self._verify(signed, stream)
        if isinstance(payload, Refusal):
            return payload
        return self._judge(payload, stream, wall)

    def _unseal(self, raw: bytes) -> bytes | Refusal:
        parts = raw.split(b".")
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
        if self.sealing_key is None or header.kid != kid_of(self.sealing_key):
            return Refusal("unknown_key")
        try:
            opened = jwe.decrypt_compact(
                raw, self.sealing_key, algorithms=[KEY_AGREEMENT, ENCRYPTION]
            ).plaintext
        except (
            JoseError,
            ValueError,
            AssertionError,
        ):  # wrong tag; no such point; joserfc asserts on odd headers
            return Refusal("cannot_unseal")
        return opened or Refusal("malformed")

    def _verify(self, signed: bytes, stream: str) -> bytes | Refusal:
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
        if header.typ != f"lock-{stream}":
            return Refusal("wrong_stream")
        key = self.signers.get(header.kid)
        if key is None:
            return Refusal("unknown_key")
        try:
            return jws.deserialize_compact(signed, key, algorithms=[SIGNATURE_ALGORITHM]).payload
        except (JoseError, ValueError):
            return Refusal("bad_signature")

    def _judge(self, payload: bytes, stream: str, wall: int | None) -> Message | Refusal:
        message = _message(payload)
        if message is None or (message.rev is None) == (message.id is None):
            return Refusal("malformed")
        if message.dev != self.device_id:
            return Refusal("wrong_device")
        if message.stream != stream:
            return Refusal("wrong_stream")
        if wall is not None and message.exp is not None and message.exp <= wall:
            return Refusal("expired")
        return message


def _message(payload: bytes) -> Message | None:
    try:
        return msgspec.json.decode(payload, type=Message)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):  # the last: nested a thousand deep
        return None


def _header(part: bytes, shape: type[Header], fields: frozenset[str]) -> Header | Refusal:
    """A protected header that has `fields` and nothing else: no `crit`, no `zip`, no key from outside."""
    if len(part) > HEADER_LIMIT_BYTES:
        return Refusal("oversized")
    try:
        names = msgspec.json.decode(_decoded(part), type=dict[str, msgspec.Raw])
        if not names.keys() <= fields:
            return Refusal("unknown_header")
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
