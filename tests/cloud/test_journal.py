"""Journals: each row exactly once and in order, whatever order batches come in."""

import random
import uuid
from typing import Any

import pytest

from agent.messages import Events
from cloud_sim import events, journal
from cloud_sim.database import Database
from cloud_sim.journal import Stored
from tests.cloud.device import EPOCH, journal_rows

KINDS: list[tuple[str, dict[str, Any]]] = [("door_opened", {}), ("door_closed", {})] * 10


def store(database: Database, door: str, rows: list[dict[str, Any]], epoch: str = EPOCH) -> Stored:
    return journal.store(database, door, Events(journal_epoch=epoch, rows=rows), 1_900_000_000.5)


def seqs(database: Database, door: str) -> list[int]:
    return [event["seq"] for event in events.events_after(database, door, 0, 1000)]


def test_rows_become_events_and_are_acknowledged_up_to_the_last(database: Database, door: str) -> None:
    assert store(database, door, journal_rows(*KINDS)) == Stored(20, is_broken=False)
    assert seqs(database, door) == list(range(1, 21))


def test_the_same_batch_again_changes_nothing(database: Database, door: str) -> None:
    rows = journal_rows(*KINDS)
    store(database, door, rows)
    before = events.events_after(database, door, 0, 1000)
    assert store(database, door, rows) == Stored(20, is_broken=False)
    assert store(database, door, rows[5:9]) == Stored(20, is_broken=False)
    assert events.events_after(database, door, 0, 1000) == before


def test_rows_after_a_missing_one_wait_for_it(database: Database, door: str) -> None:
    rows = journal_rows(*KINDS)
    assert store(database, door, rows[5:10]) == Stored(0, is_broken=False)
    assert store(database, door, rows[0:5]) == Stored(5, is_broken=False)
    assert store(database, door, rows[3:12]) == Stored(12, is_broken=False)
    assert seqs(database, door) == list(range(1, 13))


def test_rows_a_lock_no_longer_has_become_a_gap_after_some_patience(database: Database, door: str) -> None:
    rows = journal_rows(*KINDS)

    def offer(first: int, wall: float) -> int:
        batch = Events(journal_epoch=EPOCH, rows=rows[first - 1 : first + 4])
        return journal.store(database, door, batch, wall).upto

    offers = [(6, 0.0), (11, 5.0), (6, 10.0), (6, 20.0), (11, 31.0)]
    assert [offer(first, wall) for first, wall in offers] == [0, 0, 0, 0, 0]
    assert offer(6, 32.0) == 10
    assert offer(11, 33.0) == 15
    gap, first = events.events_after(database, door, 0, 2)
    assert (gap["event_type"], gap["detail"]) == ("lock.journal_gap", {"from": 1, "to": 5})
    assert first["seq"] == 6


def test_no_gap_is_seen_where_the_missing_row_still_comes(database: Database, door: str) -> None:
    rows = journal_rows(*KINDS)
    for wall, first in ((0.0, 6), (10.0, 1), (40.0, 11), (60.0, 1)):
        batch = Events(journal_epoch=EPOCH, rows=rows[first - 1 : first + 4])
        journal.store(database, door, batch, wall)
    assert seqs(database, door) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("seed", range(20))
def test_any_mixture_of_batches_ends_with_each_event_once(database: Database, door: str, seed: int) -> None:
    chance, rows, upto = random.Random(seed), journal_rows(*KINDS), 0
    while upto < len(rows):
        start = chance.randrange(len(rows))
        upto = store(database, door, rows[start : start + chance.randrange(1, 9)]).upto
    assert seqs(database, door) == list(range(1, 21))


@pytest.mark.parametrize(
    "change", [{"kind": "door_held"}, {"hash": "0" * 64}, {"wall_ms": 1}, {"detail": {"a": 1}}]
)
def test_a_broken_chain_is_told_once_and_not_acknowledged_past(
    database: Database, door: str, change: dict[str, Any]
) -> None:
    rows = journal_rows(*KINDS[:4])
    altered = [*rows[:2], rows[2] | change, rows[3]]
    for _ in range(3):
        assert store(database, door, altered) == Stored(2, is_broken=True)
    told = [event["event_type"] for event in events.events_after(database, door, 0, 99)]
    assert told == ["lock.door_opened", "lock.door_closed", "lock.journal_broken"]
    assert store(database, door, rows) == Stored(4, is_broken=False)


@pytest.mark.parametrize(
    "change", [{"detail": None}, {"seq": True}, {"kind": "x y"}, {"hash": 5}, {"wall_ms": -1}]
)
def test_a_row_that_is_no_row_is_never_taken(database: Database, door: str, change: dict[str, Any]) -> None:
    row = journal_rows(*KINDS[:1])[0] | change
    row["hash"] = journal.row_hash(EPOCH, row) if "hash" not in change else change["hash"]
    assert store(database, door, [row]) == Stored(0, is_broken=True)


def test_a_journal_that_begins_anew_is_another_journal(database: Database, door: str) -> None:
    store(database, door, journal_rows(*KINDS))
    again = "f" * 16
    assert store(database, door, journal_rows(*KINDS[:2], epoch=again), again).upto == 2
    found = events.events_after(database, door, 0, 1000)
    assert [event["sequence"] for event in found] == list(range(1, 23))
    assert len({event["event_id"] for event in found}) == 22


def test_events_speak_the_words_of_the_cloud(database: Database, door: str) -> None:
    granted = {"access_code_id": "c", "gen": 1, "keypad": "outside"}
    store(
        database, door, journal_rows(("access_granted", granted), ("access_denied", {"reason": "throttled"}))
    )
    opened, denied = events.events_after(database, door, 0, 10)
    assert (opened["event_type"], opened["method"], opened["access_code_id"]) == (
        "lock.unlocked",
        "keycode",
        "c",
    )
    assert opened["occurred_at"] == "2030-03-17T17:46:40.001Z"
    assert (denied["event_type"], denied["reason_code"]) == ("lock.access_denied", "too_many_attempts")


def test_pages_of_events_follow_each_other(database: Database, door: str) -> None:
    store(database, door, journal_rows(*KINDS))
    first = events.events_after(database, door, 0, 15)
    rest = events.events_after(database, door, first[-1]["sequence"], 15)
    assert [len(first), len(rest)] == [15, 5]


def test_a_session_of_programming_is_a_use_and_no_opening(database: Database, door: str) -> None:
    started = {"access_code_id": str(uuid.uuid4()), "gen": 1, "keypad": "keypad"}
    store(database, door, journal_rows(("programming_started", started)))
    assert database.row("SELECT uses FROM reported_access_codes") == {"uses": 1}
    assert [event["event_type"] for event in events.events_after(database, door, 0, 10)] == [
        "lock.programming_started"
    ]


def test_two_openings_with_one_code_in_one_batch_are_both_kept(database: Database, door: str) -> None:
    used = {"access_code_id": str(uuid.uuid4()), "gen": 1, "keypad": "keypad"}
    rows = journal_rows(("access_granted", used), ("access_granted", used))
    assert store(database, door, rows) == Stored(2, is_broken=False)
    assert database.row("SELECT uses FROM reported_access_codes") == {"uses": 2}
