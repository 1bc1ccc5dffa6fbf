"""A paho client for tests that remembers everything it was told."""

import socket
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client as Paho
from paho.mqtt.client import ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from tests.broker.certificates import Authority, Files
from tests.waiting import wait_for


def up(door: str, topic: str = "events") -> str:
    return f"lock/v1/{door}/up/{topic}"


def down(door: str, topic: str = "bucket") -> str:
    return f"lock/v1/{door}/down/{topic}"


def properties(kind: int, values: dict[str, Any]) -> Properties:
    """paho's properties of one packet type; `values` by paho's names."""
    made = Properties(kind)  # type: ignore[no-untyped-call]  # paho leaves it untyped
    for name, value in values.items():
        setattr(made, name, value)
    return made


class Client:
    """One identity. Everything it received is in `messages`; a lost connection is not made again."""

    def __init__(
        self, ca: Path, port: int, identity: str, certificate: Files | None, manual_ack: bool = False
    ) -> None:
        self.messages: list[MQTTMessage] = []
        self.connected: ReasonCode | None = None
        self.connack: dict[str, Any] = {}
        self.is_session_present = False
        self.disconnected: ReasonCode | None = None
        self._answers: dict[int, list[ReasonCode]] = {}
        self._port = port
        self.paho = Paho(
            CallbackAPIVersion.VERSION2,
            client_id=identity,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
            manual_ack=manual_ack,
        )
        files = (str(certificate.certificate), str(certificate.key)) if certificate else (None, None)
        self.paho.tls_set(ca_certs=str(ca), certfile=files[0], keyfile=files[1])
        self.paho.on_connect = self._on_connect
        self.paho.on_disconnect = self._on_disconnect
        self.paho.on_message = lambda _client, _userdata, message: self.messages.append(message)
        self.paho.on_publish = self._on_answer
        self.paho.on_subscribe = self._on_answers
        self.paho.on_unsubscribe = self._on_answers

    def will(self, topic: str, payload: bytes = b"offline", **values: Any) -> "Client":
        made = properties(PacketTypes.WILLMESSAGE, values)
        self.paho.will_set(topic, payload, qos=1, properties=made)
        return self

    def open(self, clean_start: bool = True, keepalive: int = 60, **values: Any) -> "Client":
        """Connect without waiting for an answer."""
        made = properties(PacketTypes.CONNECT, values)
        self.paho.connect("127.0.0.1", self._port, keepalive, clean_start=clean_start, properties=made)
        self.paho.loop_start()
        return self

    def connect(self, clean_start: bool = True, **values: Any) -> "Client":
        """Connect and be let in."""
        self.open(clean_start, **values)
        wait_for(lambda: self.connected, what="CONNACK")
        assert self.connected is not None
        assert not self.connected.is_failure, self.connected
        return self

    def publish(
        self, topic: str, payload: bytes = b"x", qos: int = 1, retain: bool = False, **values: Any
    ) -> ReasonCode:
        """Publish and return what the broker answered (QoS 0: that it was sent)."""
        made = properties(PacketTypes.PUBLISH, values)
        sent = self.paho.publish(topic, payload, qos, retain, made)
        return self._answer(sent.mid)

    def subscribe(self, topic_filter: str, **options: Any) -> ReasonCode:
        """Subscribe with QoS 1 and return what the broker answered."""
        _, mid = self.paho.subscribe(topic_filter, options=SubscribeOptions(qos=1, **options))
        assert mid is not None
        return self._answer(mid)

    def unsubscribe(self, topic_filter: str) -> ReasonCode:
        _, mid = self.paho.unsubscribe(topic_filter)
        assert mid is not None
        return self._answer(mid)

    def received(self, count: int = 1) -> list[MQTTMessage]:
        """The messages, when there are `count` of them."""
        wait_for(lambda: len(self.messages) >= count, what=f"{count} messages")
        return list(self.messages)

    def payloads(self, count: int = 1) -> list[bytes]:
        return [bytes(message.payload) for message in self.received(count)]

    def is_gone(self) -> bool:
        return self.disconnected is not None

    def close(self) -> None:
        """Say goodbye and wait until the connection is closed."""
        if not self.is_gone() and self.connected is not None:
            self.paho.disconnect()
            wait_for(self.is_gone, what="the end of the connection")
        self.paho.loop_stop()

    def vanish(self) -> None:
        """Be gone without a goodbye, as when the cable is cut."""
        sock = self.paho.socket()
        if sock is not None:
            assert isinstance(sock, socket.socket)
            sock.shutdown(socket.SHUT_RDWR)
        wait_for(self.is_gone, what="the end of the connection")
        self.paho.loop_stop()

    def _answer(self, mid: int) -> ReasonCode:
        wait_for(lambda: mid in self._answers, what=f"the answer to packet {mid}")
        return self._answers.pop(mid)[0]

    def _on_connect(
        self, _client: Paho, _userdata: Any, flags: ConnectFlags, reason: ReasonCode, told: Properties | None
    ) -> None:
        self.is_session_present = flags.session_present
        self.connack = told.json() if told is not None else {}  # type: ignore[no-untyped-call]  # paho leaves it untyped
        self.connected = reason

    def _on_disconnect(
        self, _client: Paho, _userdata: Any, _flags: DisconnectFlags, reason: ReasonCode, _: Properties | None
    ) -> None:
        self.disconnected = reason

    def _on_answer(self, _client: Paho, _userdata: Any, mid: int, reason: ReasonCode, _: Properties) -> None:
        self._answers[mid] = [reason]

    def _on_answers(
        self, _client: Paho, _userdata: Any, mid: int, reasons: list[ReasonCode], _: Properties | None
    ) -> None:
        self._answers[mid] = reasons


class Site:
    """Makes clients of one broker and closes them all in the end."""

    def __init__(self, authority: Authority, port: int) -> None:
        self.port = port
        self._authority = authority
        self._clients: list[Client] = []

    def client(self, identity: str, *, client_id: str | None = None, manual_ack: bool = False) -> Client:
        """A client with a certificate for `identity`, not connected yet."""
        certificate = self._authority.client(identity)
        return self._made(
            Client(self._authority.ca, self.port, client_id or identity, certificate, manual_ack)
        )

    def stranger(self, identity: str, certificate: Files | None) -> Client:
        """A client with somebody else's certificate, or with none."""
        return self._made(Client(self._authority.ca, self.port, identity, certificate))

    def close(self) -> None:
        for client in self._clients:
            client.close()

    def _made(self, client: Client) -> Client:
        self._clients.append(client)
        return client
