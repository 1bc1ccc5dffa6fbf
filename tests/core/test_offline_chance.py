"""How likely a guess is an unused offline code: the specification's figures, and keys that follow others."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.offline_chance import guess_chance, live_codes, most_live
from agent.core.offline_code import DAY_H, SLOT_S, OfflineFormat, OfflineKind, meaning_of
from agent.core.offline_policy import AcceptedKey, FirstUse, Policy
from tests.core.olc1 import DEVICE, key_of

EXACT = FirstUse(tolerance_s=0)
HOTEL = Policy(2, 16, 336, frozenset({14, 15, 16}))
CUT = 22_000
FORM = OfflineFormat(DEVICE)


def key(kid: int = 1, policy: Policy | None = None, **slots: int) -> AcceptedKey:
    return AcceptedKey(key_of(kid), policy or Policy(), **slots)


@pytest.mark.parametrize(
    ("policy", "first_use", "expected"),
    [
        (Policy(), EXACT, 97_104),
        (Policy(), FirstUse(), 101_196),
        (Policy(3, 5), EXACT, 72_084),
        (Policy(2, 16), EXACT, 48_360),
        (Policy(1, 8), EXACT, 24_180),
        (Policy(2, 16, 336), EXACT, 15_960),
        (Policy(2, 16), FirstUse(6, 0), 12_486),
        (HOTEL, EXACT, 2_394),
        (Policy(0, 8), EXACT, 192),
        (Policy(0, 0), FirstUse(), 0),
    ],
    ids=str,
)
def test_the_number_of_codes_that_open_is_that_of_the_specification(
    policy: Policy, first_use: FirstUse, expected: int
) -> None:
    assert most_live(policy, first_use) == expected


def test_the_chance_of_a_guess_adds_up_over_keys_and_falls_with_the_length() -> None:
    assert guess_chance(FORM, EXACT, [key()]) == pytest.approx(9.7104e-6)
    assert guess_chance(FORM, EXACT, [key(1), key(2)]) == pytest.approx(2 * 9.7104e-6)
    assert guess_chance(OfflineFormat(DEVICE, 8), EXACT, [key()]) == pytest.approx(9.7104e-4)
    assert guess_chance(FORM, EXACT, []) == 0.0


@pytest.mark.parametrize("policy", [Policy(), Policy(3), HOTEL])
def test_a_key_that_follows_another_makes_no_guess_likelier(policy: Policy) -> None:
    following = [key(1, policy, last_slot=CUT - 1), key(2, policy, first_slot=CUT)]
    assert guess_chance(FORM, FirstUse(), following) == guess_chance(FORM, FirstUse(), [key(1, policy)])


def test_two_keys_for_the_same_starts_count_twice_until_the_last_of_them_can_be_used_no_more() -> None:
    both = [key(1, last_slot=CUT - 1), key(2)]
    live, alone = live_codes(FirstUse(), both), most_live(Policy(), FirstUse())
    assert [live.from_slot(slot) for slot in (0, CUT - 1)] == [2 * alone, 2 * alone]
    assert alone < live.from_slot(CUT + 10) < 2 * alone
    assert live.from_slot(CUT + DAY_H + 1) == live.from_slot(10**6) == alone


def test_an_overlap_far_ahead_counts_already_and_one_far_back_no_more() -> None:
    live = live_codes(EXACT, [key(1), key(2, Policy(1, 8), first_slot=CUT, last_slot=CUT + 400)])
    assert live.from_slot(0) == live.from_slot(CUT + 200) == 97_104 + 24_180
    assert live.from_slot(CUT + 400 + DAY_H) == 97_104


def slow(first_use: FirstUse, keys: list[AcceptedKey], at_h: float) -> int:
    """Every code of every start looked at by itself."""
    tolerance_h = first_use.tolerance_s / SLOT_S
    found = 0
    for each in keys:
        for slot in range(int(at_h) - 26, int(at_h) + 3):
            for q in range(4096):
                meaning = meaning_of(q)
                if meaning is None or meaning.kind is OfflineKind.CANCEL or not each.policy.allows(q):
                    continue
                is_timed = meaning.kind is OfflineKind.TIMED
                within_h = first_use.hours(meaning.kind, meaning.hours)
                found += (
                    each.first_slot <= slot <= each.last_slot
                    and (not is_timed or slot % DAY_H in each.policy.start_hours)
                    and slot - tolerance_h <= at_h < slot + within_h + tolerance_h
                )
    return found


bounds = st.tuples(st.integers(CUT - 40, CUT + 40), st.integers(-2, 60))
windows = st.tuples(bounds, st.sampled_from([Policy(), HOTEL]))


@settings(max_examples=6, deadline=None)
@given(of=st.lists(windows, min_size=1, max_size=3), data=st.data())
def test_no_moment_has_more_codes_than_are_reckoned(
    of: list[tuple[tuple[int, int], Policy]], data: st.DataObject
) -> None:
    keys = [key(place, policy, first_slot=a, last_slot=a + n) for place, ((a, n), policy) in enumerate(of)]
    live = live_codes(FirstUse(), keys)
    at_h = data.draw(st.integers(CUT - 40, CUT + 130)) + data.draw(st.sampled_from([0.0, 0.05, 0.5, 0.95]))
    assert slow(FirstUse(), keys, at_h) <= live.from_slot(int(at_h)) <= live.from_slot(0)
