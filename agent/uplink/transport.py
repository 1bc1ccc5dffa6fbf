"""One MQTT connection on paho: what it says comes back as values, and its end is never silent.

A connection is used once. paho's own queue, session and reconnection hide what became of a message, so a new
client is made for each attempt, and everything of worth is sent again by those who know whether it arrived.
"""

import itertools
import logging
import socket
import ssl
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from agent.uplink.tls import are_dates_right

KEEPALIVE_S = 30
SESSION_EXPIRY_S = 3600
CONNECT_TIMEOUT_S = 10.0
RECEIVE_MAXIMUM = 10
IN_FLIGHT = 4
WAITING_LIMIT = 100
"""Messages not yet dealt with; a broker that respects `RECEIVE_MAXIMUM` stays far below."""
NO_ANSWER = "the broker hung up without an answer: does it still accept the certificate of this lock?"
PACKET_LIMIT_BYTES = 64 * 1024
"""Of packets we accept; also assumed of the broker until it says less."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Opened:
    """Connected and subscribed. The broker takes packets of up to `packet_limit` bytes, and `window` of
    ours at a time before it has acknowledged one (paho does not look at that)."""

    connection: int
    packet_limit: int
    window: int


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message, to be acknowledged by `mid`; `arrived_s` is `now` at that moment."""

    connection: int
    mid: int
    topic: str
    payload: bytes = field(repr=False)
    is_retained: bool
    arrived_s: float


@dataclass(frozen=True, slots=True)
class Delivered:
    """The broker took a message, or, with `failure`, refused it."""

    connection: int
    mid: int
    failure: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The connection and its thread are over. Posted exactly once, whatever happened."""

    connection: int
    reason: str


TransportEvent = Opened | Arrived | Delivered | Ended
Post = Callable[[TransportEvent], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where to connect, as whom, and what for."""

    url: str
    device_id: str
    tls: ssl.SSLContext = field(repr=False)
    subscriptions: Sequence[tuple[str, bool]]
    """Topics, each with whether its retained message is wanted."""
    will_topic: str


class Connection:
    """A connection attempt and what comes of it. Methods are called from one thread and do not block."""

    def __init__(
        self, number: int, address: Address, will: bytes, post: Post, now: Callable[[], float]
    ) -> None:
        self._number = number
        self._address = address
        self._post = post
        self._now = now
        self._reason = ""
        self._is_abandoned = False
        self._is_answered = False
        self._certificates: list[dict[str, Any]] = []
        self._packet_limit = PACKET_LIMIT_BYTES
        self._window = IN_FLIGHT
        self._waiting: set[int] = set()
        self._unnumbered = itertools.count(-1, -1)
        """Stand in for the mid that a message at QoS 0 does not have."""
        self._client = self._new_client(will)

    def open(self) -> None:
        """Start the network thread; `Opened` or `Ended` follows."""
        host, port = urlsplit(self._address.url).hostname or "", urlsplit(self._address.url).port or 8883
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call] # paho left it so
        properties.SessionExpiryInterval = SESSION_EXPIRY_S
        properties.ReceiveMaximum = RECEIVE_MAXIMUM
        properties.MaximumPacketSize = PACKET_LIMIT_BYTES
        self._client.connect_async(host, port, KEEPALIVE_S, clean_start=False, properties=properties)
        self._client.loop_start()

    def publish(self, topic: str, payload: bytes, *, retain: bool) -> int | None:
        """Send at QoS 1; `Delivered` with this mid follows. None if the connection is no longer there."""
        info = self._client.publish(topic, payload, qos=1, retain=retain)
        return info.mid if info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS else None

    def acknowledge(self, mid: int) -> None:
        """The message that arrived with this mid is dealt with: send its PUBACK, if it had one coming."""
        self._waiting.discard(mid)
        if mid > 0:
            self._client.ack(mid, 1)

    def is_certified_at(self, wall: float) -> bool:
        """Whether the broker's certificate, and the CA's, are valid at this Unix time."""
        return are_dates_right(self._certificates, wall)

    def close(self, reason: str) -> None:
        """Say goodbye such that the broker publishes the will; `Ended` follows if the network lets it."""
        self._reason = self._reason or reason
        self._client.disconnect(ReasonCode(PacketTypes.DISCONNECT, "Disconnect with will message"))

    def abandon(self) -> None:
        """Cut a connection that does not end by itself, or that is still looking for its broker."""
        self._is_abandoned = True
        stuck: Any = self._client.socket()
        if stuck is not None:
            with suppress(OSError):
                stuck.shutdown(socket.SHUT_RDWR)

    def release(self) -> None:
        """It has ended: let go of paho's sockets now, not when garbage is collected. Nothing may be called
        after this."""
        del self._client

    def _new_client(self, will: bytes) -> "_Client":
        client = _Client(self._ended, self._address.device_id)
        client.connect_timeout = CONNECT_TIMEOUT_S
        client.username_pw_set(self._address.device_id)
        client.tls_set_context(self._address.tls)
        client.will_set(self._address.will_topic, will, qos=1, retain=True)
        client.on_socket_open = self._on_socket_open
        client.on_connect = self._guarded(self._on_connect)
        client.on_subscribe = self._guarded(self._on_subscribe)
        client.on_message = self._guarded(self._on_message)
        client.on_publish = self._guarded(self._on_publish)
        client.on_disconnect = self._guarded(self._on_disconnect)
        return client

    def _guarded(self, callback: Callable[..., None]) -> Callable[..., None]:
        """A callback that cannot raise: an exception would end paho's thread with the socket still open."""

        def guarded(*args: Any) -> None:
            try:
                callback(*args)
            except Exception:  # noqa: BLE001 - see above; whatever it was, the next message must still arrive
                _log.exception("a message of the broker could not be handled")

        return guarded

    def _on_socket_open(self, _client: Any, _data: Any, opened: Any) -> None:
        # Not guarded: this one runs while connecting, where an OSError is the way to give up.
        if self._is_abandoned:
            raise ConnectionAbortedError("given up meanwhile")
        self._certificates = [opened.getpeercert(), *self._address.tls.get_ca_certs()]
        # Nagle's algorithm against delayed acknowledgements costs 40 ms a message.
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _on_connect(
        self, client: mqtt.Client, _data: Any, _flags: Any, code: ReasonCode, properties: Properties
    ) -> None:
        self._is_answered = True
        if code.is_failure:
            self._reason = f"the broker refused: {code}"
            return
        self._packet_limit = getattr(properties, "MaximumPacketSize", PACKET_LIMIT_BYTES)
        self._window = min(IN_FLIGHT, getattr(properties, "ReceiveMaximum", IN_FLIGHT))
        client.subscribe(
            [(topic, _subscription(retained)) for topic, retained in self._address.subscriptions]
        )

    def _on_subscribe(
        self, _client: Any, _data: Any, _mid: int, codes: list[ReasonCode], _props: Any
    ) -> None:
        refused = [str(code) for code in codes if code.is_failure]
        if refused:
            self.close(f"the broker refused a subscription: {refused[0]}")
        else:
            self._post(Opened(self._number, self._packet_limit, self._window))

    def _on_message(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""  # refused as unknown, and acknowledged, like any other
        key = message.mid if message.qos else next(self._unnumbered)
        self._waiting.add(key)
        if len(self._waiting) > WAITING_LIMIT:
            self.close("the broker sends more than it may")
            return
        self._post(Arrived(self._number, key, topic, bytes(message.payload), message.retain, self._now()))

    def _on_publish(self, _client: Any, _data: Any, mid: int, code: ReasonCode, _properties: Any) -> None:
        self._post(Delivered(self._number, mid, str(code) if code.is_failure else ""))

    def _on_disconnect(
        self, _client: Any, _data: Any, flags: mqtt.DisconnectFlags, code: ReasonCode, _props: Any
    ) -> None:
        if flags.is_disconnect_packet_from_server:
            self._reason = self._reason or f"the broker ended it: {code}"

    def _ended(self, error: BaseException | None) -> None:
        fault = "" if error is None else str(error) or type(error).__name__
        # A refused certificate often shows as nothing but a closed line: TLS 1.3 tells the client late.
        lost = "connection lost" if self._is_answered else NO_ANSWER
        self._post(Ended(self._number, self._reason or fault or lost))


class _Client(mqtt.Client):
    """paho's client, which tells when its thread ends, tries once only, and takes no packet of any size."""

    def __init__(self, ended: Callable[[BaseException | None], None], device_id: str) -> None:
        super().__init__(
            CallbackAPIVersion.VERSION2,
            client_id=device_id,
            protocol=mqtt.MQTTv5,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        self._ended = ended
        self._fault: OSError | None = None

    def loop_forever(self, timeout: float = 1.0, retry_first_connection: bool = False) -> MQTTErrorCode:
        """What paho's thread runs; it asks to retry by itself, but that is the session's to decide."""
        del retry_first_connection
        error: BaseException | None = None
        try:
            return super().loop_forever(timeout, retry_first_connection=False)
        except (OSError, ValueError) as fault:  # no route, no such host, not our CA, no certificate of ours
            error = fault
            return MQTTErrorCode.MQTT_ERR_CONN_LOST
        finally:
            self._ended(error or self._fault or sys.exception())

    def _sock_recv(self, bufsize: int) -> bytes:
        # paho would read a packet of 256 MB that a hostile broker announces, whatever limit we sent.
        if bufsize > PACKET_LIMIT_BYTES:
            self._fault = ConnectionAbortedError("the broker sent a packet that is too large")
            raise self._fault
        try:
            return super()._sock_recv(bufsize)
        except BlockingIOError:
            raise
        except OSError as fault:  # a TLS alert, for one: paho would log it for nobody
            self._fault = fault
            raise


def _subscription(wants_retained: bool) -> SubscribeOptions:
    # Retained as published: a message that was kept must look kept, even when it comes in live.
    handling = (
        SubscribeOptions.RETAIN_SEND_ON_SUBSCRIBE if wants_retained else SubscribeOptions.RETAIN_DO_NOT_SEND
    )
    return SubscribeOptions(qos=1, retainAsPublished=True, retainHandling=handling)
