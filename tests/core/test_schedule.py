"""Hours of the week in a time zone, holidays, and both changes of the clocks."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from agent.core.schedule import Holiday, Hours, Schedule, phase
from agent.core.schedule_fields import schedule_of
from agent.zones import zone_named

BERLIN, NEW_YORK, KOLKATA = "Europe/Berlin", "America/New_York", "Asia/Kolkata"
WORKDAYS = [{"days": [1, 2, 3, 4, 5], "from": "08:00", "to": "18:00"}]
NIGHTS = [{"days": [1, 2, 3, 4, 5, 6, 7], "from": "22:00", "to": "06:00"}]
EVERY_DAY = [1, 2, 3, 4, 5, 6, 7]


def schedule(zone: str = BERLIN, **fields: Any) -> Schedule:
    made = schedule_of({"zone": zone, **fields}, zone_named)
    assert made is not None
    return made


def hours(begins: str, ends: str, zone: str = BERLIN) -> Schedule:
    return schedule(zone, weekly=[{"days": EVERY_DAY, "from": begins, "to": ends}])


def at(text: str) -> float:
    """`2026-03-29T01:59:59Z`, or with an offset, as Unix seconds."""
    return datetime.fromisoformat(text).timestamp()


def changes(rules: Schedule, begin: str, end: str) -> list[str]:
    """When the schedule turns on (+) and off (-) from `begin` until `end`, in UTC."""
    now, found, was = at(begin), [], phase(rules, at(begin)).is_active
    while (now := phase(rules, now).until_s) < at(end):
        is_active = phase(rules, now).is_active
        if is_active != was:
            found.append(f"{'+' if is_active else '-'}{datetime.fromtimestamp(now, UTC):%m-%dT%H:%M}")
        was = is_active
    return found


def test_hours_begin_at_their_first_second_and_are_over_at_their_last() -> None:
    rules = schedule(weekly=WORKDAYS)
    edges = ["2026-06-01T07:59:59+02:00", "2026-06-01T08:00:00+02:00"]
    edges += ["2026-06-01T17:59:59+02:00", "2026-06-01T18:00:00+02:00"]
    assert [phase(rules, at(edge)).is_active for edge in edges] == [False, True, True, False]


def test_a_schedule_says_when_it_changes_over_a_weekend() -> None:
    friday = phase(schedule(weekly=WORKDAYS), at("2026-06-05T18:30:00+02:00"))
    assert (friday.since_s, friday.until_s) == (at("2026-06-05T18:00+02:00"), at("2026-06-08T08:00+02:00"))


def test_hours_over_midnight_belong_to_the_day_on_which_they_begin() -> None:
    friday_night = schedule(weekly=[{"days": [5], "from": "22:00", "to": "06:00"}])
    assert changes(friday_night, "2026-06-01T00:00Z", "2026-06-09T00:00Z") == ["+06-05T20:00", "-06-06T04:00"]


def test_equal_times_are_a_whole_day() -> None:
    sunday = schedule(weekly=[{"days": [7], "from": "00:00", "to": "00:00"}])
    assert changes(sunday, "2026-06-01T00:00Z", "2026-06-09T00:00Z") == ["+06-06T22:00", "-06-07T22:00"]


def test_complaint_26_hours_keep_their_local_time_when_clocks_change() -> None:
    """Hours of 08:00 to 18:00 begin at 07:00 UTC in winter and at 06:00 in summer, to the second."""
    spring = changes(hours("08:00", "18:00"), "2026-03-28T00:00Z", "2026-03-30T00:00Z")
    assert spring == ["+03-28T07:00", "-03-28T17:00", "+03-29T06:00", "-03-29T16:00"]
    autumn = changes(hours("08:00", "18:00"), "2026-10-24T00:00Z", "2026-10-26T00:00Z")
    assert autumn == ["+10-24T06:00", "-10-24T16:00", "+10-25T07:00", "-10-25T17:00"]


BERLIN_SPRING = ("2026-03-28T12:00Z", "2026-03-29T12:00Z")  # 02:00 -> 03:00 at 01:00Z
BERLIN_AUTUMN = ("2026-10-24T12:00Z", "2026-10-25T12:00Z")  # 03:00 -> 02:00 at 01:00Z
NEW_YORK_SPRING = ("2026-03-07T16:00Z", "2026-03-08T16:00Z")  # 02:00 -> 03:00 at 07:00Z
NEW_YORK_AUTUMN = ("2026-10-31T16:00Z", "2026-11-01T16:00Z")  # 02:00 -> 01:00 at 06:00Z


@pytest.mark.parametrize(
    ("zone", "span", "begins", "ends", "expected"),
    [
        (BERLIN, BERLIN_SPRING, "02:30", "05:00", ["+03-29T01:00", "-03-29T03:00"]),
        (BERLIN, BERLIN_SPRING, "01:00", "02:30", ["+03-29T00:00", "-03-29T01:00"]),
        (BERLIN, BERLIN_SPRING, "02:10", "02:50", []),
        (BERLIN, BERLIN_SPRING, "22:00", "06:00", ["+03-28T21:00", "-03-29T04:00"]),
        (BERLIN, BERLIN_AUTUMN, "02:30", "05:00", ["+10-25T00:30", "-10-25T04:00"]),
        (BERLIN, BERLIN_AUTUMN, "01:00", "02:30", ["+10-24T23:00", "-10-25T01:30"]),
        (BERLIN, BERLIN_AUTUMN, "02:10", "02:20", ["+10-25T00:10", "-10-25T01:20"]),
        (BERLIN, BERLIN_AUTUMN, "22:00", "06:00", ["+10-24T20:00", "-10-25T05:00"]),
        (NEW_YORK, NEW_YORK_SPRING, "02:30", "05:00", ["+03-08T07:00", "-03-08T09:00"]),
        (NEW_YORK, NEW_YORK_SPRING, "01:00", "02:30", ["+03-08T06:00", "-03-08T07:00"]),
        (NEW_YORK, NEW_YORK_AUTUMN, "01:30", "05:00", ["+11-01T05:30", "-11-01T10:00"]),
        (NEW_YORK, NEW_YORK_AUTUMN, "00:30", "01:30", ["+11-01T04:30", "-11-01T06:30"]),
        (KOLKATA, BERLIN_SPRING, "02:30", "05:00", ["+03-28T21:00", "-03-28T23:30"]),
        (KOLKATA, BERLIN_AUTUMN, "02:30", "05:00", ["+10-24T21:00", "-10-24T23:30"]),
    ],
)
def test_hours_that_touch_a_change_of_the_clocks(
    zone: str, span: tuple[str, str], begins: str, ends: str, expected: list[str]
) -> None:
    assert changes(hours(begins, ends, zone), *span) == expected


def test_on_a_denied_holiday_no_hours_begin_but_those_of_the_night_before_end_as_ever() -> None:
    rules = schedule(weekly=NIGHTS, holidays=[{"date": "2026-12-25", "rule": "deny"}])
    found = changes(rules, "2026-12-24T12:00Z", "2026-12-27T00:00Z")
    assert found == ["+12-24T21:00", "-12-25T05:00", "+12-26T21:00"]


def test_a_holiday_can_have_the_hours_of_another_weekday() -> None:
    rules = schedule(weekly=WORKDAYS, holidays=[{"date": "2026-12-24", "rule": {"as_day": 7}}])
    assert not phase(rules, at("2026-12-24T12:00+01:00")).is_active
    sunday = schedule(weekly=WORKDAYS, holidays=[{"date": "2026-12-27", "rule": {"as_day": 1}}])
    assert phase(sunday, at("2026-12-27T12:00+01:00")).is_active


def test_holidays_without_hours_close_the_whole_day_and_no_other() -> None:
    rules = schedule(holidays=[{"date": "2026-12-25", "rule": "deny"}])
    assert changes(rules, "2026-12-20T00:00Z", "2026-12-30T00:00Z") == ["-12-24T23:00", "+12-25T23:00"]


def test_a_day_that_a_zone_left_out_has_no_hours() -> None:
    """Samoa went from 29 to 31 December 2011, local time, at 10:00Z on the 30th."""
    found = changes(hours("08:00", "18:00", "Pacific/Apia"), "2011-12-29T10:00Z", "2011-12-31T10:00Z")
    assert found == ["+12-29T18:00", "-12-30T04:00", "+12-30T18:00", "-12-31T04:00"]


def test_what_is_beyond_every_calendar_is_not_active() -> None:
    assert not phase(hours("00:00", "00:00"), 1e15).is_active


# --- against a naive oracle -------------------------------------------------------------------------

ZONES = (BERLIN, NEW_YORK, KOLKATA, "UTC", "Australia/Lord_Howe", "America/Havana", "America/Sao_Paulo")
DAYS = {BERLIN: [date(2026, 3, 29), date(2026, 10, 25)], NEW_YORK: [date(2026, 3, 8), date(2026, 11, 1)]}
DAYS |= {"Australia/Lord_Howe": [date(2026, 4, 5), date(2026, 10, 4)]}  # half an hour
DAYS |= {"America/Havana": [date(2026, 3, 8), date(2026, 11, 1)]}  # at midnight, and back to midnight
DAYS |= {"America/Sao_Paulo": [date(2018, 2, 18), date(2018, 11, 4)]}  # back over midnight, and at midnight


MINUTES = 1440


def naive(rules: Schedule, around: date) -> list[bool]:
    """Minute by minute over two days, by looking at the clock on the wall: hours begin at the first minute
    that shows their beginning, and end with the last that shows their end; or once the clock is beyond."""
    zone, begin = ZoneInfo(rules.zone_name), minute_zero(around)
    wall = [
        datetime.fromtimestamp(begin + 60 * n, zone).replace(tzinfo=None, fold=0)
        for n in range(-3 * MINUTES, 5 * MINUTES)
    ]
    active = [False] * len(wall)
    holidays = {each.day: each.as_day for each in rules.holidays}
    for day in (around + timedelta(days=offset) for offset in range(-2, 3)):
        for each in rules.weekly:
            if holidays.get(day, day.isoweekday()) in each.days:
                end_day = day if each.ends > each.begins else day + timedelta(days=1)
                first = showing(wall, datetime.combine(day, each.begins))[0]
                last = showing(wall, datetime.combine(end_day, each.ends))[-1]
                active[first:last] = [True] * max(0, last - first)
    return active[3 * MINUTES : 5 * MINUTES]


def minute_zero(around: date) -> int:
    return int(datetime.combine(around, time(), UTC).timestamp())


def showing(wall: list[datetime], local: datetime) -> list[int]:
    """The minutes at which the clock shows `local`; if it never does, the first one beyond."""
    exact = [n for n, shown in enumerate(wall) if shown == local]
    return exact or [next(n for n in range(1, len(wall)) if wall[n - 1] < local < wall[n])]


times = st.builds(time, st.integers(0, 23), st.sampled_from([0, 1, 15, 29, 30, 45, 59]))
rows = st.builds(
    lambda days, begins, ends: Hours(days=frozenset(days), begins=begins, ends=ends),
    st.sets(st.integers(1, 7), min_size=1),
    times,
    times,
)


@st.composite
def weeks(draw: st.DrawFn) -> tuple[Schedule, date]:
    """A schedule, and a day near which something happens in its zone."""
    name = draw(st.sampled_from(ZONES))
    around = draw(st.sampled_from(DAYS.get(name, [date(2026, 6, 1)]))) - timedelta(
        days=draw(st.integers(0, 2))
    )
    weekly = draw(st.lists(rows, min_size=1, max_size=4))
    near = st.integers(-1, 3).map(lambda offset: around + timedelta(days=offset))
    holidays = draw(st.dictionaries(near, st.none() | st.integers(1, 7), max_size=2))
    return (
        Schedule(
            weekly=tuple(sorted(weekly, key=lambda each: each.begins)),
            holidays=tuple(Holiday(day, as_day) for day, as_day in sorted(holidays.items())),
            zone_name=name,
            zone=ZoneInfo(name),
        ),
        around,
    )


@given(weeks())
@settings(max_examples=40, deadline=None, phases=(Phase.generate, Phase.shrink))
def test_every_minute_is_as_a_naive_look_at_the_clock_says(week: tuple[Schedule, date]) -> None:
    rules, around = week
    begin = minute_zero(around)
    got = [phase(rules, begin + 60 * n).is_active for n in range(2 * MINUTES)]
    assert got == naive(rules, around)


@given(weeks(), st.floats(0, 2 * 86400))
@settings(deadline=None)
def test_a_phase_holds_from_its_first_to_its_last_second(week: tuple[Schedule, date], offset: float) -> None:
    rules, around = week
    now = minute_zero(around) + offset
    found = phase(rules, now)
    assert found.since_s <= now < found.until_s
    inside = [found.since_s, (found.since_s + now) / 2, (now + found.until_s) / 2, found.until_s - 1e-3]
    assert {phase(rules, instant).is_active for instant in inside} == {found.is_active}


# --- what a definition may say ----------------------------------------------------------------------

CHRISTMAS = [{"date": "2026-12-25", "rule": "deny"}]
GOOD: dict[str, Any] = {"zone": BERLIN, "weekly": WORKDAYS, "holidays": CHRISTMAS}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"zone": None}, "zone is missing"),
        ({"zone": "Europe/Nowhere"}, "zone must be"),
        ({"zone": "right/Europe/Berlin"}, "zone must be"),
        ({"zone": "../../etc/passwd"}, "zone must be"),
        ({"zone": "Europe"}, "zone must be"),
        ({"zone": 1}, "zone must be"),
        ({"weekly": []}, "weekly must be"),
        ({"weekly": {}}, "weekly must be"),
        ({"weekly": WORKDAYS * 29}, "weekly must be"),
        ({"weekly": [{"days": [1], "from": "08:00"}]}, r"weekly\[0\] must be"),
        ({"weekly": [*WORKDAYS, {"days": [0], "from": "08:00", "to": "09:00"}]}, r"weekly\[1\]\.days"),
        ({"weekly": [{"days": [1, 1], "from": "08:00", "to": "09:00"}]}, r"weekly\[0\]\.days"),
        ({"weekly": [{"days": [True], "from": "08:00", "to": "09:00"}]}, r"weekly\[0\]\.days"),
        ({"weekly": [{"days": [], "from": "08:00", "to": "09:00"}]}, r"weekly\[0\]\.days"),
        ({"weekly": [{"days": [1], "from": "8:00", "to": "09:00"}]}, r"weekly\[0\]\.from"),
        ({"weekly": [{"days": [1], "from": "08:00", "to": "24:00"}]}, r"weekly\[0\]\.to"),
        ({"weekly": [{"days": [1], "from": "08:00", "to": "09:60"}]}, r"weekly\[0\]\.to"),
        ({"weekly": [{"days": [1], "from": "08:00", "to": "+9:00"}]}, r"weekly\[0\]\.to"),
        ({"weekly": [{"days": [1], "from": "08:00", "to": "\u0660\u0669:00"}]}, r"weekly\[0\]\.to"),
        ({"holidays": [{"date": "20261225", "rule": "deny"}]}, r"holidays\[0\]\.date"),
        ({"holidays": [{"date": "2026-02-30", "rule": "deny"}]}, r"holidays\[0\]\.date"),
        ({"holidays": [{"date": "2026-12-25", "rule": "open"}]}, r"holidays\[0\]\.rule"),
        ({"holidays": [{"date": "2026-12-25", "rule": {"as_day": 8}}]}, r"holidays\[0\]\.rule"),
        ({"holidays": CHRISTMAS * 2}, "each date once"),
    ],
)
def test_a_field_that_is_wrong_is_named(change: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        schedule_of(GOOD | change, zone_named)


def test_a_zone_alone_rules_nothing() -> None:
    assert schedule_of({"zone": BERLIN}, zone_named) is None
