"""Turns what arrives on a topic into a value for the controller, or into a reason why it is not believed."""

from dataclasses import dataclass
from typing import TypeVar

import msgspec

from agent.envelope import Message, Opener, Refusal
from agent.messages import (
    DOWN_STREAMS,
    MANIFEST_LIMIT_BYTES,
    Ack,
    AckReceived,
    BucketPart,
    BucketReceived,
    Heartbeat,
    HeartbeatReceived,
    Manifest,
    ManifestReceived,
    MessageRefused,
    topic,
)

Received = ManifestReceived | BucketReceived | AckReceived | HeartbeatReceived
RETAINED_STREAMS = frozenset({"desired"})

_Body = TypeVar("_Body", Manifest, BucketPart, Ack, Heartbeat)


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
        # A heartbeat sets the clock, so the clock cannot judge it: nonce and exp are for the controller.
        opened = self.opener.open(arrival.payload, stream, None if stream == "heartbeat" else wall)
        if isinstance(opened, Refusal):
            return MessageRefused(stream, opened.reason)
        return _typed(opened, arrival, token) or MessageRefused(stream, "malformed")

    def _stream(self, name: str) -> str | None:
        return next((s for s in DOWN_STREAMS if topic(self.opener.device_id, "down", s) == name), None)


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


def _body(message: Message, shape: type[_Body]) -> _Body | None:
    try:
        return msgspec.json.decode(message.body, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
