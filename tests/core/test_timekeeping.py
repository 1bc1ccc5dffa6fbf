"""Clock trust as a state."""

import pytest

from agent.core.timekeeping import (
    Anchor,
    RtcPair,
    Timekeeper,
    Trust,
    next_change,
    ntp_time,
    paired,
    raised_floor,
    reading,
    rtc_time,
    signed_answer,
    technician_time,
)

T = 1_790_000_000
TRUSTED = Timekeeper(anchor=Anchor(100.0, float(T), 1.0), floor_s=T - 10, signed_floor_s=T - 10)
UNKNOWN = Timekeeper(floor_s=T - 10, signed_floor_s=T - 10)
PAIR = RtcPair(rtc_s=5000, wall_s=float(T), bound_s=2.0)


def test_a_lock_that_was_told_nothing_knows_only_its_floor() -> None:
    clock = reading(Timekeeper(floor_s=T), 5.0)
    assert (clock.trust, clock.floor_s) == (Trust.UNKNOWN, T)


def test_time_goes_on_from_the_anchor_and_its_bound_grows_with_drift() -> None:
    clock = reading(TRUSTED, 10_100.0)
    assert clock.wall_s == T + 10_000
    assert clock.bound_s == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("elapsed", "trust"),
    [
        (0, Trust.TRUSTED),
        (900, Trust.TRUSTED),
        (901, Trust.HOLDOVER),
        (2_989_000, Trust.HOLDOVER),
        (2_991_000, Trust.UNKNOWN),
    ],
)
def test_trust_falls_with_time_since_the_last_source(elapsed: float, trust: Trust) -> None:
    assert reading(TRUSTED, 100.0 + elapsed).trust is trust


def test_the_next_change_of_trust_is_known_in_advance() -> None:
    assert next_change(TRUSTED, 100.0) == 1000.0
    assert next_change(TRUSTED, 2000.0) == pytest.approx(100.0 + 2_990_000)
    assert next_change(Timekeeper(), 0.0) is None


def test_a_signed_answer_sets_the_clock_and_raises_the_floor() -> None:
    keeper = signed_answer(Timekeeper(), 10.0, 10.2, T)
    assert isinstance(keeper, Timekeeper)
    assert (reading(keeper, 10.2).trust, keeper.floor_s) == (Trust.TRUSTED, T)
    assert abs(reading(keeper, 10.2).wall_s - (T + 0.5)) <= reading(keeper, 10.2).bound_s


@pytest.mark.parametrize(
    ("asked", "arrived", "time", "why"),
    [
        (0.0, 10.1, T, "time_answer_late"),
        (5.0, 4.0, T, "time_answer_late"),
        (0.0, 0.1, T - 1000, "time_below_floor"),
    ],
)
def test_an_answer_that_is_late_or_from_the_past_is_refused(
    asked: float, arrived: float, time: int, why: str
) -> None:
    assert signed_answer(TRUSTED, asked, arrived, time) == why


def test_ntp_is_believed_near_the_estimate_and_not_far_from_it() -> None:
    assert reading(ntp_time(TRUSTED, 5000.0, T + 4905.0, trust_ntp=False), 5000.0).wall_s == T + 4905
    assert ntp_time(TRUSTED, 5000.0, T + 40_000.0, trust_ntp=False) == TRUSTED
    assert ntp_time(Timekeeper(), 5.0, float(T), trust_ntp=False) == Timekeeper()


def test_ntp_alone_raises_the_floor_by_an_hour_at_most() -> None:
    keeper = TRUSTED
    for hours in range(1, 50):
        now = 5000.0 + hours * 3600
        keeper = raised_floor(ntp_time(keeper, now, T + hours * 400_000.0, trust_ntp=True), now)
        assert keeper.floor_s <= TRUSTED.floor_s + 3600
    assert keeper.floor_s == TRUSTED.floor_s + 3600
    signed = signed_answer(keeper, now, now, T + 7200)
    assert isinstance(signed, Timekeeper)
    assert signed.floor_s == T + 7200


def test_ntp_from_before_the_floor_is_not_believed() -> None:
    assert ntp_time(TRUSTED, 200.0, T - 5000.0, trust_ntp=True) == TRUSTED


def test_the_floor_rises_with_trusted_time_only() -> None:
    assert raised_floor(TRUSTED, 200.0).floor_s == T + 98
    assert raised_floor(TRUSTED, 5000.0) == TRUSTED


# --- a technician, and a hardware clock ---------------------------------------------------------------


def test_a_technician_sets_an_unknown_clock_and_hardly_the_floor() -> None:
    keeper = technician_time(UNKNOWN, 50.0, T + 400_000.0)
    assert isinstance(keeper, Timekeeper)
    clock = reading(keeper, 50.0)
    assert (clock.trust, clock.wall_s, clock.bound_s) == (Trust.HOLDOVER, T + 400_000, 60.0)
    assert raised_floor(keeper, 60.0).floor_s == UNKNOWN.floor_s + 3600


@pytest.mark.parametrize(
    ("keeper", "wall_s", "why"),
    [(TRUSTED, T + 5.0, "time_known"), (UNKNOWN, T - 11.0, "time_below_floor")],
)
def test_a_technician_overrules_nothing_that_is_known(keeper: Timekeeper, wall_s: float, why: str) -> None:
    assert technician_time(keeper, 200.0, wall_s) == why


def test_after_a_boot_the_hardware_clock_has_counted_on() -> None:
    keeper = rtc_time(UNKNOWN, PAIR, 7.0, 5000 + 1_000_000, 5.0)
    assert isinstance(keeper, Timekeeper)
    clock = reading(keeper, 7.0)
    assert (clock.trust, clock.wall_s) == (Trust.HOLDOVER, T + 1_000_000)
    assert clock.bound_s == pytest.approx(2.0 + 1.0 + 5.0)
    assert keeper.floor_s == UNKNOWN.floor_s + 3600


@pytest.mark.parametrize("rtc_s", [0, 4999, 5000 + 60_000_000])
def test_a_hardware_clock_that_lost_its_battery_or_ran_for_years_is_of_no_use(rtc_s: int) -> None:
    taken = rtc_time(UNKNOWN, PAIR, 7.0, rtc_s, 5.0)
    assert taken == ("rtc_stepped" if rtc_s < 5000 else UNKNOWN)


def test_a_hardware_clock_that_was_set_while_the_lock_ran_is_noticed() -> None:
    for rtc_s in (5000 + 9_900 + 3600, 5000 + 9_900 - 60):
        assert rtc_time(TRUSTED, PAIR, 10_000.0, rtc_s, 5.0) == "rtc_stepped"


def test_it_narrows_an_estimate_that_has_drifted_and_no_other() -> None:
    day = 86_400
    assert rtc_time(TRUSTED, PAIR, 200.0, 5100, 5.0) is TRUSTED
    keeper = rtc_time(TRUSTED, PAIR, 100.0 + day, 5000 + day, 5.0)
    assert isinstance(keeper, Timekeeper)
    assert reading(TRUSTED, 100.0 + day).bound_s == pytest.approx(9.64)
    assert reading(keeper, 100.0 + day).bound_s == pytest.approx(3.432)


def test_a_pair_is_made_with_a_known_time_only() -> None:
    assert paired(UNKNOWN, 5.0, 77) is None
    assert paired(TRUSTED, 100.0, 77) == RtcPair(77, float(T), 2.0)
