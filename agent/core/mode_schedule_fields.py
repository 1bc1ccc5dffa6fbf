"""Reads the fields of a mode schedule: `weekly`, `zone`, `holidays`; a ValueError names what is wrong."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from agent.core.mode_schedule import ModeHoliday, ModeHours, ModeSchedule, rule_of
from agent.core.modes import Mode, may_be_scheduled
from agent.core.schedule_fields import (
    FIELDS,
    HOLIDAY_KEYS,
    HOURS_KEYS,
    ZoneNamed,
    date_of,
    entries,
    entry_of,
    hours_in,
    weekday_in,
    zone_of,
)

MODES = tuple(mode.value for mode in Mode if may_be_scheduled(mode))
_DAY = timedelta(days=1)
_A_MONDAY = date(2024, 1, 1)
_DAY_MINUTES = 24 * 60
_DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def mode_schedule_of(fields: Mapping[str, object], zone_named: ZoneNamed) -> ModeSchedule:
    """The schedule that `fields` describe: `weekly`, `holidays`, or both, and their `zone`."""
    for name in fields:
        if name not in FIELDS:
            raise ValueError(f"unknown field {name!r}; a mode schedule has {', '.join(sorted(FIELDS))}")
    weekly, holidays = fields.get("weekly"), fields.get("holidays")
    if weekly is None and holidays is None:
        raise ValueError("weekly and holidays are missing: without either there is nothing to schedule")
    zone_name, zone = zone_of(fields, zone_named)
    schedule = ModeSchedule(
        weekly=() if weekly is None else tuple(_hours(each, n) for n, each in entries("weekly", weekly)),
        holidays=() if holidays is None else _holidays(holidays),
        zone_name=zone_name,
        zone=zone,
    )
    problem = _overlap(schedule)
    if problem is not None:
        raise ValueError(problem)
    return schedule


def _hours(value: object, place: int) -> ModeHours:
    where = f"weekly[{place}]"
    entry = entry_of(where, value, HOURS_KEYS | {"mode"})
    mode = entry["mode"]
    if not isinstance(mode, str) or mode not in MODES:
        raise ValueError(f"{where}.mode must be one of {', '.join(MODES)}{_why_not(mode)}")
    return ModeHours(hours_in(where, entry), Mode(mode))


def _why_not(mode: object) -> str:
    is_privacy = mode == Mode.PRIVACY.value
    return "; privacy is for somebody inside to ask for, and ends when he leaves" if is_privacy else ""


def _holidays(value: object) -> tuple[ModeHoliday, ...]:
    holidays = tuple(_holiday(each, place) for place, each in entries("holidays", value))
    if len({holiday.day for holiday in holidays}) != len(holidays):
        raise ValueError("holidays must name each date once")
    return tuple(sorted(holidays, key=lambda holiday: holiday.day))


def _holiday(value: object, place: int) -> ModeHoliday:
    where = f"holidays[{place}]"
    entry = entry_of(where, value, HOLIDAY_KEYS)
    return ModeHoliday(date_of(f"{where}.date", entry["date"]), _rule(f"{where}.rule", entry["rule"]))


def _rule(where: str, value: object) -> int | Mode | None:
    if value == Mode.NORMAL.value:
        return None
    as_day = weekday_in(value)
    if as_day is not None:
        return as_day
    mode = value.get("mode") if isinstance(value, dict) and len(value) == 1 else None
    named = [each for each in MODES if each != Mode.NORMAL.value]
    if isinstance(mode, str) and mode in named:
        return Mode(mode)
    raise ValueError(
        f'{where} must be "normal", {{"as_day": n}} with n from 1, Monday, to 7, Sunday, or {{"mode": m}}'
        f" with m one of {', '.join(named)}{_why_not(mode)}"
    )


# --- one mode at a time -------------------------------------------------------------------------------


class _Span(NamedTuple):
    """Minutes on the clock, counted from the first day looked at."""

    begins: int
    ends: int
    place: int
    day: date


def _overlap(schedule: ModeSchedule) -> str | None:
    """Two entries that want the door in two modes at once: in an ordinary week, or around a holiday. A
    holiday with a mode of its own goes before whatever began the day before."""
    ordinary = ModeSchedule(weekly=schedule.weekly, zone_name=schedule.zone_name, zone=schedule.zone)
    found = _first_overlap(ordinary, [_A_MONDAY + n * _DAY for n in range(8)])
    if found is not None:
        first, second = found
        return _sentence(first, second, f"on {_DAY_NAMES[second.day.isoweekday() - 1]}")
    for holiday in schedule.holidays:
        if date.min + _DAY < holiday.day < date.max - _DAY:
            found = _first_overlap(schedule, [holiday.day - _DAY, holiday.day, holiday.day + _DAY])
            if found is not None:
                return _sentence(*found, f"on {found[1].day}, with its holidays")
    return None


def _sentence(first: _Span, second: _Span, when: str) -> str:
    low, high = sorted((first.place, second.place))
    return (
        f"weekly[{low}] and weekly[{high}] overlap {when}: a door has one mode at a time;"
        " end one before the other begins"
    )


def _first_overlap(schedule: ModeSchedule, days: Sequence[date]) -> tuple[_Span, _Span] | None:
    spans = sorted(
        _span(entry, place, day, number)
        for number, day in enumerate(days)
        for place, entry in enumerate(schedule.weekly)
        if rule_of(schedule, day) in entry.hours.days
    )
    following = (spans[n : n + 2] for n in range(len(spans) - 1))
    return next(((one, other) for one, other in following if other.begins < one.ends), None)


def _span(entry: ModeHours, place: int, day: date, number: int) -> _Span:
    begins, ends = (each.hour * 60 + each.minute for each in (entry.hours.begins, entry.hours.ends))
    length = (ends - begins) % _DAY_MINUTES or _DAY_MINUTES
    begins += number * _DAY_MINUTES
    return _Span(begins, begins + length, place, day)
