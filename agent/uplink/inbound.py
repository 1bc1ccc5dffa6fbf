"""Turns what arrives on a topic into a value for the controller, or into a reason why it is not believed."""

import re
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from agent.enrolment import Enrolment
from agent.envelope import Message, OKPKey, Opener, Refusal
from agent.jose import named_key
from agent.messages import (
    DOWN_STREAMS,
    MANIFEST_LIMIT_BYTES,
    Ack,
    AckReceived,
    BucketPart,
    BucketReceived,
    CommandBody,
    CommandReceived,
    Heartbeat,
    HeartbeatReceived,
    Keys,
    KeysReceived,
    Manifest,
    ManifestReceived,
    MessageRefused,
    OfflineReceived,
    RenewalReceived,
    RenewedKeys,
    topic,
)

Received = (
    ManifestReceived
    | BucketReceived
    | AckReceived
    | HeartbeatReceived
    | CommandReceived
    | OfflineReceived
    | KeysReceived
    | RenewalReceived
)
RETAINED_STREAMS = frozenset({"desired", "offline", "keys"})
JUDGED_LATER = frozenset({"heartbeat", "command"})
"""A heartbeat sets the clock, so the clock cannot judge it; a command is judged when it is its turn."""
COMMAND_ID = re.compile(r"[0-9A-Za-z-]{1,64}")

_Body = TypeVar("_Body", Manifest, BucketPart, Ack, Heartbeat, CommandBody, Keys, RenewedKeys)


@dataclass(frozen=True, slots=True)
class Arrival:
    """One MQTT message as it came in; `arrived_s` is `now` at that moment."""

    topic: str
    payload: bytes
    is_retained: bool
    arrived_s: float


@dataclass(frozen=True, slots=True)
class Inbound:
    """Opens what the broker brings to one lock. The broker is believed in nothing."""

    opener: Opener

    def read(self, arrival: Arrival, token: int, wall: int | None) -> Received | MessageRefused:
        """The typed message with `token` to settle it by, or a refusal. Never raises.

        `wall`: Unix time, None while the clock is not trusted."""
        stream = self._stream(arrival.topic)
        if stream is None:
            return MessageRefused("unknown", "unknown_topic")
        if arrival.is_retained and stream not in RETAINED_STREAMS:
            return MessageRefused(stream, "retained")
        opened = self.opener.open(arrival.payload, stream, None if stream in JUDGED_LATER else wall)
        if isinstance(opened, Refusal):
            return MessageRefused(stream, opened.reason)
        return _typed(opened, arrival, token) or MessageRefused(stream, "malformed")

    def _stream(self, name: str) -> str | None:
        return next((s for s in DOWN_STREAMS if topic(self.opener.device_id, "down", s) == name), None)


def inbound_of(enrolment: Enrolment) -> Inbound:
    """What opens the messages to this lock; to either of its sealing keys while they are renewed."""
    signers = {kid: OKPKey.import_key(dict(jwk)) for kid, jwk in enrolment.terms.cloud_signing.items()}
    pending = enrolment.pending
    coming = None if pending is None else OKPKey.import_key(dict(pending.sealing))
    return Inbound(Opener(enrolment.device_id, signers, OKPKey.import_key(dict(enrolment.sealing)), coming))


def _typed(message: Message, arrival: Arrival, token: int) -> Received | None:
    match message.stream:
        case "desired":
            return _manifest(message, token)
        case "bucket":
            return _bucket(message, token)
        case "ack":
            ack = _body(message, Ack)
            return AckReceived(ack, token) if ack is not None and ack.upto >= 0 else None
        case "heartbeat":
            heartbeat = _body(message, Heartbeat)
            if heartbeat is None or message.exp is None:
                return None
            return HeartbeatReceived(heartbeat, message.exp, arrival.arrived_s, token)
        case "command":
            return _command(message, arrival, token)
        case "offline" if message.rev is not None:
            return OfflineReceived(message.set_epoch, message.rev, bytes(message.body), token)
        case "keys" if message.rev is not None:
            keys = _body(message, Keys)
            return (
                None if keys is None else KeysReceived(message.rev, keys, named_key(arrival.payload), token)
            )
        case "renewal":
            answer = _body(message, RenewedKeys)
            return None if answer is None else RenewalReceived(answer, named_key(arrival.payload), token)
    return None


def _manifest(message: Message, token: int) -> ManifestReceived | None:
    manifest = _body(message, Manifest)
    if manifest is None or message.rev is None or len(bytes(message.body)) > MANIFEST_LIMIT_BYTES:
        return None
    return ManifestReceived(message.set_epoch, message.rev, manifest, token)


def _bucket(message: Message, token: int) -> BucketReceived | None:
    bucket = _body(message, BucketPart)
    if bucket is None or message.rev is None:
        return None
    if not (0 <= bucket.index < 256 and 0 <= bucket.part < bucket.parts):
        return None
    return BucketReceived(message.set_epoch, message.rev, bucket, token)


def _command(message: Message, arrival: Arrival, token: int) -> CommandReceived | None:
    order = _body(message, CommandBody)
    if order is None or message.id is None or message.exp is None or message.sid is None:
        return None
    if not COMMAND_ID.fullmatch(message.id) or len(order.type) > 64:
        return None
    return CommandReceived(
        id=message.id,
        type=order.type,
        args=order.args,
        iat=message.iat,
        exp=message.exp,
        sid=message.sid,
        arrived_s=arrival.arrived_s,
        token=token,
    )


def _body(message: Message, shape: type[_Body]) -> _Body | None:
    try:
        return msgspec.json.decode(message.body, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
