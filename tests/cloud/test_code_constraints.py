"""What a door takes as a code, by what its lock and its people say, and what the cloud makes of it."""

from typing import Any

import pytest

from agent.core.access_code import CodeError
from agent.core.constraints import Constraints, check_digits
from agent.messages import Codes
from cloud_sim import access_codes, code_constraints, code_sets, locks, reported
from cloud_sim.database import Database

USUAL = (4, 5, 6, 7, 8)


def say(database: Database, door: str, **constraints: Any) -> None:
    root = code_sets.manifest(database, door).root
    codes = Codes(set_epoch=1, rev=1, root=root, count=0, capacity=9, constraints=constraints)
    reported.store_codes(database, door, codes)


def lengths(database: Database, door: str) -> tuple[int, ...]:
    return code_constraints.of_lock(database, door).code_lengths


def drawn_length(database: Database, doors: list[str], preferred: int | None = None) -> int:
    return len(access_codes.free_code(database, doors, 0.0, preferred))


def test_a_lock_that_has_said_nothing_takes_what_locks_take(database: Database, door: str) -> None:
    assert lengths(database, door) == USUAL
    assert code_constraints.problem(database, door, "7777") is None


def test_an_older_lock_says_a_range_of_lengths(database: Database, door: str) -> None:
    say(database, door, min_code_length=5, max_code_length=6)
    assert lengths(database, door) == (5, 6)
    assert drawn_length(database, [door], 8) == 5


def test_a_lock_says_which_lengths_it_takes_and_the_preferred_falls_to_the_shortest(
    database: Database, door: str
) -> None:
    say(database, door, **Constraints(code_lengths=(5, 8)).published())
    assert lengths(database, door) == (5, 8)
    assert drawn_length(database, [door], 8) == 8
    assert drawn_length(database, [door], 6) == 5
    assert drawn_length(database, [door]) == 5


def test_complaint_53_a_keypad_without_8_9_and_0_is_sent_none(database: Database, door: str) -> None:
    say(database, door, **Constraints(digits="1234567").published())
    drawn = {access_codes.free_code(database, [door], 0.0) for _ in range(200)}
    assert set("".join(drawn)) == set("1234567")
    assert code_constraints.problem(database, door, "471118") is CodeError.DIGITS_NOT_ON_KEYPAD


def test_no_weak_code_is_drawn_for_whatever_door(database: Database, door: str) -> None:
    say(database, door, code_lengths=[4], digits="12")
    assert all(
        check_digits(access_codes.free_code(database, [door], 0.0), Constraints()) is None for _ in range(200)
    )


def test_a_weak_code_is_refused_where_the_lock_does(database: Database, door: str) -> None:
    say(database, door, **Constraints().published())
    assert code_constraints.problem(database, door, "3456") is CodeError.CODE_WEAK
    say(database, door, **Constraints(refuses_weak_codes=False).published())
    assert code_constraints.problem(database, door, "3456") is None


def test_people_can_say_that_it_is_less_and_never_that_it_is_more(database: Database, door: str) -> None:
    code_constraints.report(database, door, [8, 12])
    assert lengths(database, door) == (8,)
    code_constraints.report(database, door, [12])
    assert lengths(database, door) == USUAL


@pytest.mark.parametrize("limit", [10**9, -1, 0, 1, "8", None, True])
def test_a_lock_that_talks_nonsense_is_not_believed(database: Database, door: str, limit: Any) -> None:
    say(database, door, min_code_length=4, max_code_length=limit)
    assert lengths(database, door) == USUAL
    say(database, door, code_lengths=[limit], digits=limit)
    assert code_constraints.of_lock(database, door) == Constraints(refuses_weak_codes=False)
    assert drawn_length(database, [door]) == 6


def test_doors_that_agree_on_nothing_go_by_the_first(database: Database, door: str) -> None:
    with database.transaction():
        other = locks.add_lock(database, "Back door", 0.0)
    say(database, door, code_lengths=[8], digits="123")
    say(database, other, code_lengths=[4], digits="456")
    digits = access_codes.free_code(database, [door, other], 0.0)
    assert len(digits) == 8
    assert set(digits) <= set("123")


def test_doors_share_the_keys_that_all_of_them_have(database: Database, door: str) -> None:
    with database.transaction():
        other = locks.add_lock(database, "Back door", 0.0)
    say(database, door, digits="1234567")
    say(database, other, digits="56789")
    drawn = {access_codes.free_code(database, [door, other], 0.0) for _ in range(100)}
    assert set("".join(drawn)) == set("567")
