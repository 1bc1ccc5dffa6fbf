"""A cloud's database with one enrolled lock, and a clock that is moved by hand."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from joserfc.jwk import OKPKey

from agent.envelope import Signer, new_sealing_key, new_signing_key
from agent.messages import Codes, Events, Status
from cloud_sim import access_codes, journal, locks, reported
from cloud_sim.access_codes import NewAccessCode
from cloud_sim.code_sets import head, manifest
from cloud_sim.database import Database, open_database
from cloud_sim.keyring import Keyring
from cloud_sim.seam import event_log
from cloud_sim.seam.announcer import Announcer
from cloud_sim.seam.event_log import Filter
from tests.cloud.device import EPOCH, journal_rows

NOON = 1_900_000_000.0
IN_OTHER_WORDS = {
    f"access_code.{what}"
    for what in ("mutations_requested", "name_changed", "code_changed", "time_frame_changed")
}


@dataclass(slots=True)
class Cloud:
    """Nobody listens to it and it says nothing: what it would tell is in `events`."""

    path: Path
    now: float = NOON
    is_listening: bool = True
    lock_id: str = ""
    database: Database = field(init=False)
    announcer: Announcer = field(init=False)
    identity: OKPKey = field(default_factory=new_signing_key, init=False, repr=False)
    """The lock's."""
    sealing: OKPKey = field(default_factory=new_sealing_key, init=False, repr=False)
    """The cloud's."""
    rows: list[tuple[str, dict[str, Any]]] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self.open()
        with self.database.transaction():
            self.lock_id = locks.add_lock(self.database, "Front door", self.now)
        identity = json.dumps(self.identity.as_dict(private=False))
        self.database.run("INSERT INTO device_keys VALUES (?, ?, '{}', '', 0)", self.lock_id, identity)

    @property
    def signer(self) -> Signer:
        return Signer(self.lock_id, self.identity)

    def open(self) -> None:
        self.database = open_database(self.path)
        self.announcer = Announcer(self.database, lambda: self.now, lambda: self.is_listening)

    def restart(self) -> None:
        self.database.close()
        self.open()

    def wait(self, seconds: float) -> list[str]:
        self.now += seconds
        return self.told()

    def told(self) -> list[str]:
        """The types of all events so far."""
        self.announcer.turn()
        return [event["event_type"] for event in self.events()]

    def events(self) -> list[dict[str, Any]]:
        """All events so far, but for those that say in other words what another one says."""
        return [event for event in self.all_events() if event["event_type"] not in IN_OTHER_WORDS]

    def all_events(self) -> list[dict[str, Any]]:
        return event_log.find(self.database, Filter(), 10_000)

    def create(self, **wanted: Any) -> str:
        created = access_codes.create(self.database, self.lock_id, NewAccessCode(**wanted), self.now)
        assert isinstance(created, str)
        return created

    def delete(self, access_code_id: str) -> None:
        row = access_codes.find(self.database, access_code_id)
        assert row is not None
        access_codes.delete(self.database, row, self.now)

    def confirm(self) -> None:
        """The lock reports that it holds the newest set."""
        set_epoch, rev = head(self.database, self.lock_id)
        wanted = manifest(self.database, self.lock_id)
        report = Codes(
            set_epoch=set_epoch, rev=rev, root=wanted.root, count=wanted.count, capacity=9, constraints={}
        )
        reported.store_codes(self.database, self.lock_id, report)

    def status(self, *, online: bool = True, sid: str = "s") -> None:
        reported.store_status(self.database, self.lock_id, Status(online=online, sid=sid), self.now)

    def report(self, *kinds: tuple[str, dict[str, Any]]) -> None:
        """The lock sends its journal, of which these are all rows."""
        batch = Events(journal_epoch=EPOCH, rows=journal_rows(*kinds))
        journal.store(self.database, self.lock_id, batch, self.now, Keyring(new_signing_key(), self.sealing))

    def happens(self, *kinds: tuple[str, dict[str, Any]]) -> None:
        """More rows of the lock's journal."""
        self.rows += kinds
        self.report(*self.rows)
