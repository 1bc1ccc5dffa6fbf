"""The cloud's connection to the broker: MQTT 5 over mutual TLS, kept up for ever.

paho's network thread only hands over to the event loop; everything else here runs on the loop's thread.
"""

import asyncio
import contextlib
import logging
import random
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from agent.messages import TOPIC_ROOT
from cloud_sim.authority import CLOUD_NAME
from cloud_sim.state_directory import StateDirectory

DEFAULT_PORT = 8883
KEEPALIVE_S = 30
SESSION_EXPIRY_S = 3600
RECEIVE_MAXIMUM = 20
MAXIMUM_PACKET_BYTES = 64 * 1024
INFLIGHT = 10
RETRY_LEAST_S, RETRY_MOST_S = 0.2, 5.0
"""Short, unlike a lock's: there is one cloud, so no herd of them falls upon a broker that comes back."""
STABLE_S = 60.0
THREAD_CHECK_S = 5.0

_log = logging.getLogger(__name__)


class BadAddress(Exception):
    """The broker's URL cannot be used; the message says what one looks like."""


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where the broker is."""

    host: str
    port: int


def parse_address(url: str) -> BrokerAddress:
    """Read `mqtts://host:port`. Raises BadAddress."""
    try:
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORT
    except ValueError:
        raise BadAddress("the broker's port must be a number up to 65535: mqtts://host:port") from None
    if parts.scheme != "mqtts" or not parts.hostname:
        raise BadAddress(f"the broker's address must be mqtts://host:port, not {url!r}")
    return BrokerAddress(parts.hostname, port)


def client_tls(state: StateDirectory) -> ssl.SSLContext:
    """TLS 1.3 that trusts our authority alone and shows the cloud's certificate."""
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=str(state.ca))
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(state.client_certificate, state.client_key)
    return context


class Listener(Protocol):
    """Who is told what happens on the link; on the loop's thread."""

    def connected(self) -> None:
        """A session began; nothing that was in flight before counts."""

    def received(self, topic: str, payload: bytes, *, is_retained: bool) -> None:
        """A message came; it is acknowledged to the broker when this returns, not when it raises."""

    def published(self, mid: int) -> None:
        """The broker took the message with this id."""


@dataclass(slots=True)
class MqttLink:
    """One connection at a time; a lost one is replaced after a short wait with jitter."""

    address: BrokerAddress
    tls: ssl.SSLContext
    is_up: bool = field(default=False, init=False)
    _client: mqtt.Client | None = field(default=None, init=False)
    _over: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _why: str = field(default="", init=False)

    async def run(self, listener: Listener) -> None:
        """Keep connected until cancelled. Faults of network and broker are logged and waited out."""
        attempt = 0
        while True:
            began = asyncio.get_running_loop().time()
            why = await self._session(listener)
            attempt = 0 if asyncio.get_running_loop().time() - began > STABLE_S else attempt + 1
            wait_s = random.uniform(RETRY_LEAST_S, min(RETRY_MOST_S, 2.0 ** min(attempt, 10)))
            _log.warning(
                "no broker at %s:%d (%s); next try in %.1f s",
                self.address.host,
                self.address.port,
                why,
                wait_s,
            )
            await asyncio.sleep(wait_s)

    def publish(self, topic: str, payload: bytes, *, retain: bool, expiry_s: int | None = None) -> int | None:
        """Hand a message to the broker, QoS 1; its id, or None while there is no session (paho would queue
        it, and what is true then is sent on connecting anyway). The broker drops it after `expiry_s`."""
        if not self.is_up or self._client is None:
            return None
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho leaves it untyped
        if expiry_s is not None:
            properties.MessageExpiryInterval = expiry_s
        return self._client.publish(topic, payload, qos=1, retain=retain, properties=properties).mid

    async def _session(self, listener: Listener) -> str:
        """One connection from its beginning to its end; returns why it ended."""
        self._over.clear()
        client = self._new_client(asyncio.get_running_loop(), listener)
        try:
            await asyncio.to_thread(self._connect, client)
        except OSError as error:
            return str(error)
        client.loop_start()
        try:
            await self._until_over()
        finally:
            self.is_up = False
            client.disconnect()  # first: loop_stop alone waits for every message in flight
            await asyncio.to_thread(client.loop_stop)
        return self._why

    async def _until_over(self) -> None:
        name = f"paho-mqtt-client-{CLOUD_NAME}"
        while not self._over.is_set():
            # A bug can end paho's thread without a word, and is_connected() would still say yes.
            if all(thread.name != name for thread in threading.enumerate()):
                self._end("the network thread died")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), THREAD_CHECK_S)

    def _connect(self, client: mqtt.Client) -> None:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho leaves it untyped
        properties.SessionExpiryInterval = SESSION_EXPIRY_S
        properties.ReceiveMaximum = RECEIVE_MAXIMUM
        properties.MaximumPacketSize = MAXIMUM_PACKET_BYTES
        host, port = self.address.host, self.address.port
        client.connect(host, port, KEEPALIVE_S, clean_start=False, properties=properties)

    def _new_client(self, loop: asyncio.AbstractEventLoop, listener: Listener) -> mqtt.Client:
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=CLOUD_NAME,
            protocol=mqtt.MQTTv5,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.tls_set_context(self.tls)
        client.max_inflight_messages_set(INFLIGHT)

        def hand_over(work: Callable[..., None], *arguments: Any) -> None:
            # A callback that raises kills paho's thread; a loop that is closed needs no more messages.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(work, *arguments)

        client.on_socket_open = lambda _client, _data, sock: _no_delay(sock)
        client.on_connect = lambda _client, _data, _flags, reason, _properties: hand_over(
            self._connected, client, listener, reason
        )
        client.on_disconnect = lambda _client, _data, _flags, reason, _properties: hand_over(
            self._end, f"connection lost: {reason}"
        )
        client.on_publish = lambda _client, _data, mid, reason, _properties: hand_over(
            self._published, listener, mid, reason
        )
        client.on_message = lambda _client, _data, message: hand_over(
            self._received, client, listener, message
        )
        return client

    def _connected(self, client: mqtt.Client, listener: Listener, reason: Any) -> None:
        if reason.is_failure:
            self._end(f"refused: {reason}")
            return
        _log.info("connected to the broker at %s:%d", self.address.host, self.address.port)
        self._client, self.is_up = client, True
        client.subscribe(f"{TOPIC_ROOT}/+/up/+", options=SubscribeOptions(qos=1))
        listener.connected()

    def _end(self, why: str) -> None:
        self._why, self.is_up = why, False
        self._over.set()

    def _published(self, listener: Listener, mid: int, reason: Any) -> None:
        if reason.is_failure:
            _log.error("the broker refused a message: %s; does its ACL let %s write?", reason, CLOUD_NAME)
        listener.published(mid)

    def _received(self, client: mqtt.Client, listener: Listener, message: mqtt.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""  # refused like any other that is not ours
        listener.received(topic, bytes(message.payload), is_retained=message.retain)
        client.ack(message.mid, message.qos)


def _no_delay(sock: Any) -> None:
    # Without it a request and its answer take 90 ms instead of 1 ms (Nagle against delayed ACK).
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
