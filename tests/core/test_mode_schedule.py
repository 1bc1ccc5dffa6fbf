"""Which mode the week wants, over midnight, holidays and both changes of the clocks, and who may end it."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from agent.core.mode_schedule import (
    CORRECTION_S,
    ModeSchedule,
    Standing,
    followed,
    unscheduled,
    wanted,
)
from agent.core.mode_schedule_fields import MODES, mode_schedule_of
from agent.core.modes import Mode
from agent.zones import zone_named
from tests.core.test_schedule import BERLIN, DAYS, EVERY_DAY, MINUTES, ZONES, at, minute_zero, showing

OFFICE = {"days": [1, 2, 3, 4, 5], "from": "08:00", "to": "18:00", "mode": "passage"}
NIGHT = {"days": EVERY_DAY, "from": "22:00", "to": "06:00", "mode": "lockdown"}


def schedule(*weekly: dict[str, Any], zone: str = BERLIN, **fields: Any) -> ModeSchedule:
    if weekly:
        fields["weekly"] = list(weekly)
    return mode_schedule_of({"zone": zone, **fields}, zone_named)


def entry(begins: str, ends: str, mode: str = "passage", days: list[int] = EVERY_DAY) -> dict[str, Any]:
    return {"days": days, "from": begins, "to": ends, "mode": mode}


def boundaries(rules: ModeSchedule, begin: str, end: str) -> list[str]:
    """When the schedule wants what, from `begin` until `end`, in UTC."""
    now, found = at(begin), []
    while (now := wanted(rules, now).until_s) < at(end):
        mode = wanted(rules, now).mode
        found.append(f"{datetime.fromtimestamp(now, UTC):%m-%dT%H:%M} {mode.value if mode else '-'}")
    return found


def test_an_entry_wants_its_mode_from_its_first_second_to_its_last() -> None:
    rules = schedule(OFFICE)
    edges = ["2026-06-01T07:59:59+02:00", "2026-06-01T08:00:00+02:00"]
    edges += ["2026-06-01T17:59:59+02:00", "2026-06-01T18:00:00+02:00"]
    assert [wanted(rules, at(edge)).mode for edge in edges] == [None, Mode.PASSAGE, Mode.PASSAGE, None]


def test_over_a_weekend_the_last_boundary_is_fridays_and_the_next_mondays() -> None:
    sunday = wanted(schedule(OFFICE), at("2026-06-07T12:00+02:00"))
    assert (sunday.since_s, sunday.until_s) == (at("2026-06-05T18:00+02:00"), at("2026-06-08T08:00+02:00"))


def test_nights_belong_to_the_day_on_which_they_begin() -> None:
    friday = schedule(entry("22:00", "06:00", "lockdown", [5]))
    found = boundaries(friday, "2026-06-01T00:00Z", "2026-06-09T00:00Z")
    assert found == ["06-05T20:00 lockdown", "06-06T04:00 -"]


def test_entries_that_touch_hand_over_without_a_gap() -> None:
    rules = schedule(entry("08:00", "12:00"), entry("12:00", "13:00", "no_remote"))
    found = boundaries(rules, "2026-06-01T00:00Z", "2026-06-02T00:00Z")
    assert found == ["06-01T06:00 passage", "06-01T10:00 no_remote", "06-01T11:00 -"]


def test_a_whole_week_in_one_mode_still_has_a_boundary_each_day() -> None:
    rules = schedule(entry("00:00", "00:00", "no_remote"))
    found = boundaries(rules, "2026-06-01T00:00Z", "2026-06-02T23:00Z")
    assert found == ["06-01T22:00 no_remote", "06-02T22:00 no_remote"]


@pytest.mark.parametrize(
    ("rules", "span", "expected"),
    [
        # Berlin, spring: 02:00 -> 03:00 at 01:00Z
        ([entry("02:30", "05:00")], "03-29", ["03-29T01:00 passage", "03-29T03:00 -"]),
        ([entry("02:10", "02:50")], "03-29", []),
        ([NIGHT], "03-29", ["03-28T21:00 lockdown", "03-29T04:00 -"]),
        (
            [entry("01:00", "02:30"), entry("02:30", "05:00", "lockdown")],
            "03-29",
            ["03-29T00:00 passage", "03-29T01:00 lockdown", "03-29T03:00 -"],
        ),
        # autumn: 03:00 -> 02:00 at 01:00Z
        ([entry("02:30", "05:00")], "10-25", ["10-25T00:30 passage", "10-25T04:00 -"]),
        ([entry("02:10", "02:20")], "10-25", ["10-25T00:10 passage", "10-25T01:20 -"]),
        ([NIGHT], "10-25", ["10-24T20:00 lockdown", "10-25T05:00 -"]),
        (
            [entry("01:00", "02:30"), entry("02:30", "05:00", "lockdown")],
            "10-25",
            ["10-24T23:00 passage", "10-25T00:30 lockdown", "10-25T04:00 -"],
        ),
    ],
)
def test_entries_that_touch_a_change_of_the_clocks(
    rules: list[dict[str, Any]], span: str, expected: list[str]
) -> None:
    day = date.fromisoformat(f"2026-{span}")
    begin, end = f"{day - timedelta(days=1)}T12:00Z", f"{day}T12:00Z"
    assert boundaries(schedule(*rules), begin, end) == expected


# --- holidays -----------------------------------------------------------------------------------------

CHRISTMAS = "2026-12-25"  # a Friday


def test_on_a_normal_holiday_nothing_begins_and_the_night_before_ends_as_ever() -> None:
    rules = schedule(OFFICE, NIGHT, holidays=[{"date": CHRISTMAS, "rule": "normal"}])
    found = boundaries(rules, "2026-12-24T16:00Z", "2026-12-26T22:00Z")
    assert found == ["12-24T17:00 -", "12-24T21:00 lockdown", "12-25T05:00 -", "12-26T21:00 lockdown"]


def test_a_holiday_can_have_the_entries_of_another_weekday() -> None:
    sunday = schedule(OFFICE, holidays=[{"date": CHRISTMAS, "rule": {"as_day": 7}}])
    assert wanted(sunday, at(f"{CHRISTMAS}T12:00+01:00")).mode is None
    monday = schedule(OFFICE, holidays=[{"date": "2026-12-27", "rule": {"as_day": 1}}])
    assert wanted(monday, at("2026-12-27T12:00+01:00")).mode is Mode.PASSAGE


def test_a_holiday_with_a_mode_of_its_own_has_it_from_midnight_to_midnight() -> None:
    rules = schedule(OFFICE, NIGHT, holidays=[{"date": CHRISTMAS, "rule": {"mode": "vacation"}}])
    found = boundaries(rules, "2026-12-24T20:00Z", "2026-12-26T22:00Z")
    assert found == ["12-24T21:00 lockdown", "12-24T23:00 vacation", "12-25T23:00 -", "12-26T21:00 lockdown"]


def test_holidays_alone_are_a_schedule() -> None:
    rules = schedule(holidays=[{"date": CHRISTMAS, "rule": {"mode": "lockdown"}}])
    found = boundaries(rules, "2026-12-01T00:00Z", "2026-12-31T00:00Z")
    assert found == ["12-24T23:00 lockdown", "12-25T23:00 -"]


def test_holidays_that_take_away_a_hundred_days_hide_no_boundary() -> None:
    first = date(2026, 6, 8)
    days = [{"date": str(first + timedelta(days=n)), "rule": "normal"} for n in range(100)]
    rules = schedule(OFFICE, holidays=days)
    middle = wanted(rules, at("2026-09-10T12:00Z"))
    assert (middle.since_s, middle.until_s) == (at("2026-06-05T18:00+02:00"), at("2026-09-16T08:00+02:00"))


def test_beyond_every_calendar_nothing_is_wanted() -> None:
    assert wanted(schedule(OFFICE), 253_370_764_000.0).mode is None


# --- against a naive oracle ---------------------------------------------------------------------------

times = st.builds(
    lambda hour, minute: f"{hour:02d}:{minute:02d}",
    st.integers(0, 23),
    st.sampled_from([0, 1, 15, 29, 30, 45, 59]),
)
drawn_entries = st.builds(
    entry, times, times, st.sampled_from(MODES), st.sets(st.integers(1, 7), min_size=1).map(sorted)
)


@st.composite
def weeks(draw: st.DrawFn) -> tuple[ModeSchedule, date]:
    """A schedule without overlaps, and a day near which something happens in its zone."""
    zone = draw(st.sampled_from(ZONES))
    around = draw(st.sampled_from(DAYS.get(zone, [date(2026, 6, 1)]))) - timedelta(
        days=draw(st.integers(0, 2))
    )
    near = st.integers(-1, 3).map(lambda offset: str(around + timedelta(days=offset)))
    rules = st.one_of(
        st.just("normal"),
        st.builds(lambda n: {"as_day": n}, st.integers(1, 7)),
        st.builds(lambda mode: {"mode": mode}, st.sampled_from(MODES[1:])),
    )
    made = schedule(draw(drawn_entries), zone=zone)
    weekly: list[dict[str, Any]] = []
    holidays: list[dict[str, Any]] = []
    for new in draw(st.lists(drawn_entries, min_size=1, max_size=4)):
        try:
            made = schedule(*weekly, new, zone=zone)
        except ValueError:
            continue
        weekly.append(new)
    for day, rule in draw(st.dictionaries(near, rules, max_size=2)).items():
        try:
            made = schedule(*weekly, zone=zone, holidays=[*holidays, {"date": day, "rule": rule}])
        except ValueError:
            continue
        holidays.append({"date": day, "rule": rule})
    return made, around


def naive(rules: ModeSchedule, around: date) -> list[Mode | None]:
    """Minute by minute over two days: an entry takes the door when the clock first shows its beginning, and
    gives it back when the clock last shows its end, unless another has taken it since."""
    zone, begin = ZoneInfo(rules.zone_name), minute_zero(around)
    wall = [
        datetime.fromtimestamp(begin + 60 * n, zone).replace(tzinfo=None, fold=0)
        for n in range(-3 * MINUTES, 5 * MINUTES)
    ]
    spans: list[tuple[int, int, Mode]] = []
    holidays = {each.day: each.rule for each in rules.holidays}
    for day in (around + timedelta(days=offset) for offset in range(-2, 3)):
        rule = holidays.get(day, day.isoweekday())
        midnight = datetime.combine(day, datetime.min.time())
        if isinstance(rule, Mode):
            spans.append((showing(wall, midnight)[0], showing(wall, midnight + timedelta(days=1))[-1], rule))
        for each in rules.weekly:
            if rule in each.hours.days:
                crosses = each.hours.ends <= each.hours.begins
                ends = datetime.combine(day + timedelta(days=crosses), each.hours.ends)
                begins = datetime.combine(day, each.hours.begins)
                spans.append((showing(wall, begins)[0], showing(wall, ends)[-1], each.mode))
    found: list[Mode | None] = []
    for n in range(len(wall)):
        running = [span for span in spans if span[0] <= n and span[0] < span[1]]
        last = max(running, default=None, key=lambda span: span[0])
        found.append(last[2] if last is not None and n < last[1] else None)
    return found[3 * MINUTES : 5 * MINUTES]


@given(weeks())
@settings(max_examples=12, deadline=None, phases=(Phase.generate, Phase.shrink))
def test_every_minute_is_as_a_naive_look_at_the_clock_says(week: tuple[ModeSchedule, date]) -> None:
    rules, around = week
    begin = minute_zero(around)
    assert [wanted(rules, begin + 60 * n).mode for n in range(2 * MINUTES)] == naive(rules, around)


@given(weeks(), st.floats(0, 2 * 86400))
@settings(deadline=None, max_examples=50)
def test_a_phase_is_the_same_from_its_first_to_its_last_second(
    week: tuple[ModeSchedule, date], offset: float
) -> None:
    rules, around = week
    now = minute_zero(around) + offset
    found = wanted(rules, now)
    begin = max(found.since_s, now - 86400)
    assert begin <= now < found.until_s
    assert {wanted(rules, instant) for instant in (begin, now, found.until_s - 1e-3)} == {found}


# --- what a schedule may say --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({}, "weekly and holidays are missing"),
        ({"weekly": [OFFICE], "zone": None}, "zone is missing"),
        ({"weekly": [OFFICE], "zone": "Mars/Base"}, "zone must be"),
        ({"weekly": [OFFICE], "night": 1}, "unknown field 'night'"),
        ({"weekly": []}, "weekly must be"),
        ({"weekly": [{"days": [1], "from": "08:00", "to": "09:00"}]}, r"weekly\[0\] must be .* mode"),
        ({"weekly": [OFFICE | {"mode": "party"}]}, r"weekly\[0\]\.mode must be one of normal, vacation"),
        ({"weekly": [OFFICE | {"mode": "privacy"}]}, r"weekly\[0\]\.mode .* ends when he leaves"),
        ({"weekly": [OFFICE | {"mode": ["passage"]}]}, r"weekly\[0\]\.mode"),
        ({"weekly": [OFFICE | {"days": [8]}]}, r"weekly\[0\]\.days"),
        ({"weekly": [OFFICE | {"to": "24:00"}]}, r"weekly\[0\]\.to"),
        ({"holidays": [{"date": "2026-02-30", "rule": "normal"}]}, r"holidays\[0\]\.date"),
        ({"holidays": [{"date": CHRISTMAS, "rule": "deny"}]}, r'holidays\[0\]\.rule must be "normal"'),
        ({"holidays": [{"date": CHRISTMAS, "rule": {"mode": "normal"}}]}, r"holidays\[0\]\.rule"),
        ({"holidays": [{"date": CHRISTMAS, "rule": {"mode": "privacy"}}]}, r"holidays\[0\]\.rule"),
        ({"holidays": [{"date": CHRISTMAS, "rule": {"as_day": 0}}]}, r"holidays\[0\]\.rule"),
        ({"holidays": [{"date": CHRISTMAS, "rule": "normal"}] * 2}, "each date once"),
    ],
)
def test_what_is_no_schedule_is_named(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        mode_schedule_of({"zone": BERLIN, **fields}, zone_named)


@pytest.mark.parametrize(
    ("weekly", "named"),
    [
        ([OFFICE, entry("17:59", "19:00", "lockdown", [3])], r"weekly\[0\] and weekly\[1\] .* on Wednesday"),
        ([NIGHT, entry("05:00", "07:00", "passage", [1])], r"weekly\[0\] and weekly\[1\] .* on Monday"),
        ([OFFICE, NIGHT, OFFICE], r"weekly\[0\] and weekly\[2\]"),
        ([entry("23:00", "23:00"), entry("22:59", "23:01")], r"weekly\[0\] and weekly\[1\]"),
    ],
)
def test_overlapping_entries_are_refused_by_both_their_names(
    weekly: list[dict[str, Any]], named: str
) -> None:
    with pytest.raises(ValueError, match=named):
        schedule(*weekly)


def test_entries_that_overlap_only_around_a_holiday_are_refused_too() -> None:
    monday, sunday = entry("05:00", "09:00", "passage", [1]), entry("22:00", "06:00", "lockdown", [4])
    schedule(monday, sunday)
    with pytest.raises(ValueError, match=rf"weekly\[0\] and weekly\[1\] overlap on {CHRISTMAS}"):
        schedule(monday, sunday, holidays=[{"date": CHRISTMAS, "rule": {"as_day": 1}}])


# --- what becomes of the mode -------------------------------------------------------------------------

MORNING, NOON, EVENING = (at(f"2026-06-01T{hour}:00+02:00") for hour in ("08", "12", "18"))
RULES = schedule(OFFICE)


def follow(standing: Standing, wall_s: float, rules: ModeSchedule = RULES) -> Standing:
    return followed(standing, rules, wanted(rules, wall_s), wall_s)


def command(standing: Standing, mode: Mode) -> Standing:
    return Standing(mode=mode, by="command", schedule=standing.schedule, boundary_s=standing.boundary_s)


def test_a_schedule_that_is_new_is_followed_at_once_and_then_at_its_boundaries() -> None:
    office = follow(Standing(), NOON)
    assert (office.mode, office.by, office.boundary_s) == (Mode.PASSAGE, "schedule", MORNING)
    assert follow(office, EVENING - 1) is office
    assert follow(office, EVENING).mode is Mode.NORMAL


def test_what_a_person_sets_lasts_until_the_next_boundary() -> None:
    closed = command(follow(Standing(), MORNING), Mode.NORMAL)
    assert follow(closed, EVENING - 1) is closed
    tuesday = follow(follow(closed, EVENING), MORNING + 86400)
    assert (tuesday.mode, tuesday.by) == (Mode.PASSAGE, "schedule")


@pytest.mark.parametrize("mode", [Mode.LOCKDOWN, Mode.PRIVACY, Mode.VACATION])
def test_what_a_person_closed_for_a_reason_is_not_ended_by_a_schedule(mode: Mode) -> None:
    closed = command(follow(Standing(), MORNING), mode)
    after = follow(follow(closed, EVENING), MORNING + 86400)
    assert (after.mode, after.by, after.boundary_s) == (mode, "command", MORNING + 86400)


def test_a_schedule_that_knows_of_vacation_rules_it() -> None:
    rules = schedule(OFFICE, holidays=[{"date": CHRISTMAS, "rule": {"mode": "vacation"}}])
    away = command(follow(Standing(), NOON, rules), Mode.VACATION)
    assert follow(away, EVENING, rules).mode is Mode.NORMAL


def test_a_lockdown_of_the_schedule_ends_with_its_entry() -> None:
    rules = schedule(NIGHT)
    night = follow(Standing(), at("2026-06-01T23:00+02:00"), rules)
    assert (night.mode, follow(night, at("2026-06-02T06:00+02:00"), rules).mode) == (
        Mode.LOCKDOWN,
        Mode.NORMAL,
    )


def test_a_clock_that_is_corrected_back_over_a_boundary_does_not_make_the_door_flap() -> None:
    office = follow(follow(Standing(), MORNING - 60), MORNING + 1)
    assert follow(office, MORNING - CORRECTION_S + 1) is office
    closed = command(office, Mode.NORMAL)
    assert follow(closed, MORNING - 30) is closed
    assert follow(closed, MORNING + 30) is closed


def test_a_clock_that_was_wrong_by_far_is_not_held_against_the_right_time() -> None:
    next_year = follow(Standing(), MORNING + 364 * 86400)
    assert next_year.mode is Mode.PASSAGE
    assert follow(next_year, EVENING).mode is Mode.NORMAL


def test_however_far_the_clock_jumps_forward_the_last_boundary_counts() -> None:
    office = follow(Standing(), NOON)
    assert follow(office, NOON + 5 * 86400).mode is Mode.NORMAL  # a Saturday
    assert follow(office, NOON + 7 * 86400).boundary_s == MORNING + 7 * 86400


def test_without_a_schedule_what_the_last_one_set_ends_and_what_a_person_set_stays() -> None:
    office = follow(Standing(), NOON)
    assert unscheduled(office) == Standing()
    assert unscheduled(command(office, Mode.PASSAGE)) == Standing(mode=Mode.PASSAGE, by="command")
