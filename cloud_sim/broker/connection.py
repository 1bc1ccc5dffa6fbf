"""One client's connection: bytes to packets and back, silence, and clients that do not read."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

from cloud_sim.broker.conversation import Conversation
from cloud_sim.broker.exchange import Exchange
from cloud_sim.broker.faults import Faults
from cloud_sim.broker.greeting import PACKET_LIMIT_BYTES, Refused, Welcome, greet
from cloud_sim.mqtt5 import (
    BadPacket,
    Connack,
    Connect,
    Disconnect,
    Frame,
    Frames,
    Packet,
    Properties,
    Puback,
    Publish,
    Reason,
    decode,
    encode,
)
from cloud_sim.mqtt5.packets import CONNECT

log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 10.0
CLOSE_TIMEOUT_S = 2.0
"""A client that takes no farewell is cut off after this."""


class Connection(asyncio.Protocol):
    """A session's link while it lasts. asyncio calls it on the loop's thread; nothing here blocks.

    It is in `open_ones` from the end of its TLS handshake to its own end, when it calls `ended`.
    """

    def __init__(
        self, exchange: Exchange, faults: Faults, open_ones: set["Connection"], ended: Callable[[], None]
    ) -> None:
        self.is_writable = True
        self.receive_maximum = 0
        self._exchange = exchange
        self._faults = faults
        self._open_ones = open_ones
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self._frames = Frames(PACKET_LIMIT_BYTES)
        self._packet_limit_bytes = PACKET_LIMIT_BYTES
        self._identity = ""
        self._conversation: Conversation | None = None
        self._silence_limit_s = CONNECT_TIMEOUT_S
        self._heard_at = self._loop.time()
        self._silence_timer: asyncio.TimerHandle | None = None
        self._is_over = False

    # asyncio calls these.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # asyncio sets TCP_NODELAY on every TCP connection: answers are not held back.
        self._transport = cast(asyncio.Transport, transport)
        self._identity = common_name(transport.get_extra_info("peercert") or {})
        self._open_ones.add(self)
        self._check_silence()
        self.obey_faults()

    def data_received(self, data: bytes) -> None:
        self._heard_at = self._loop.time()
        try:
            for frame in self._frames.feed(data):
                if self._is_over:
                    return
                self._receive(frame)
        except BadPacket as bad:
            log.warning("%s: %s", self._identity, bad.why)
            self._farewell(bad.reason, bad.why)

    def pause_writing(self) -> None:
        # Who does not read is not read either, so answers cannot pile up here.
        self.is_writable = False
        if not self._is_over:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        self.is_writable = True
        if not self._is_over and self._conversation is not None:
            self._transport.resume_reading()
            self._conversation.pump(self._loop.time())

    def connection_lost(self, exc: Exception | None) -> None:
        log.debug("%s: connection lost: %s", self._identity, exc)
        self._end()

    def obey_faults(self) -> None:
        """End as if the network had gone, if this client is to have none."""
        if self._identity in self._faults.cut_off and not self._is_over:
            log.info("%s: cut off", self._identity)
            self._transport.abort()
            self._end()

    # The session and the conversation call these.

    def deliver(self, packet: Publish) -> bool:
        data = encode(packet)
        if len(data) > self._packet_limit_bytes:
            return False
        copies = 2 if packet.qos and self._faults.duplicates_delivery() else 1
        self._write_later(data)
        if copies == 2:
            self._write_later(encode(replace(packet, is_duplicate=True)))
        return True

    def send(self, packet: Packet) -> None:
        if isinstance(packet, Puback) and self._faults.drops_puback():
            return
        data = encode(packet)
        if len(data) <= self._packet_limit_bytes:
            self._write(data)

    def close(self, reason: Reason) -> None:
        self._farewell(reason, None)

    # The rest is its own business.

    def _receive(self, frame: Frame) -> None:
        if self._conversation is not None:
            if not self._conversation.receive(decode(frame), self._loop.time()):
                self._end()
            return
        if frame.kind != CONNECT:
            raise BadPacket("the first packet is not CONNECT", Reason.PROTOCOL_ERROR)
        try:
            packet = decode(frame)
        except BadPacket as bad:
            self._refuse(Refused(reason=bad.reason, why=bad.why))
            return
        if isinstance(packet, Connect):
            self._answer(greet(packet, self._identity))

    def _answer(self, greeting: Welcome | Refused) -> None:
        if isinstance(greeting, Refused):
            self._refuse(greeting)
            return
        self.receive_maximum = greeting.receive_maximum
        self._packet_limit_bytes = greeting.packet_limit_bytes
        self._silence_limit_s = greeting.keep_alive_s * 1.5
        self._conversation = Conversation(self._exchange, self, greeting)
        self._conversation.begin(greeting, self._loop.time())
        self._check_silence()

    def _refuse(self, refused: Refused) -> None:
        log.warning("%s: not let in: %s", self._identity, refused.why)
        self.send(Connack(reason=refused.reason, properties=Properties(reason_string=refused.why)))
        self._end()

    def _farewell(self, reason: Reason, why: str | None) -> None:
        """Tell the client why, if it was let in, and end the connection."""
        if self._conversation is not None and not self._is_over:
            self.send(Disconnect(reason=reason, properties=Properties(reason_string=why)))
        self._end()

    def _end(self) -> None:
        if self._is_over:
            return
        self._is_over = True
        if self._silence_timer is not None:
            self._silence_timer.cancel()
        self._transport.close()
        self._loop.call_later(CLOSE_TIMEOUT_S, self._transport.abort)
        if self._conversation is not None:
            self._conversation.end(self._loop.time())
        self._open_ones.discard(self)
        self._ended()

    def _check_silence(self) -> None:
        """Ends the connection of a client that was silent for too long, or looks again when it may be."""
        if self._silence_timer is not None:
            self._silence_timer.cancel()
        if self._is_over or self._silence_limit_s == 0:
            return
        silent_at = self._heard_at + self._silence_limit_s
        if self._loop.time() >= silent_at:
            self._farewell(Reason.KEEP_ALIVE_TIMEOUT, "nothing was heard for one and a half keep-alives")
        else:
            self._silence_timer = self._loop.call_at(silent_at, self._check_silence)

    def _write_later(self, data: bytes) -> None:
        if self._faults.delivery_delay_s:
            self._loop.call_later(self._faults.delivery_delay_s, self._write, data)
        else:
            self._write(data)

    def _write(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)


def common_name(certificate: Mapping[str, Any]) -> str:
    """The CN of a peer certificate as ssl returns it; empty unless there is exactly one."""
    names = [value for group in certificate.get("subject", ()) for key, value in group if key == "commonName"]
    return names[0] if len(names) == 1 else ""
