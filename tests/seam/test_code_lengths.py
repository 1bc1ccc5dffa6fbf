"""How long a code may be at a door, by what its lock and its people say."""

from typing import Any

import pytest

from agent.messages import Codes
from cloud_sim import code_sets, locks, reported
from cloud_sim.database import Database
from cloud_sim.seam import code_lengths


def say(database: Database, door: str, **constraints: Any) -> None:
    root = code_sets.manifest(database, door).root
    codes = Codes(set_epoch=1, rev=1, root=root, count=0, capacity=9, constraints=constraints)
    reported.store_codes(database, door, codes)


def test_a_lock_that_has_said_nothing_takes_what_locks_take(database: Database, door: str) -> None:
    assert code_lengths.supported(database, door) == (4, 5, 6, 7, 8)


def test_what_the_lock_says_counts(database: Database, door: str) -> None:
    say(database, door, min_code_length=5, max_code_length=6)
    assert code_lengths.supported(database, door) == (5, 6)
    assert code_lengths.chosen(database, [door], 8) == 5


def test_people_can_say_that_it_is_less_and_never_that_it_is_more(database: Database, door: str) -> None:
    code_lengths.report(database, door, [8, 12])
    assert code_lengths.supported(database, door) == (8,)
    code_lengths.report(database, door, [12])
    assert code_lengths.supported(database, door) == (4, 5, 6, 7, 8)


@pytest.mark.parametrize("limit", [10**9, -1, "8", None, True])
def test_a_lock_that_talks_nonsense_is_not_believed(database: Database, door: str, limit: Any) -> None:
    say(database, door, min_code_length=4, max_code_length=limit)
    assert code_lengths.supported(database, door) == (4, 5, 6, 7, 8)


def test_doors_that_agree_on_nothing_go_by_the_first(database: Database, door: str) -> None:
    with database.transaction():
        other = locks.add_lock(database, "Back door", 0.0)
    code_lengths.report(database, door, [8])
    code_lengths.report(database, other, [4])
    assert code_lengths.chosen(database, [door, other], None) == 8
