"""A journal nobody fetches stays bounded, and says what it dropped."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.journal import Event, Stamp
from agent.messages import Events
from agent.store import Store
from cloud_sim import events, journal
from cloud_sim.database import Database

STAMP = Stamp("boot", 1000, 1_790_000_000_000, "trusted")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A lock that has journalled a hundred movements of its door and could tell nobody."""
    new = Store(tmp_path / "lock.db", device_id="dev", row_key=b"r" * 32, store_key=bytes(32))
    for _ in range(50):
        new.record(STAMP, Event("door_opened"), Event("door_closed"))
    yield new
    new.close()


def prune(store: Store, keep: int) -> None:
    """Until nothing is left to do."""
    while store.journal.prune(keep):
        pass


def test_one_row_stands_for_all_that_went(store: Store) -> None:
    prune(store, keep=10)
    gap, *rest = store.journal.after(0, 1000)
    assert gap["detail"] == {"from": 1, "to": 90, "counts": {"door_opened": 45, "door_closed": 45}}
    assert [row["seq"] for row in rest] == list(range(91, 101))


def test_a_gap_grows_and_keeps_count(store: Store) -> None:
    prune(store, keep=50)
    prune(store, keep=10)
    gap = store.journal.after(0, 1)[0]
    assert (gap["seq"], sum(gap["detail"]["counts"].values())) == (90, 90)


def test_what_was_acknowledged_goes_without_a_trace(store: Store) -> None:
    store.journal.acknowledge(95)
    prune(store, keep=10)
    assert [row["kind"] for row in store.journal.after(0, 2)] == ["door_opened", "door_closed"]


def test_the_cloud_takes_a_gap_for_what_it_is_and_the_rows_after_it_in_their_chain(
    store: Store,
    database: Database,
    door: str,
) -> None:
    prune(store, keep=10)
    batch = Events(journal_epoch=store.journal.epoch, rows=store.journal.after(0, 50))
    assert journal.store(database, door, batch, 1.0) == journal.Stored(100, is_broken=False)
    first, second, *_ = events.events_after(database, door, 0, 50)
    assert (first["event_type"], first["detail"]["to"], second["seq"]) == ("lock.journal_gap", 90, 91)


def test_the_cloud_takes_of_a_gap_what_it_lacks(store: Store, database: Database, door: str) -> None:
    early = Events(journal_epoch=store.journal.epoch, rows=store.journal.after(0, 20))
    journal.store(database, door, early, 1.0)
    prune(store, keep=10)
    late = Events(journal_epoch=store.journal.epoch, rows=store.journal.after(0, 50))
    assert journal.store(database, door, late, 2.0).upto == 100
    gaps = [
        event["detail"]
        for event in events.events_after(database, door, 0, 200)
        if "gap" in event["event_type"]
    ]
    assert [(gap["from"], gap["to"]) for gap in gaps] == [(21, 90)]


def test_a_gap_that_begins_after_what_the_cloud_has_is_not_believed(
    store: Store,
    database: Database,
    door: str,
) -> None:
    prune(store, keep=10)
    rows = store.journal.after(0, 50)
    rows[0]["detail"]["from"] = 5
    assert journal.store(database, door, Events(journal_epoch=store.journal.epoch, rows=rows), 1.0).upto == 0
