"""A door's uplink with what it posts, and the cloud's end of the same wire."""

import json
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from tempfile import NamedTemporaryFile
from typing import Any, TypeVar
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from paho.mqtt.enums import CallbackAPIVersion

from agent.enrol import enrol
from agent.enrol_exchange import AcceptedRequest, write_invitation
from agent.enrolment import Enrolment, load_enrolment
from agent.envelope import Message, Opener, Signer, kid_of
from agent.messages import BucketPart, Request, RowsWanted, UplinkChanged, UplinkSignal, topic
from agent.secrets import RootSecret
from agent.uplink import Backoff, Uplink
from tests.uplink.cable import Cable
from tests.uplink.clouds import DEVICE, Authority, Cloud
from tests.waiting import wait_for

ROOT = RootSecret(bytes(32), "in a test")
EPOCH = "00112233445566aa"
Post = Callable[[UplinkSignal], None]
Signal = TypeVar("Signal", bound=UplinkSignal)


@dataclass
class Door:
    """An enrolled door: its uplink, what the uplink posted, and the cloud that enrolled it."""

    cloud: Cloud
    request: AcceptedRequest
    enrolment: Enrolment
    uplink: Uplink
    posted: list[UplinkSignal] = field(default_factory=list)

    def all_of(self, kind: type[Signal]) -> list[Signal]:
        return [signal for signal in list(self.posted) if isinstance(signal, kind)]

    def wait_for(self, kind: type[Signal], count: int = 1) -> Signal:
        """The `count`-th signal of a kind."""
        return wait_for(lambda: self.all_of(kind)[count - 1 :], what=f"{count} {kind.__name__}")[0]

    def changes(self, *, is_up: bool) -> list[UplinkChanged]:
        return [change for change in self.all_of(UplinkChanged) if change.is_up == is_up]

    def wait_up(self, count: int = 1) -> UplinkChanged:
        return wait_for(lambda: self.changes(is_up=True)[count - 1 :], 20, "the uplink to come up")[0]

    def wait_down(self, count: int = 1) -> UplinkChanged:
        return wait_for(lambda: self.changes(is_up=False)[count - 1 :], 20, "the uplink to go down")[0]


def enrolled_door(directory: Path, cloud: Cloud, post: Post | None = None, **options: Any) -> Door:
    """Enrol over HTTP, and make the uplink; `options` are the Uplink's."""
    server = cloud.serve()
    enrol(directory, ROOT, write_invitation(cloud.invitation()), 1, again=False)
    server.shutdown()
    server.server_close()
    request, enrolment = cloud.requests[-1], load_enrolment(directory, ROOT)
    assert isinstance(request, AcceptedRequest)
    posted: list[UplinkSignal] = []
    defaults: dict[str, Any] = {"journal_epoch": EPOCH, "backoff": Backoff(first_s=0.1, cap_s=0.5)}
    uplink = Uplink(enrolment, post or posted.append, **(defaults | options))
    uplink.status({"agent_version": "1", "clock": "trusted"})
    return Door(cloud, request, enrolment, uplink, posted)


@dataclass
class Heard:
    """One message of the lock as the cloud received it."""

    stream: str
    message: Message
    is_retained: bool

    @property
    def body(self) -> dict[str, Any]:
        decoded: dict[str, Any] = json.loads(bytes(self.message.body))
        return decoded


class CloudEnd:
    """The cloud's MQTT client: signs like the cloud, and opens and keeps what the lock says."""

    def __init__(self, door: Door, url: str) -> None:
        self._authority = door.cloud.authority
        self.signer = Signer(DEVICE, door.cloud.signing)
        self._sealing = door.request.sealing
        self._opener = Opener(DEVICE, {kid_of(door.request.identity): door.request.identity})
        self._url = urlsplit(url)
        self.heard: list[Heard] = []
        self._subscribed: SimpleQueue[bool] = SimpleQueue()
        self.client = self._new_client("cloud")

    def connect(self) -> None:
        self.client.connect(self._url.hostname or "", self._url.port or 0)
        self.client.loop_start()
        self._subscribed.get(timeout=10)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def say(self, stream: str, body: dict[str, Any], *, retain: bool = False, **claims: Any) -> None:
        """Publish one genuine signed message."""
        given: dict[str, Any] = {"iat": 1, "id": "x"} | claims
        self.send(stream, self.signer.sign(stream, body, **given), retain=retain)

    def say_bucket(self, rows: Sequence[dict[str, Any]], rev: int) -> None:
        part = BucketPart(index=0, part=0, parts=1, rows=list(rows))
        self.send("bucket", self.signer.seal("bucket", part, self._sealing, iat=1, set_epoch=1, rev=rev))

    def send(self, stream: str, raw: bytes, *, retain: bool = False) -> None:
        """Publish anything at all."""
        self.client.publish(topic(DEVICE, "down", stream), raw, qos=1, retain=retain)

    def all_of(self, stream: str) -> list[Heard]:
        return [heard for heard in list(self.heard) if heard.stream == stream]

    def wait_for(self, stream: str, count: int = 1) -> Heard:
        return wait_for(lambda: self.all_of(stream)[count - 1 :], 20, f"{count} {stream} at the cloud")[0]

    def kept_by_the_broker(self) -> list[Heard]:
        """The retained messages of the lock."""
        late = self._new_client("cloud")
        before = len(self.heard)
        self.close()
        late.connect(self._url.hostname or "", self._url.port or 0)
        late.loop_start()
        self._subscribed.get(timeout=10)
        wait_for(lambda: len(self.heard) >= before + 2, what="what the broker keeps")
        self.client = late
        return self.heard[before:]

    def seqs(self) -> list[int]:
        """The seq of every journal row received, in order."""
        return [row["seq"] for events in self.all_of("events") for row in events.body["rows"]]

    def _new_client(self, name: str) -> mqtt.Client:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=mqtt.MQTTv5)
        client.max_inflight_messages_set(10)
        client.tls_set_context(_cloud_tls(self._authority))
        client.on_connect = lambda client, *_: client.subscribe("lock/v1/+/up/#", qos=1)
        client.on_subscribe = lambda *_: self._subscribed.put(True)
        client.on_message = lambda _c, _d, message: self._receive(message)
        return client

    def _receive(self, message: mqtt.MQTTMessage) -> None:
        stream = message.topic.rpartition("/")[2]
        opened = self._opener.open(bytes(message.payload), stream, None)
        assert isinstance(opened, Message), opened
        self.heard.append(Heard(stream, opened, message.retain))


def ask_again(door: Door, cloud_end: CloudEnd) -> None:
    """Wait until the uplink has done all it was told before: a question goes to the cloud in its turn."""
    count = len(cloud_end.all_of("request"))
    door.uplink.request(Request(type="time", nonce="anything"))
    cloud_end.wait_for("request", count + 1)


def rows(first: int, last: int, size: int = 10) -> list[dict[str, Any]]:
    return [{"seq": seq, "kind": "test", "detail": "x" * size} for seq in range(first, last + 1)]


def answer(door: Door, number: int, last: int, size: int = 10) -> RowsWanted:
    """Answer the `number`-th RowsWanted from a journal of `last` rows."""
    wanted = door.wait_for(RowsWanted, number)
    door.uplink.rows(
        wanted.after_seq, rows(wanted.after_seq + 1, min(wanted.after_seq + wanted.limit, last), size)
    )
    return wanted


def reconnect(door: Door, cable: Cable) -> None:
    ups, downs = (len(door.changes(is_up=is_up)) for is_up in (True, False))
    cable.cut()
    door.wait_down(downs + 1)
    cable.plug_in()
    door.wait_up(ups + 1)


def _cloud_tls(authority: Authority) -> ssl.SSLContext:
    key = generate_private_key(SECP256R1())
    with NamedTemporaryFile() as both:
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        both.write(pem + authority.certify("cloud", key.public_key()).public_bytes(Encoding.PEM))
        both.flush()
        ca = authority.certificate().public_bytes(Encoding.PEM).decode()
        context = ssl.create_default_context(cadata=ca)
        context.load_cert_chain(both.name)
    return context
