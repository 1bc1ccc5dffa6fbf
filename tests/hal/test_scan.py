"""What a keypad matrix says, sample by sample."""

import random
from functools import reduce
from itertools import combinations
from operator import or_

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.scan import EQUAL_SAMPLES, PERIOD_MS, STUCK_SAMPLES, Scan

PHONE = ["123", "456", "789", "*0#"]
WIDE = ["123A", "456B", "789C", "*0#D"]
NOTHING = [0, 0, 0, 0]


def closed(layout: list[str], keys: str) -> list[int]:
    """What a scan sees through these keys, without diodes: rows that share a column carry each other."""
    rows = [sum(1 << column for column, key in enumerate(row) if key in keys) for row in layout]
    for _ in rows:
        rows = [reduce(or_, (other for other in rows if other & one), one) for one in rows]
    return rows


def ready(layout: list[str]) -> Scan:
    """A keypad nobody touches."""
    scan = Scan(layout)
    for _ in range(EQUAL_SAMPLES):
        scan.sample(NOTHING)
    return scan


def held(scan: Scan, layout: list[str], keys: str, samples: int = EQUAL_SAMPLES) -> str:
    return "".join(scan.sample(closed(layout, keys)) for _ in range(samples))


@pytest.mark.parametrize("layout", [PHONE, WIDE])
def test_every_key_is_told_once_however_long_it_is_held(layout: list[str]) -> None:
    scan = ready(layout)
    for key in "".join(layout):
        assert held(scan, layout, key, 100) == key
        assert held(scan, layout, "", EQUAL_SAMPLES) == ""


def test_a_key_counts_after_twenty_milliseconds_and_not_before() -> None:
    scan = ready(PHONE)
    assert PERIOD_MS * EQUAL_SAMPLES == 20
    assert held(scan, PHONE, "5", EQUAL_SAMPLES - 1) == ""
    assert scan.sample(closed(PHONE, "5")) == "5"


def test_a_thousand_bouncing_presses_are_a_thousand_keys() -> None:
    chance, scan, wanted, got = random.Random(7), ready(WIDE), "", ""
    for _ in range(1000):
        key = chance.choice("0123456789*#")
        wanted += key
        for is_down in (True, False):
            for _ in range(chance.randrange(4)):
                got += scan.sample(closed(WIDE, key if chance.random() < 0.5 else ""))
            got += held(scan, WIDE, key if is_down else "", 8)
    assert got == wanted


def test_two_keys_at_once_are_both_told_in_every_pair() -> None:
    for one, other in combinations("".join(WIDE), 2):
        scan = ready(WIDE)
        assert held(scan, WIDE, one) == one
        assert held(scan, WIDE, one + other) == other


def test_no_three_keys_ever_tell_a_fourth() -> None:
    ghosts = 0
    for keys in combinations("".join(WIDE), 3):
        scan = ready(WIDE)
        got = held(scan, WIDE, "".join(keys), 10)
        assert set(got) <= set(keys)
        assert bool(got) is not scan.is_ghost
        ghosts += scan.is_ghost
    assert ghosts == 144


def test_a_key_held_through_a_ghost_is_not_told_again() -> None:
    scan = ready(WIDE)
    assert held(scan, WIDE, "1") == "1"
    assert held(scan, WIDE, "124", 50) == ""
    assert held(scan, WIDE, "1", 50) == ""
    assert held(scan, WIDE, "") == ""
    assert held(scan, WIDE, "1") == "1"


def test_a_key_that_is_down_at_the_start_was_not_pressed_for_us() -> None:
    scan = Scan(PHONE)
    assert held(scan, PHONE, "8", 50) == ""
    assert held(scan, PHONE, "") == ""
    assert held(scan, PHONE, "8") == "8"


def test_a_stuck_key_is_a_fault_and_the_others_go_on() -> None:
    scan = ready(PHONE)
    assert held(scan, PHONE, "3", STUCK_SAMPLES) == "3"
    assert scan.stuck == 0
    held(scan, PHONE, "3", EQUAL_SAMPLES)
    assert scan.stuck == 1
    assert held(scan, PHONE, "37") == "7"
    held(scan, PHONE, "", EQUAL_SAMPLES)
    assert scan.stuck == 0


def test_where_a_layout_has_no_key_none_is_told() -> None:
    scan = ready(["1 2", "   "])
    assert [scan.sample([0b010, 0b111]) for _ in range(10)] == [""] * 10


@given(st.lists(st.lists(st.integers(0, 7), min_size=4, max_size=4), max_size=200))
def test_whatever_the_columns_say_only_keys_that_were_closed_long_enough_are_told(
    samples: list[list[int]],
) -> None:
    scan = ready(PHONE)
    for number, rows in enumerate(samples):
        for key in scan.sample(rows):
            row = next(index for index, keys in enumerate(PHONE) if key in keys)
            bit = 1 << PHONE[row].index(key)
            closings = sum(1 for seen in samples[: number + 1] if seen[row] & bit)
            assert closings >= EQUAL_SAMPLES
