"""What each message between lock and cloud says of itself, and whether it is believed; both sides use it.

A message is claims and a body, signed; one that holds digits is then encrypted to its recipient
(`agent.jose`). One that opens is genuine, not new: what was seen before (`rev`, `id`) is the caller's
to judge.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

import msgspec
from joserfc.jwk import OKPKey

from agent import jose
from agent.jose import Reason, Refusal, kid_of, new_sealing_key, new_signing_key
from agent.messages import MESSAGE_LIMIT_BYTES

__all__ = [
    "SEALED_STREAMS",
    "Message",
    "OKPKey",
    "Opener",
    "Reason",
    "Refusal",
    "Signer",
    "kid_of",
    "new_sealing_key",
    "new_signing_key",
]

SEALED_STREAMS = frozenset({"bucket", "duress", "door_code", "offline"})

Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""Fits SQLite's integer."""
ShortText = Annotated[str, msgspec.Meta(max_length=64)]


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A genuine message: its claims and, in JSON, its body. Times are integer Unix seconds.

    `dev` is the lock it comes from or is for. `desired`, `bucket` and `offline` count by `set_epoch` and
    `rev`, everything else has a random `id`; exactly one of the two is there. What a lock says is in order by
    `nth` within one `life` of its database (`cloud_sim.message_order`)."""

    dev: ShortText
    stream: ShortText
    iat: Count
    body: msgspec.Raw
    set_epoch: Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)] = 0
    rev: Count | None = None
    id: ShortText | None = None
    exp: Count | None = None
    sid: ShortText | None = None
    life: ShortText | None = None
    nth: Count | None = None

    def __repr__(self) -> str:
        return f"Message({self.stream} for {self.dev}, rev={self.rev}, id={self.id})"


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs what a lock sends, or the cloud sends to that lock. `key`: the sender's private Ed25519 key."""

    device_id: str
    key: OKPKey = field(repr=False)

    def sign(
        self, stream: str, body: msgspec.Struct | dict[str, object], **claims: int | str | None
    ) -> bytes:
        """One signed message. `claims`: `iat`, and of the others of `Message` what applies.

        Raises ValueError for a stream that must be sealed. The size is the caller's to check."""
        if stream in SEALED_STREAMS:
            raise ValueError(f"messages of {stream} are for one reader only: use seal")
        return self._sign(stream, body, claims)

    def seal(
        self,
        stream: str,
        body: msgspec.Struct | dict[str, object],
        recipient: OKPKey,
        **claims: int | str | None,
    ) -> bytes:
        """One message signed, then encrypted to `recipient`, an X25519 public key. Claims as in `sign`."""
        return jose.encrypt(self._sign(stream, body, claims), recipient)

    def _sign(
        self, stream: str, body: msgspec.Struct | dict[str, object], claims: Mapping[str, int | str | None]
    ) -> bytes:
        given = {name: value for name, value in claims.items() if value is not None}
        payload = {**given, "dev": self.device_id, "stream": stream, "body": body}
        return jose.sign(f"lock-{stream}", msgspec.json.encode(payload), self.key)


@dataclass(frozen=True, slots=True)
class Opener:
    """Opens messages of one lock, in either direction.

    `signers` are the pinned public Ed25519 keys by kid; `sealing_key` is our private X25519 key, where
    sealed streams are expected, and `next_sealing_key` one that counts beside it, while it is renewed."""

    device_id: str
    signers: Mapping[str, OKPKey] = field(repr=False)
    sealing_key: OKPKey | None = field(default=None, repr=False)
    next_sealing_key: OKPKey | None = field(default=None, repr=False)

    def open(self, raw: bytes, stream: str, wall: int | None) -> Message | Refusal:
        """The message, or why it is not believed; never raises, whatever `raw` is.

        `stream` is the one it arrived on. `wall` is Unix time in seconds; with None (clock unknown) `exp` is
        not judged here. A replayed message opens again: `rev` and `id` are for the caller to compare."""
        if len(raw) > MESSAGE_LIMIT_BYTES:
            return Refusal("oversized")
        signed = jose.decrypt(raw, self._recipient(raw)) if stream in SEALED_STREAMS else raw
        if isinstance(signed, Refusal):
            return signed
        payload = jose.verify(signed, f"lock-{stream}", self.signers)
        if isinstance(payload, Refusal):
            return payload
        return self._judge(payload, stream, wall)

    def _recipient(self, raw: bytes) -> OKPKey | None:
        """The one of our sealing keys that this message names; it says nothing about what is in it."""
        coming = self.next_sealing_key
        return coming if coming is not None and jose.named_key(raw) == kid_of(coming) else self.sealing_key

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
    if not jose.is_unambiguous(payload):
        return None
    try:
        return msgspec.json.decode(payload, type=Message)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):  # the last: nested a thousand deep
        return None
