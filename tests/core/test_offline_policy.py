"""Which offline codes open, when they may be used first, and how likely a guess is one."""

import random
from bisect import bisect
from math import sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.offline_chance import live_at
from agent.core.offline_code import (
    DAY_H,
    LENGTHS,
    Q_VALUES,
    SLOT_S,
    IssuerKey,
    Meaning,
    OfflineFormat,
    OfflineKind,
    issue,
    meaning_of,
)
from agent.core.offline_policy import AcceptedKey, FirstUse, OfflineVerifier, Policy
from tests.core.olc1 import CANCEL, DEVICE, SLOT, START, code_of, key_of, once, timed

DAY_S = 86_400
EXACT = FirstUse(tolerance_s=0)
HOTEL = Policy(2, 16, 336, frozenset({14, 15, 16}))


def verifier(
    *keys: AcceptedKey,
    digits: int = 10,
    first_use: FirstUse | None = None,
    floors: dict[tuple[int, int], int] | None = None,
    denied: tuple[tuple[int, int, int, int], ...] = (),
) -> OfflineVerifier:
    return OfflineVerifier(
        OfflineFormat(DEVICE, digits),
        first_use or FirstUse(),
        keys or (AcceptedKey(key_of()),),
        floors=floors,
        denied=denied,
    )


def opens(of: OfflineVerifier, code: str, at_s: float) -> bool:
    of.keep(at_s)
    return of.look(code, at_s) is not None


def edges(of: OfflineVerifier, code: str, start_s: int = START) -> tuple[int, int]:
    """The first and the last second after `start_s` at which a code is accepted; in between it always is."""
    coarse = [after for after in range(-2 * SLOT_S, 80 * SLOT_S, 300) if opens(of, code, start_s + after)]
    assert coarse == list(range(coarse[0], coarse[-1] + 1, 300))
    before = bisect(range(300), False, key=lambda s: opens(of, code, start_s + coarse[0] - 299 + s))
    after = bisect(range(300), False, key=lambda s: not opens(of, code, start_s + coarse[-1] + s))
    return coarse[0] - 299 + before, coarse[-1] + after - 1


@pytest.mark.parametrize(
    ("meaning", "last_s"),
    [
        (timed(68), DAY_S + 299),
        (timed(1), 3899),
        (timed(5), 5 * SLOT_S + 299),
        (once(), DAY_S + 299),
        (CANCEL, DAY_S + 299),
    ],
    ids=["68 h", "1 h", "5 h", "once", "cancel"],
)
def test_a_code_may_be_used_first_from_its_start_for_its_hours_at_most_a_day(
    meaning: Meaning, last_s: int
) -> None:
    assert edges(verifier(), code_of(meaning)) == (-300, last_s)


def test_the_figures_of_the_specification_hold_to_the_second() -> None:
    assert code_of(timed(68)) == "8731773918"
    assert edges(verifier(), "8731773918") == (-300, DAY_S + 299)
    assert edges(verifier(), "2855334502") == (-300, 3899)


@pytest.mark.parametrize(("within_h", "last_s"), [(6, 6 * SLOT_S), (72, 68 * SLOT_S), (1, SLOT_S)])
def test_a_lock_may_ask_for_the_first_use_sooner_or_later(within_h: int, last_s: int) -> None:
    assert edges(verifier(first_use=FirstUse(within_h, 0)), code_of(timed(68))) == (0, last_s - 1)


def test_a_one_time_code_has_its_day_whatever_timed_codes_are_given() -> None:
    for within_h in (1, 72):
        assert edges(verifier(first_use=FirstUse(within_h, 0)), code_of(once())) == (0, DAY_S - 1)


@pytest.mark.parametrize("code", ["4527192614", "3612034834"], ids=["reserved q", "beyond the last slot"])
def test_what_is_no_code_opens_at_no_time(code: str) -> None:
    of = verifier()
    assert not any(opens(of, code, START + hour * SLOT_S) for hour in range(-48, 48))


def test_what_is_accepted_is_told_whole() -> None:
    of = verifier(AcceptedKey(key_of()), AcceptedKey(key_of(2, 7)))
    of.keep(START)
    found = of.look(code_of(timed(68, 2), key=key_of(2, 7)), START)
    assert found is not None
    assert (found.kid, found.issuer, found.payload.slot) == (2, 7, SLOT)
    assert meaning_of(found.payload.q) == timed(68, 2)


# --- eras ---------------------------------------------------------------------------------------------


def test_the_last_code_of_an_era_is_accepted_beyond_its_end() -> None:
    form = OfflineFormat(DEVICE, 8)
    last_s = form.start_of(form.era_slots - 1)
    code = issue(form, key_of(), last_s, timed(48))
    assert code == "47245579"
    assert edges(verifier(digits=8), code, last_s) == (-300, DAY_S + 299)


@pytest.mark.parametrize("digits", [8, 9])
@pytest.mark.parametrize("era", [1, 10])
def test_the_first_code_of_an_era_is_accepted_before_the_era_begins(digits: int, era: int) -> None:
    form = OfflineFormat(DEVICE, digits)
    first_s = form.start_of(era * form.era_slots)
    code = issue(form, key_of(), first_s, timed(24))
    assert edges(verifier(digits=digits), code, first_s) == (-300, DAY_S + 299)


def test_with_a_long_first_use_the_oldest_codes_of_an_era_end_as_late_as_others() -> None:
    form = OfflineFormat(DEVICE, 8)
    last_s = form.start_of(form.era_slots - 1)
    code = issue(form, key_of(), last_s, timed(100))
    assert edges(verifier(digits=8, first_use=FirstUse(72, 1800)), code, last_s) == (
        -1800,
        72 * SLOT_S + 1799,
    )


def test_a_code_of_one_era_says_nothing_good_in_the_next() -> None:
    form = OfflineFormat(DEVICE, 8)
    code = issue(form, key_of(), START, timed(24))
    again_s = START + form.era_slots * SLOT_S
    assert form.era_at(again_s) == form.era_at(START) + 1
    assert not opens(verifier(digits=8), code, again_s)


def test_before_the_first_slot_nothing_opens() -> None:
    form = OfflineFormat(DEVICE)
    code = issue(form, key_of(), form.start_of(0), timed(1))
    of = verifier()
    assert not opens(of, code, 0)
    assert not opens(of, code, form.start_of(0) - 301)
    assert opens(of, code, form.start_of(0) - 300)


# --- who may issue what -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "allowed", "refused"),
    [
        (Policy(serials=2), timed(68, 1), timed(68, 2)),
        (Policy(once_serials=16), once(15), once(16)),
        (Policy(longest_h=336), timed(336), timed(337)),
        (Policy(longest_h=30 * 24), timed(30 * 24), timed(31 * 24)),
        (Policy(serials=0), once(), timed(1)),
        (Policy(may_cancel=False), timed(1), CANCEL),
    ],
    ids=["serials", "once serials", "hours", "days", "no timed", "no cancelling"],
)
def test_an_issuer_goes_no_further_than_its_policy(
    policy: Policy, allowed: Meaning, refused: Meaning
) -> None:
    of = verifier(AcceptedKey(key_of(), policy))
    assert opens(of, code_of(allowed), START)
    assert not opens(of, code_of(refused), START)


def test_timed_codes_start_at_the_hours_of_their_issuer_and_one_time_codes_at_any() -> None:
    of = verifier(AcceptedKey(key_of(), HOTEL))
    hours = [
        hour
        for hour in range(24)
        if opens(of, code_of(timed(3), START + hour * SLOT_S), START + hour * SLOT_S)
    ]
    assert [(15 + hour) % 24 for hour in hours] == [15, 16, 14]
    assert all(opens(of, code_of(once(), START + h * SLOT_S), START + h * SLOT_S) for h in range(24))


@pytest.mark.parametrize(
    ("first", "last", "expected"), [(SLOT, SLOT, True), (SLOT + 1, 2**40, False), (0, SLOT - 1, False)]
)
def test_a_key_counts_for_its_slots_only(first: int, last: int, expected: bool) -> None:
    of = verifier(AcceptedKey(key_of(), first_slot=first, last_slot=last))
    assert opens(of, code_of(timed(68)), START) is expected


def test_during_a_rotation_every_start_has_the_key_of_its_slot() -> None:
    of = verifier(AcceptedKey(key_of(1), last_slot=SLOT - 1), AcceptedKey(key_of(2), first_slot=SLOT))
    for key, before, after in ((key_of(1), True, False), (key_of(2), False, True)):
        assert opens(of, code_of(timed(68), START - SLOT_S, key=key), START) is before
        assert opens(of, code_of(timed(68), START, key=key), START) is after


def test_codes_of_another_issuer_another_lock_or_another_length_do_not_open() -> None:
    of = verifier()
    assert not opens(of, code_of(timed(68), key=key_of(1, 7)), START)
    assert not opens(of, issue(OfflineFormat("lock-0002"), key_of(), START, timed(68)), START)
    for digits in (8, 9):
        assert not opens(of, code_of(timed(68), digits=digits), START)
        assert not opens(verifier(digits=digits), code_of(timed(68)), START)


def test_a_floor_cancels_what_starts_before_it_and_only_of_its_key() -> None:
    of = verifier(AcceptedKey(key_of()), AcceptedKey(key_of(1, 7)), floors={(1, 0): SLOT})
    assert not opens(of, code_of(timed(68), START - SLOT_S), START)
    assert opens(of, code_of(timed(68)), START)
    assert opens(of, code_of(timed(68), START - SLOT_S, key=key_of(1, 7)), START)


def test_one_code_can_be_denied_and_its_neighbours_stay() -> None:
    of = verifier(denied=((1, 0, SLOT, 67),))
    assert not opens(of, code_of(timed(68)), START)
    assert opens(of, code_of(timed(68, 1)), START)
    assert opens(of, code_of(timed(68), START - SLOT_S), START)
    assert opens(of, code_of(timed(67)), START)


def test_a_lock_has_three_keys_at_most_and_no_two_of_one_name() -> None:
    keys = [AcceptedKey(key_of(kid)) for kid in range(4)]
    with pytest.raises(ValueError, match="at most 3 keys"):
        verifier(*keys)
    with pytest.raises(ValueError, match="same kid and issuer"):
        verifier(keys[0], keys[0])


def test_a_lock_without_keys_accepts_nothing() -> None:
    of = OfflineVerifier(OfflineFormat(DEVICE), FirstUse())
    for code in (code_of(timed(68)), code_of(timed(68), key=IssuerKey(0, 0, bytes(32))), "0000000000"):
        assert not opens(of, code, START)


@pytest.mark.parametrize("entry", ["1", "1234", "12345678", "123456789", "0000000000", "8731773918"], ids=len)
def test_every_entry_costs_six_decodes(entry: str) -> None:
    for keys in ((), (AcceptedKey(key_of()),), tuple(AcceptedKey(key_of(kid)) for kid in range(3))):
        of = OfflineVerifier(OfflineFormat(DEVICE), FirstUse(), keys)
        of.keep(START)
        of.look(entry, START)
        assert of.decodes == 6


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: FirstUse(0),
        lambda: FirstUse(73),
        lambda: FirstUse(24, -1),
        lambda: FirstUse(24, 1801),
        lambda: Policy(serials=5),
        lambda: Policy(once_serials=49),
        lambda: Policy(longest_h=8809),
        lambda: Policy(start_hours=frozenset({24})),
    ],
)
def test_a_policy_that_no_code_could_follow_is_refused(wrong: object) -> None:
    assert callable(wrong)
    with pytest.raises(ValueError, match=r"0 to|1 to"):
        wrong()


# --- guessing -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("minute", [0, 3, 30, 58])
def test_guesses_at_eight_digits_open_as_often_as_reckoned(minute: int) -> None:
    guesses, at_s = 25_000, START + minute * 60
    of, form = verifier(digits=8), OfflineFormat(DEVICE, 8)
    chance = live_at(Policy(), FirstUse(), (at_s - form.start_of(0)) / SLOT_S) / 10**8
    draw = random.Random(minute)
    of.keep(at_s)
    hits = 0
    for _ in range(guesses):
        found = of.look(f"{draw.randrange(10**8):08d}", at_s)
        hits += found is not None and meaning_of(found.payload.q) != CANCEL
    sigma = sqrt(guesses * chance * (1 - chance))
    assert abs(hits - guesses * chance) <= 4 * sigma
    assert hits > 0


# --- against a slow reading of the same rules ---------------------------------------------------------


def accepted_by_listing(form: OfflineFormat, key: AcceptedKey, first_use: FirstUse, now_s: float) -> set[str]:
    """Every code that may be used first now, found by issuing all codes there could be."""
    codes = set()
    for slot in range(form.slot_at(now_s) - 80, form.slot_at(now_s) + 2):
        for q in range(Q_VALUES):
            meaning = meaning_of(q)
            if meaning is None or slot < 0:
                continue
            start_s = form.start_of(slot)
            if meaning.kind is OfflineKind.TIMED:
                hours = first_use.within_h if meaning.hours > first_use.within_h else meaning.hours
                may = meaning.serial < key.policy.serials and meaning.hours <= key.policy.longest_h
                may = may and (slot % DAY_H) in key.policy.start_hours
            else:
                hours = 24
                may = key.policy.may_cancel if meaning == CANCEL else meaning.serial < key.policy.once_serials
            since_s = now_s - start_s
            in_time = -first_use.tolerance_s <= since_s < hours * SLOT_S + first_use.tolerance_s
            if may and in_time and key.first_slot <= slot <= key.last_slot:
                codes.add(issue(form, key.key, start_s, meaning))
    return codes


@settings(max_examples=15, deadline=None)
@given(
    digits=st.sampled_from(LENGTHS),
    policy=st.builds(
        Policy,
        st.integers(0, 1),
        st.integers(0, 2),
        st.integers(0, 6),
        st.frozensets(st.integers(0, 23)),
        may_cancel=st.booleans(),
    ),
    first_use=st.builds(FirstUse, st.integers(1, 72), st.integers(0, 1800)),
    now_s=st.integers(START, START + 100 * DAY_S),
    cut=st.integers(-30, 30),
    data=st.data(),
)
def test_exactly_the_codes_that_a_slow_listing_finds_are_accepted(
    digits: int, policy: Policy, first_use: FirstUse, now_s: int, cut: int, data: st.DataObject
) -> None:
    form = OfflineFormat(DEVICE, digits)
    key = AcceptedKey(key_of(), policy, first_slot=form.slot_at(now_s) + cut)
    listed = accepted_by_listing(form, key, first_use, now_s)
    of = verifier(key, digits=digits, first_use=first_use)
    assert all(opens(of, code, now_s) for code in listed)
    start_s = now_s + data.draw(st.integers(-80, 2)) * SLOT_S
    for meaning in (timed(1), timed(2), timed(6), timed(7), timed(1, 1), once(0), once(1), once(2), CANCEL):
        code = issue(form, key_of(), start_s, meaning)
        assert opens(of, code, now_s) is (code in listed)
