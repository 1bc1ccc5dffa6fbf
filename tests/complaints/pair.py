"""A real lock and a real cloud in one process, and the wire between them: every message signed and sealed as
ever, every lost or late one decided by the test, and no time passes unless it is told to."""

import json
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.envelope import OKPKey, Signer
from agent.messages import EVENT_BATCH_ROWS, Events, Status, UplinkChanged, topic
from agent.uplink.inbound import Arrival, inbound_of
from cloud_sim import access_codes, code_sets, code_updates
from cloud_sim.access_codes import NewAccessCode, Taken
from cloud_sim.authority import Authority, initialise
from cloud_sim.authority import load as load_authority
from cloud_sim.database import Database, open_database
from cloud_sim.downlink import Downlink
from cloud_sim.fleet import Fleet
from cloud_sim.keyring import load
from cloud_sim.seam import code_view
from cloud_sim.state_directory import StateDirectory, write_private
from firmware_sim.enrolled import (
    CLOUD_SEALING,
    CLOUD_SIGNING,
    DEVICE_ID,
    IDENTITY,
    LOCK_SEALING,
    key_ring,
)
from firmware_sim.site import Site
from firmware_sim.virtual_parts import VirtualClock

DAY_S = 86_400


def sleep(site: Site, seconds: float) -> None:
    """Time passes as for a machine that was suspended: half a year costs no more than a second."""
    site.clock.now_s += seconds
    site.clock.wall_s += seconds
    site.cloud_wall_s += seconds
    site.controller.turn(None)


@dataclass(slots=True)
class Pair:
    """One lock, its cloud, and a broker that keeps what is retained. `exchange` lets messages through."""

    directory: Path
    clock: VirtualClock = field(default_factory=VirtualClock)
    retained: dict[str, bytes] = field(default_factory=dict)
    to_lock: list[tuple[str, bytes, float]] = field(default_factory=list)
    """Topic, payload, and until when the broker delivers it."""
    pauses: list[tuple[Callable[[str], None], str]] = field(default_factory=list)
    """What the cloud lets pass before it tells of another change: they are over when the lock listens."""
    sizes: list[int] = field(default_factory=list)
    """The bytes of every payload, both ways."""
    messages_to_lock: int = 0
    sid: str = ""
    """The session of the lock."""
    sent_seq: int = 0
    """The last journal row on its way; like the uplink, begun anew at a connection and after ten seconds."""
    site: Site = field(init=False)
    database: Database = field(init=False)
    fleet: Fleet = field(init=False)
    authority: Authority = field(init=False)
    _state: StateDirectory = field(init=False)

    def __post_init__(self) -> None:
        (self.directory / "lock").mkdir()
        self._state = StateDirectory(self.directory)
        write_private(self._state.signing_key, CLOUD_SIGNING.as_pem(private=True))
        write_private(self._state.sealing_key, CLOUD_SEALING.as_pem(private=True))
        initialise(self._state)
        self.authority = load_authority(self._state)
        key_ring(self.directory / "lock", ca=self.authority.ca_pem.encode())
        self.site = Site(self.directory / "lock", self.clock)
        self._open_cloud()
        with self.database.transaction():
            self.database.run(
                "INSERT INTO locks (lock_id, name, created_ms, head_rev) VALUES (?, 'Front door', 0, 0)",
                DEVICE_ID,
            )
            code_sets.record_revision(self.database, DEVICE_ID, 1, ())
            keys = [json.dumps(key.as_dict(private=False)) for key in (IDENTITY, LOCK_SEALING)]
            self.database.run("INSERT INTO device_keys VALUES (?, ?, ?, '', 0)", DEVICE_ID, *keys)
        self.cloud_connects()
        self.connect()

    def close(self) -> None:
        self.site.close()
        self.database.close()

    # --- the cloud and its people -------------------------------------------------------------------

    @property
    def now(self) -> float:
        return self.site.cloud_wall_s

    def _open_cloud(self) -> None:
        self.database = open_database(self.directory / "cloud.db")
        self.pauses.clear()
        downlink = Downlink(self.database, load(self._state), self._from_cloud, lambda: self.now, self._later)
        self.fleet = Fleet(self.database, downlink, lambda: self.now, self.authority.certify)

    def restart_cloud(self) -> None:
        """The cloud dies, with all that was on its way to the lock, and begins a new session."""
        self.database.close()
        self.to_lock.clear()
        self._open_cloud()
        self.cloud_connects()

    def cloud_connects(self) -> None:
        """What the broker kept of the lock comes before the rest."""
        self.fleet.connected()
        self._settle_manifests()
        for name, payload in self.retained.items():
            if "/up/" in name:
                self.fleet.received(name, payload, is_retained=True)

    def back_up(self) -> Path:
        """A copy of the cloud's database."""
        copy = self.directory / f"backup-{uuid.uuid4()}.db"
        with sqlite3.connect(copy) as target:
            self.database.connection.backup(target)
        target.close()
        return copy

    def restore(self, backup: Path) -> None:
        """The cloud forgets all since that copy. It is not yet connected."""
        self.database.close()
        self.to_lock.clear()
        for leftover in self.directory.glob("cloud.db*"):
            leftover.unlink()
        (self.directory / "cloud.db").write_bytes(backup.read_bytes())
        self._open_cloud()

    def create(self, code: str, **wanted: Any) -> str:
        """A code by its digits; its id."""
        made = access_codes.create(self.database, DEVICE_ID, NewAccessCode(code=code, **wanted), self.now)
        assert isinstance(made, str), made
        self.fleet.downlink.manifest(DEVICE_ID)
        return made

    def change(self, access_code_id: str, **values: Any) -> Taken | None:
        with self.database.transaction():
            taken = code_updates.update(self.database, self.row(access_code_id), values, self.now)
        self.fleet.downlink.manifest(DEVICE_ID)
        return taken

    def delete(self, access_code_id: str) -> None:
        access_codes.delete(self.database, self.row(access_code_id), self.now)
        self.fleet.downlink.manifest(DEVICE_ID)

    def row(self, access_code_id: str) -> dict[str, Any]:
        found = access_codes.find(self.database, access_code_id)
        assert found is not None, "the cloud has forgotten this code"
        return found

    def id_of(self, digits: str) -> str:
        """The id of the code of the set with these digits."""
        holder = access_codes.holder_of(self.database, DEVICE_ID, digits)
        assert holder is not None, "no code of the set has these digits"
        return str(holder["access_code_id"])

    def is_known(self, access_code_id: str) -> bool:
        return access_codes.find(self.database, access_code_id) is not None

    def shown(self, access_code_id: str) -> dict[str, Any]:
        """The code as the Seam API answers it."""
        return code_view.access_code(self.database, self.row(access_code_id), self.now)

    def status(self, access_code_id: str) -> str:
        return str(self.shown(access_code_id)["status"])

    # --- the wire -------------------------------------------------------------------------------------

    def _from_cloud(
        self,
        topic: str,
        payload: bytes,
        *,
        retain: bool,
        expiry_s: int | None = None,
    ) -> int | None:
        self.sizes.append(len(payload))
        if retain:
            self.retained[topic] = payload
        if payload:
            self.to_lock.append((topic, payload, self.now + (2**40 if expiry_s is None else expiry_s)))
        self.messages_to_lock += 1
        return self.messages_to_lock

    def _later(self, _delay: float, callback: Callable[[str], None], lock_id: str, /) -> None:
        self.pauses.append((callback, lock_id))

    def _settle_manifests(self) -> None:
        """The broker takes everything at once."""
        for mid in range(self.messages_to_lock + 1):
            self.fleet.published(mid)
        over, self.pauses = self.pauses, []
        for callback, lock_id in over:
            callback(lock_id)

    def from_lock(self, stream: str, body: Any, sid: str | None = None) -> None:
        signer = Signer(DEVICE_ID, OKPKey.import_key(dict(self.site.ring.enrolment.identity)))
        raw = signer.sign(stream, body, iat=int(self.now), id=str(uuid.uuid4()), sid=sid)
        self.sizes.append(len(raw))
        name = topic(DEVICE_ID, "up", stream)
        if stream in ("status", "codes"):
            self.retained[name] = raw
        self.fleet.received(name, raw, is_retained=False)

    def _to_lock(self, name: str, payload: bytes, *, is_retained: bool = False) -> None:
        inbound = inbound_of(self.site.ring.enrolment)
        self.site.say(inbound.read(Arrival(name, payload, is_retained, self.clock.now_s), 1, int(self.now)))

    def exchange(self, rounds: int = 100) -> int:
        """Deliver in both directions until neither has anything to say; how many rounds that took."""
        for each in range(rounds):
            if self.exchange_once() == 0:
                return each
        raise AssertionError(f"lock and cloud still talk after {rounds} rounds")

    def exchange_once(self) -> int:
        """What the lock has to say, and then what the cloud has; how many messages that was."""
        return self.hear_lock() + self.hear_cloud()

    def hear_cloud(self) -> int:
        """The lock hears all that is on its way."""
        self._settle_manifests()
        arriving, self.to_lock = self.to_lock, []
        for name, payload, until in arriving:
            if self.now < until:
                self._to_lock(name, payload)
        return len(arriving)

    def hear_lock(self) -> int:
        """The cloud hears all that the lock has to say."""
        uplink, journal = self.site.uplink, self.site.store.journal
        said = len(uplink.requests) + len(uplink.summaries)
        while uplink.summaries:
            self.from_lock("codes", uplink.summaries.pop(0))
        rows = journal.after(max(journal.acked_seq, self.sent_seq), EVENT_BATCH_ROWS)
        if rows:
            self.sent_seq = rows[-1]["seq"]
            self.from_lock("events", Events(journal_epoch=journal.epoch, rows=rows))
        while uplink.requests:
            self.from_lock("request", uplink.requests.pop(0))
        return said + bool(rows)

    def wait(self, seconds: float) -> None:
        """Time passes, and whoever waited for an answer asks again."""
        sleep(self.site, seconds)
        self.sent_seq = 0
        self.exchange()

    def lose_all(self) -> None:
        """Whatever is on its way never arrives; only what the broker kept is still there."""
        self.to_lock.clear()
        self.site.uplink.requests.clear()
        self.site.uplink.summaries.clear()

    def connect(self) -> None:
        """A new session of the lock: it says how it is, and the broker brings what it kept."""
        self.lose_all()
        self.sent_seq = 0
        self.sid = uuid.uuid4().hex
        self.site.controller.cloud.connect()
        self.site.say(UplinkChanged(True, self.sid, ""))
        self.site.answer_time()
        self.say_status()
        for name, payload in list(self.retained.items()):
            if "/down/" in name and payload:
                self._to_lock(name, payload, is_retained=True)
        self.exchange()
        self.site.answer_time()

    def restart_lock(self, boot: str | None = None) -> None:
        """The agent, or with another `boot` the machine, starts anew. It is not yet connected."""
        with self.lock_is_off():
            self.clock.boot = boot or self.clock.boot

    @contextmanager
    def lock_is_off(self) -> Iterator[Path]:
        """The agent does not run; its state directory. It starts anew, and is not yet connected."""
        self.site.close()
        wall_s = self.site.cloud_wall_s
        self.lose_all()
        yield self.directory / "lock"
        self.site = Site(self.directory / "lock", self.clock)
        self.site.cloud_wall_s = wall_s

    def say_status(self) -> None:
        """The lock tells how it is."""
        keys = self.site.controller.keys
        told = Status(
            online=True,
            sid=self.sid,
            set_epoch=1,
            keys_rev=keys.rev,
            cloud_kid=keys.newest_signer,
            offline_rev=self.site.controller.offline.rev,
        )
        self.from_lock("status", told, sid=self.sid)

    # --- the door -------------------------------------------------------------------------------------

    def opens(self, digits: str) -> bool:
        """Whether the strike moves for these digits; guesses are not what this is about."""
        before = self.site.strike.releases
        self.site.type(f"{digits}#")
        return self.site.strike.releases > before

    def agree(self) -> bool:
        """Whether the lock holds what is wanted, and the cloud knows it."""
        revision = self.site.controller.codes.revision
        head = code_sets.head(self.database, DEVICE_ID)[1]
        root = code_sets.manifest(self.database, DEVICE_ID).root
        reported = self.database.row("SELECT rev, is_our_root FROM reported_codes")
        return (
            (revision.applied_rev, self.site.controller.codes.root) == (head, root)
            and reported is not None
            and (reported["rev"], reported["is_our_root"]) == (head, 1)
        )
