"""Whoever owns the broker can say anything to a lock, and gets nothing for it but a line in its journal."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from joserfc.jwk import OKPKey

from agent import jose
from agent.core import code_set
from agent.envelope import Signer
from agent.messages import MESSAGE_LIMIT_BYTES, Ack, BucketPart, Manifest
from cloud_sim.authority import load
from cloud_sim.state_directory import StateDirectory
from firmware_sim.site_directory import SiteDirectory
from firmware_sim.site_processes import Site, SiteOptions
from tests.broker.certificates import Files
from tests.broker.client import Client, down
from tests.process.doors import Code, Door
from tests.waiting import wait_for

pytestmark = pytest.mark.process


class Intruder:
    """Owns the broker: has the certificate of the cloud there, and all that was ever sent; no key of it."""

    def __init__(self, directory: Path) -> None:
        site = Site(SiteDirectory(directory).acquire(), SiteOptions(doors=0))
        self._site = site
        site.start()
        self.door, self.neighbour = Door(site, 1), Door(site, 2)
        for door in (self.door, self.neighbour):
            door.start()
        self.code: Code = self.door.new_codes(1)[0]
        self.neighbour.new_codes(1)
        wait_for(lambda: self.door.status()["clock"]["trust"] == "trusted")
        self.signing_key = load(StateDirectory(site.directory.cloud)).keyring.signing
        site.children.pop("cloud").kill()
        state = StateDirectory(site.directory.cloud)
        port = int(site.record.mqtt_url.rpartition(":")[2])
        files = Files(state.client_certificate, state.client_key)
        self._client = Client(state.ca, port, "cloud", files).connect()
        self._client.subscribe("lock/v1/+/down/desired")
        self._client.received(2)
        kept = {message.topic: message.payload for message in self._client.messages}
        self.manifest = bytes(kept[down(self.door.device_id, "desired")])
        self.neighbours_manifest = bytes(kept[down(self.neighbour.device_id, "desired")])

    def say(self, stream: str, payload: bytes, retain: bool = False) -> None:
        """Say it to the door."""
        self._client.publish(down(self.door.device_id, stream), payload, retain=retain)

    def refusals(self) -> list[tuple[str, str]]:
        """What the door says it did not believe."""
        rows = [row["detail"] for row in self.door.rows() if row["kind"] == "message_refused"]
        return [(row["stream"], row["reason"]) for row in rows]

    def close(self) -> None:
        """End everything."""
        self._client.close()
        for door in (self.door, self.neighbour):
            door.close()
        self._site.stop()
        self._site.directory.release()


@pytest.fixture(scope="module")
def intruder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Intruder]:
    """One intruder for all attacks: after each the door must be as it was."""
    made = Intruder(tmp_path_factory.mktemp("street"))
    yield made
    made.close()


def forged(intruder: Intruder) -> bytes:
    """Signed by a key of his own."""
    ack = Ack(journal_epoch=intruder.door.status()["journal"]["epoch"], upto=1)
    return Signer(intruder.door.device_id, jose.new_signing_key()).sign("ack", ack, iat=1_790_000_000, id="x")


def altered(intruder: Intruder) -> bytes:
    """The genuine manifest with another claim inside."""
    head, claims, signature = intruder.manifest.split(b".")
    return b".".join((head, claims[:-6] + (b"AAAAAA" if claims[-6:] != b"AAAAAA" else b"BBBBBB"), signature))


def readable_bucket(intruder: Intruder) -> bytes:
    """Signed by the cloud itself, but for everybody to read."""
    part = BucketPart(index=0, part=0, parts=1, rows=[])
    signer = Signer(intruder.door.device_id, intruder.signing_key)
    return signer._sign("bucket", part, {"iat": 1_790_000_000, "set_epoch": 1, "rev": 9})


def bucket_for_another(intruder: Intruder) -> bytes:
    """Signed by the cloud, sealed to a key that is not this lock's."""
    part = BucketPart(index=0, part=0, parts=1, rows=[])
    other = OKPKey.import_key(jose.new_sealing_key().as_dict(private=False))
    signer = Signer(intruder.door.device_id, intruder.signing_key)
    return signer.seal("bucket", part, other, iat=1_790_000_000, set_epoch=1, rev=9)


def first_manifest(intruder: Intruder) -> bytes:
    """The empty set the cloud signed before there was a code, kept for a better day."""
    device_id, digests = intruder.door.device_id, code_set.bucket_digests({}, 1)
    root = code_set.root(device_id, 1, 1, digests)
    manifest = Manifest(count=0, buckets=code_set.pack_digests(digests), root=root)
    signer = Signer(device_id, intruder.signing_key)
    return signer.sign("desired", manifest, iat=1_790_000_000, set_epoch=1, rev=1)


Attack = Callable[[Intruder], bytes]

ATTACKS: dict[str, tuple[str, Attack, str]] = {
    "forged by a key of his own": ("ack", forged, "unknown_key"),
    "altered on its way": ("desired", altered, "bad_signature"),
    "meant for the neighbour": ("desired", lambda intruder: intruder.neighbours_manifest, "wrong_device"),
    "sent as something else": ("ack", lambda intruder: intruder.manifest, "wrong_stream"),
    "an older code set, once genuine": ("desired", first_manifest, "stale_revision"),
    "readable by everybody": ("bucket", readable_bucket, "not_sealed"),
    "sealed to somebody else": ("bucket", bucket_for_another, "unknown_key"),
    "no message at all": ("heartbeat", lambda _: b"{}", "malformed"),
    "far too long": ("desired", lambda _: b"x" * (MESSAGE_LIMIT_BYTES + 1), "oversized"),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_a_message_is_refused_and_journalled_and_changes_nothing(intruder: Intruder, name: str) -> None:
    stream, attack, reason = ATTACKS[name]
    before = intruder.door.ask("codes")
    intruder.say(stream, attack(intruder))
    wait_for(lambda: (stream, reason) in intruder.refusals(), what=f"{reason} in the journal")
    assert intruder.door.ask("codes") == before


def test_after_all_that_the_code_opens_as_before(intruder: Intruder) -> None:
    assert intruder.door.opens(intruder.code.digits)


def test_what_is_not_a_manifest_is_not_believed_when_the_broker_kept_it(intruder: Intruder) -> None:
    """A retained message is as old as the broker likes."""
    ack = Ack(journal_epoch=intruder.door.status()["journal"]["epoch"], upto=1)
    genuine = Signer(intruder.door.device_id, intruder.signing_key).sign(
        "ack", ack, iat=1_790_000_000, id="x"
    )
    intruder.say("ack", genuine, retain=True)
    wait_for(lambda: ("ack", "retained") in intruder.refusals(), what="retained in the journal")
