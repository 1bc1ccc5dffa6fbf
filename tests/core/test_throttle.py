"""Guesses as a budget."""

import pytest

from agent.core.throttle import (
    CAPACITY,
    Budget,
    LengthClass,
    class_of,
    debit,
    length_that_meets,
    next_token_s,
    refilled,
    refund,
    risk,
)


def spent(times: int, now: float = 0.0) -> Budget:
    """A budget after so many failures."""
    budget = Budget(at_s=now)
    for _ in range(times):
        budget = debit(budget, now, 900.0) or budget
    return budget


def test_there_are_five_guesses_and_then_none() -> None:
    assert debit(spent(4), 0.0, 900.0) is not None
    assert debit(spent(5), 0.0, 900.0) is None


def test_a_guess_comes_back_after_the_refill_and_not_before() -> None:
    assert debit(spent(5), 899.0, 900.0) is None
    assert debit(spent(5), 900.0, 900.0) is not None
    assert next_token_s(spent(5), 0.0, 900.0) == 900.0


def test_a_budget_never_grows_beyond_its_capacity() -> None:
    assert refilled(spent(1), 1e9, 900.0).tokens == CAPACITY
    assert refund(Budget()).tokens == CAPACITY


def test_time_that_goes_back_earns_nothing() -> None:
    assert refilled(spent(5, now=1000.0), 10.0, 900.0).tokens == 0.0


def test_a_success_takes_back_its_own_attempt_only() -> None:
    after = refund(debit(spent(2), 0.0, 900.0) or Budget())
    assert (after.tokens, after.failures) == (3.0, 2)


@pytest.mark.parametrize(("digits", "expected"), [(4, "short"), (8, "short"), (9, "long"), (10, "long")])
def test_short_and_long_entries_are_paid_from_different_budgets(digits: int, expected: str) -> None:
    assert class_of(digits).value == expected


def test_one_code_of_eight_digits_allows_the_fastest_refill() -> None:
    found = risk(LengthClass.SHORT, [8], 0.01)
    assert (found.refill_s, found.is_bound_met) == (900.0, True)


def test_a_hundred_codes_of_six_digits_cannot_meet_one_percent_and_it_is_said() -> None:
    found = risk(LengthClass.SHORT, [6] * 100, 0.01)
    assert (found.refill_s, found.is_bound_met) == (3600.0, False)
    assert found.yearly == pytest.approx(0.584, abs=0.01)


def test_the_longest_list_of_codes_counts_per_length() -> None:
    assert risk(LengthClass.SHORT, [4, 6, 6, 6], 0.01).chance == 1e-4


def test_long_guesses_come_back_slowly_even_when_there_is_nothing_to_guess() -> None:
    found = risk(LengthClass.LONG, [], 0.01)
    assert (found.refill_s, found.yearly, found.is_bound_met) == (3600.0, 0.0, True)


@pytest.mark.parametrize(
    ("codes", "expected"), [(0, 4), (1, 6), (2, 7), (11, 7), (20, 8), (114, 8), (115, None)], ids=str
)
def test_the_length_that_would_meet_the_bound_is_the_shortest_that_does(
    codes: int, expected: int | None
) -> None:
    assert length_that_meets(codes, 0.01) == expected
