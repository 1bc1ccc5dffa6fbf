"""What a lock pays to take a whole code set: envelopes signed and sealed by the cloud, until they decide."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from agent.core import code_set
from agent.enrol_exchange import public_jwk
from agent.envelope import Opener, kid_of
from agent.journal import Stamp
from agent.messages import BucketReceived, ManifestReceived
from agent.messages import topic as topic_of
from agent.store import Store
from agent.uplink.inbound import Arrival, Inbound
from benchmarks.entry import TimedStrike, controller_of, digits_of
from benchmarks.figures import Figure, milliseconds
from cloud_sim import access_codes, code_sets, locks
from cloud_sim.access_codes import NewAccessCode
from cloud_sim.database import open_database
from cloud_sim.downlink import Downlink
from cloud_sim.keyring import Keyring
from firmware_sim.enrolled import CLOUD_SEALING, CLOUD_SIGNING, IDENTITY, LOCK_SEALING
from firmware_sim.virtual_parts import VirtualUplink

IN_USE_S = 86_400


@dataclass(slots=True)
class SealedSet:
    """A code set as the broker has it: one manifest, and all messages of each bucket."""

    device_id: str = ""
    codes: int = 0
    manifest: bytes = b""
    buckets: list[list[bytes]] = field(default_factory=list)

    def publish(self, topic: str, payload: bytes, *, retain: bool, expiry_s: int | None = None) -> None:
        """Keep what the cloud says."""
        del retain, expiry_s
        if topic == topic_of(self.device_id, "down", "desired"):
            self.manifest = payload
        if topic == topic_of(self.device_id, "down", "bucket"):
            self.buckets[-1].append(payload)


def measure(codes: int, directory: Path) -> list[Figure]:
    """Of a set of so many codes; all databases are in `directory`."""
    sealed = seal(codes, directory / "sealing-cloud.db")
    manifest, buckets, opened_s = _opened(sealed)
    turns_s = _taken_in_turns(sealed, manifest, buckets, directory / "turns.db")
    staged_s, switch_s = _taken_in_steps(sealed, manifest, buckets, directory / "steps.db")
    of = f"{codes:,} codes"
    return [
        milliseconds("a bucket message: JWE, JWS and JSON opened", opened_s),
        milliseconds("a bucket: decoded, checked, tags, MACs, staged on disk", staged_s),
        milliseconds(f"the switch to a staged set of {of}", [switch_s]),
        milliseconds("controller busy in one go (an entry waits so long)", turns_s),
        *_summed(f"opening the envelopes of {of}", opened_s, codes),
        *_summed(f"staging {of}", staged_s, codes),
        *_summed(f"all of it, until {of} decide", [*opened_s, *turns_s], codes),
    ]


def _summed(name: str, seconds: list[float], codes: int) -> list[Figure]:
    total_s = sum(seconds)
    return [
        Figure(name=name, unit="s", samples=[total_s]),
        Figure(name="  of that for each code", unit="us", samples=[total_s / codes * 1e6]),
    ]


def seal(codes: int, path: Path) -> SealedSet:
    """Have the cloud make a lock with so many codes, half of them with an end, and say it all."""
    database, sealed, wall_s = open_database(path), SealedSet(codes=codes), time.time()
    with database.transaction():
        sealed.device_id = locks.add_lock(database, None, wall_s)
        database.run(
            "INSERT INTO device_keys VALUES (?, ?, ?, '', 0)",
            sealed.device_id,
            *(json.dumps(public_jwk(key)) for key in (IDENTITY, LOCK_SEALING)),
        )
        access_codes.add_all(database, sealed.device_id, list(_wanted(codes, int(wall_s))), wall_s)

    keys = Keyring(CLOUD_SIGNING, CLOUD_SEALING)
    downlink = Downlink(database, keys, sealed.publish, lambda: wall_s, lambda *_: None)
    downlink.restart()
    _, rev = code_sets.head(database, sealed.device_id)
    for index in range(code_set.bucket_count(codes)):
        sealed.buckets.append([])
        downlink.buckets(sealed.device_id, rev, [index])
    database.close()
    return sealed


def _wanted(codes: int, wall_s: int) -> Iterator[NewAccessCode]:
    for number in range(codes):
        ends_at = wall_s + IN_USE_S if number % 2 else None
        yield NewAccessCode(code=digits_of(number), starts_at=wall_s, ends_at=ends_at)


def _opened(sealed: SealedSet) -> tuple[ManifestReceived, list[list[BucketReceived]], list[float]]:
    """All messages as the uplink gives them to the controller, and how long each bucket message took."""
    opener = Opener(sealed.device_id, {kid_of(CLOUD_SIGNING): CLOUD_SIGNING}, LOCK_SEALING)
    inbound, taken_s = Inbound(opener), list[float]()
    manifest = inbound.read(_arrival(sealed, "desired", sealed.manifest), 0, None)
    buckets: list[list[BucketReceived]] = []
    for messages in sealed.buckets:
        buckets.append([])
        for message in messages:
            began = time.perf_counter()
            received = inbound.read(_arrival(sealed, "bucket", message), 0, None)
            taken_s.append(time.perf_counter() - began)
            if not isinstance(received, BucketReceived):
                raise TypeError(f"the lock did not believe its cloud: {received}")
            buckets[-1].append(received)
    if not isinstance(manifest, ManifestReceived):
        raise TypeError(f"the lock did not believe its cloud: {manifest}")
    return manifest, buckets, taken_s


def _arrival(sealed: SealedSet, stream: str, raw: bytes) -> Arrival:
    return Arrival(topic_of(sealed.device_id, "down", stream), raw, stream == "desired", 0.0)


class _Lock:
    """A lock that has no codes yet, and asks for what it wants."""

    def __init__(self, sealed: SealedSet, path: Path) -> None:
        self._codes = sealed.codes
        self._store = Store(path, device_id=sealed.device_id, row_key=bytes(32), store_key=bytes(32))
        self._uplink = VirtualUplink()
        self.controller = controller_of(self._store, TimedStrike(), sealed.device_id, lambda: self._uplink)
        self.controller.start()
        self.controller.cloud.connect()

    def wanted(self) -> Iterator[int]:
        """The buckets it asks for, as it asks for more of them."""
        while asked := [each for each in self._uplink.requests if each.type == "buckets"]:
            self._uplink.requests.clear()
            yield from (index for each in asked for index in each.need or ())

    def close(self) -> None:
        """RuntimeError unless all codes decide."""
        held = len(self.controller.codes.holding.table)
        self.controller.close()
        if held != self._codes:
            raise RuntimeError(f"{held} codes of {self._codes} decide")


def _taken_in_turns(
    sealed: SealedSet, manifest: ManifestReceived, buckets: list[list[BucketReceived]], path: Path
) -> list[float]:
    """How long each turn of the controller takes, from the manifest to the bucket that brings the switch."""
    lock = _Lock(sealed, path)
    taken_s = [_seconds(partial(lock.controller.turn, manifest))]
    for index in lock.wanted():
        taken_s += [_seconds(partial(lock.controller.turn, part)) for part in buckets[index]]
    lock.close()
    return taken_s


def _taken_in_steps(
    sealed: SealedSet, manifest: ManifestReceived, buckets: list[list[BucketReceived]], path: Path
) -> tuple[list[float], float]:
    """The same without the controller around it: how long each bucket takes, and the switch alone."""
    lock, staged_s = _Lock(sealed, path), list[float]()
    codes = lock.controller.codes
    codes.offered(manifest, 0.0)
    for index in lock.wanted():
        staged_s += [_seconds(partial(codes.arrived, part, 0.0)) for part in buckets[index]]
    switch_s = _seconds(partial(codes.apply, Stamp("benchmark", 0, 0, "unknown"), 0.0))
    lock.close()
    return staged_s, switch_s


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
