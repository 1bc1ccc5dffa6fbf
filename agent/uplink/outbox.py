"""Signs what the lock says, checks its size, publishes it, and knows what the broker has not yet taken."""

import logging
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import msgspec

from agent.envelope import Signer
from agent.messages import EVENT_BATCH_BYTES, MESSAGE_LIMIT_BYTES, topic
from agent.uplink.transport import Connection

STALLED_AFTER_S = 30.0
ENVELOPE_BYTES = 1024
"""More than header, claims, signature and topic ever take."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Letter:
    stream: str
    payload: bytes = field(repr=False)
    is_retained: bool


@dataclass(frozen=True, slots=True)
class _Sent:
    stream: str
    at_s: float


@dataclass(slots=True)
class Outbox:
    """Publishes on the connection that is up, if one is, as many at a time as the broker takes. Nothing is
    kept for a later connection."""

    signer: Signer
    now: Callable[[], float]
    wall: Callable[[], float]
    life: str
    """The journal's epoch: what `numbers` are counted within."""
    numbers: Iterator[int]
    """Those of the messages, rising."""
    _connection: Connection | None = None
    _limit_bytes: int = MESSAGE_LIMIT_BYTES
    _window: int = 0
    _in_flight: dict[int, _Sent] = field(default_factory=dict)
    _waiting: deque[_Letter] = field(default_factory=deque)

    def open(self, connection: Connection, packet_limit: int, window: int) -> None:
        """Publish on this connection: packets of up to `packet_limit` bytes, `window` of them at a time."""
        self.close()
        self._connection = connection
        self._limit_bytes = min(MESSAGE_LIMIT_BYTES, packet_limit)
        self._window = window

    def close(self) -> None:
        """There is no connection; what the broker has not acknowledged is forgotten."""
        self._connection = None
        self._in_flight.clear()
        self._waiting.clear()

    @property
    def batch_bytes(self) -> int:
        """How much JSON fits in a message, which becomes a third longer as base64."""
        return min(EVENT_BATCH_BYTES, (self._limit_bytes - ENVELOPE_BYTES) * 3 // 4)

    def signed(self, stream: str, body: msgspec.Struct, sid: str | None = None) -> bytes:
        """A message of this lock, signed."""
        return self.signer.sign(
            stream,
            body,
            iat=int(self.wall()),
            id=str(uuid.uuid4()),
            sid=sid,
            life=self.life,
            nth=next(self.numbers),
        )

    def send(
        self, stream: str, body: msgspec.Struct, *, retain: bool = False, sid: str | None = None
    ) -> bool:
        """Sign and publish. False when there is no connection, or when the message is too large for it:
        a broker drops the connection over one such message, and would for ever."""
        if self._connection is None:
            return False
        name = topic(self.signer.device_id, "up", stream)
        payload = self.signed(stream, body, sid)
        if len(payload) + len(name) + 16 > self._limit_bytes:
            _log.error("a %s message of %d bytes is too large and is not sent", stream, len(payload))
            return False
        self._waiting.append(_Letter(stream, payload, retain))
        self._publish_waiting()
        return True

    def delivered(self, mid: int, failure: str) -> str | None:
        """The broker answered for a message; returns its stream. It may have refused it."""
        sent = self._in_flight.pop(mid, None)
        if sent is None:
            return None
        if failure:
            _log.warning("the broker refused a %s message: %s", sent.stream, failure)
        self._publish_waiting()
        return sent.stream

    def in_flight(self, stream: str) -> int:
        """How many messages of a stream the broker has not yet taken."""
        streams = [sent.stream for sent in self._in_flight.values()]
        return (streams + [letter.stream for letter in self._waiting]).count(stream)

    def stalled_at(self) -> float | None:
        """When the broker will have owed an acknowledgement for too long, unless it comes."""
        oldest = min((sent.at_s for sent in self._in_flight.values()), default=None)
        return None if oldest is None else oldest + STALLED_AFTER_S

    def _publish_waiting(self) -> None:
        while self._connection is not None and self._waiting and len(self._in_flight) < self._window:
            letter = self._waiting.popleft()
            name = topic(self.signer.device_id, "up", letter.stream)
            mid = self._connection.publish(name, letter.payload, retain=letter.is_retained)
            if mid is not None:  # None: the connection is gone, as we shall hear in a moment
                self._in_flight[mid] = _Sent(letter.stream, self.now())
