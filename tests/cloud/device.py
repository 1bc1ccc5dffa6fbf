"""A lock as the cloud sees one: enrols, signs, publishes, remembers what it is told."""

import ssl
import time
import urllib.request
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import paho.mqtt.client as mqtt
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc.jwk import OKPKey
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.subscribeoptions import SubscribeOptions

from agent.core import code_set
from agent.enrol import NewKeys, make_csr, new_keys
from agent.enrol_exchange import (
    Answer,
    Request,
    open_answer,
    public_jwk,
    read_invitation,
    spki,
    write_request,
)
from agent.envelope import Message, Opener, Refusal, Signer
from agent.jose import kid_of
from agent.messages import Codes, Manifest, Status, topic
from cloud_sim.journal import row_hash
from tests.cloud.site import Api
from tests.waiting import wait_for

EPOCH = "0123456789abcdef"


def enrolment_request(invitation_line: str, keys: NewKeys, **changed: Any) -> tuple[str, bytes]:
    """(url, body) of the request that answers an invitation; `changed` fields make it a wrong one."""
    invitation = read_invitation(invitation_line)
    csr = make_csr(keys.tls, changed.pop("csr_name", invitation.device_id))
    request = Request(
        device_id=changed.pop("device_id", invitation.device_id),
        identity=public_jwk(keys.identity),
        sealing=public_jwk(keys.sealing),
        csr=csr.public_bytes(Encoding.PEM).decode(),
        iat=int(time.time()),
    )
    signer, token = changed.pop("signed_by", keys.identity), changed.pop("token", invitation.token)
    return invitation.url, write_request(request, signer, token)


@dataclass(slots=True)
class Device:
    """One enrolled lock. `heard` holds every message it opened, with the stream it came on."""

    device_id: str
    keys: NewKeys
    answer: Answer
    directory: Path
    sid: str = field(default_factory=lambda: uuid.uuid4().hex)
    heard: list[Message] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    raw: list[tuple[str, bytes]] = field(default_factory=list)
    client: mqtt.Client | None = None

    @property
    def signer(self) -> Signer:
        return Signer(self.device_id, self.keys.identity)

    def connect(self) -> "Device":
        """Connect to the broker and subscribe to everything that is for this lock."""
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=self.device_id, protocol=mqtt.MQTTv5)
        client.tls_set_context(self._tls())
        client.on_message = self._on_message
        client.on_connect = lambda c, *_: c.subscribe(
            f"lock/v1/{self.device_id}/down/+", options=SubscribeOptions(qos=1)
        )
        subscribed: list[int] = []
        client.on_subscribe = lambda _c, _d, mid, *_: subscribed.append(mid)
        address = urlsplit(self.answer.mqtt_url)
        client.connect(address.hostname or "", address.port or 0)
        client.loop_start()
        wait_for(lambda: subscribed, what="the device's subscription")
        self.client = client
        return self

    def close(self) -> None:
        if self.client is not None:
            self.client.disconnect()
            self.client.loop_stop()

    def say(self, stream: str, body: msgspec.Struct | dict[str, Any], *, sid: str | None = None) -> None:
        """Publish one signed message."""
        raw = self.signer.sign(stream, body, iat=int(time.time()), id=str(uuid.uuid4()), sid=sid)
        self.publish(stream, raw)

    def publish(self, stream: str, raw: bytes, device_id: str | None = None) -> None:
        """Publish raw bytes and wait until the broker has them."""
        assert self.client is not None
        to = topic(device_id or self.device_id, "up", stream)
        self.client.publish(to, raw, qos=1, retain=stream in ("status", "codes")).wait_for_publish(10)

    def status(self, *, online: bool = True, sid: str | None = None, **fields: Any) -> None:
        self.say("status", Status(online=online, sid=sid or self.sid, set_epoch=1, **fields), sid=self.sid)

    def events(self, rows: list[dict[str, Any]], epoch: str = EPOCH) -> None:
        self.say("events", {"journal_epoch": epoch, "rows": rows})

    def last(self, stream: str) -> Message | None:
        return next((message for message in reversed(self.heard) if message.stream == stream), None)

    def manifest(self, rev: int) -> Manifest:
        """The manifest of that revision, once it comes."""
        message = wait_for(lambda: self._manifest(rev), what=f"manifest {rev}")
        assert message is not None
        return msgspec.json.decode(message.body, type=Manifest)

    def _manifest(self, rev: int) -> Message | None:
        message = self.last("desired")
        return message if message is not None and message.rev == rev else None

    def bucket_rows(self, rev: int, need: list[int]) -> list[dict[str, Any]]:
        """Ask for buckets and wait for all their parts; the rows, digits included."""
        before = len(self.heard)
        self.say("request", {"type": "buckets", "rev": rev, "need": need})
        wait_for(lambda: _is_complete(self._parts(before), need), what="all parts")
        return [row for part in self._parts(before) for row in part["rows"]]

    def _parts(self, before: int) -> list[dict[str, Any]]:
        heard = self.heard[before:]
        return [msgspec.json.decode(message.body) for message in heard if message.stream == "bucket"]

    def apply(self, rev: int, root: str | None = None, **constraints: Any) -> None:
        """Report to hold the set of that revision, and what codes this lock takes."""
        manifest = self.manifest(rev)
        self.say(
            "codes",
            Codes(
                set_epoch=1,
                rev=rev,
                root=root or manifest.root,
                count=manifest.count,
                capacity=10_000,
                constraints=constraints,
            ),
        )

    def acked(self, epoch: str = EPOCH) -> int:
        """The highest acknowledgement of a journal so far; -1 for none."""
        acks = [msgspec.json.decode(m.body) for m in self.heard if m.stream == "ack"]
        return max((ack["upto"] for ack in acks if ack["journal_epoch"] == epoch), default=-1)

    def _on_message(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        stream = message.topic.rpartition("/")[2]
        cloud = OKPKey.import_key({**self.answer.cloud_signing})
        opener = Opener(self.device_id, {kid_of(cloud): cloud}, self.keys.sealing)
        payload = bytes(message.payload)
        self.raw.append((message.topic, payload))
        opened = opener.open(payload, stream, int(time.time()))
        if isinstance(opened, Refusal):
            self.refused.append(opened)
        else:
            self.heard.append(opened)

    def _tls(self) -> ssl.SSLContext:
        files = {"ca.pem": self.answer.ca.encode(), "own.pem": self.answer.certificate.encode()}
        files["key.pem"] = self.keys.tls.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self.directory.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (self.directory / name).write_bytes(content)
        context = ssl.create_default_context(cafile=str(self.directory / "ca.pem"))
        context.load_cert_chain(self.directory / "own.pem", self.directory / "key.pem")
        return context


def _is_complete(parts: list[dict[str, Any]], need: list[int]) -> bool:
    got = {(part["index"], part["part"]) for part in parts}
    sizes = {part["index"]: part["parts"] for part in parts}
    return all((index, number) in got for index in need for number in range(sizes.get(index, 1)))


def enrol(api: Api, directory: Path, invitation: str | None = None) -> Device:
    """Invite and enrol a new lock over HTTP, with real keys."""
    line = invitation or api.post("/invitations", name="Front door").body["invitation"]
    keys = new_keys()
    url, body = enrolment_request(line, keys)
    with urllib.request.urlopen(urllib.request.Request(url, body), timeout=10) as response:
        raw = response.read()
    terms = read_invitation(line)
    csr = make_csr(keys.tls, terms.device_id)
    answer = open_answer(raw, terms, kid_of(keys.identity), spki(csr))
    return Device(answer.device_id, keys, answer, directory / answer.device_id)


def journal_rows(*kinds: tuple[str, dict[str, Any]], epoch: str = EPOCH) -> list[dict[str, Any]]:
    """Rows 1, 2, 3 ... of a journal with a sound chain."""
    rows: list[dict[str, Any]] = []
    previous = epoch
    for seq, (kind, detail) in enumerate(kinds, start=1):
        row: dict[str, Any] = {
            "seq": seq,
            "boot": "b",
            "boottime_ms": seq,
            "wall_ms": 1_900_000_000_000 + seq,
        }
        row |= {"clock": "trusted", "kind": kind, "detail": detail}
        previous = row_hash(previous, row)
        rows.append({**row, "hash": previous})
    return rows


def manifest_of(rows: list[dict[str, Any]], device_id: str, rev: int, buckets: int) -> str:
    """The root a lock computes over rows it fetched."""
    by_id = {row["access_code_id"]: code_set.canonical(row) for row in rows}
    return code_set.root(device_id, 1, rev, code_set.bucket_digests(by_id, buckets))
