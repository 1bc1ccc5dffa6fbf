"""Reads the fields of a schedule: `weekly`, `zone`, `holidays`; a ValueError names the one that is wrong."""

from collections.abc import Callable, Mapping
from datetime import date, time, tzinfo

from agent.core.schedule import ALL_HOURS, EVERY_DAY, Holiday, Hours, Schedule

FIELDS = frozenset({"weekly", "zone", "holidays"})
HOURS_KEYS = frozenset({"days", "from", "to"})
HOLIDAY_KEYS = frozenset({"date", "rule"})
MAX_WEEKLY = 28
MAX_HOLIDAYS = 100
"""With these a definition stays far below the largest part of a bucket."""

ZoneNamed = Callable[[str], tzinfo | None]
"""The rules of an IANA zone, or None for a name that is none."""


def schedule_of(fields: Mapping[str, object], zone_named: ZoneNamed) -> Schedule | None:
    """The schedule of a definition, None without one. A zone alone rules nothing."""
    weekly, holidays = fields.get("weekly"), fields.get("holidays")
    if weekly is None and holidays is None:
        return None
    name, zone = zone_of(fields, zone_named)
    hours = ALL_HOURS if weekly is None else tuple(_hours(each, n) for n, each in entries("weekly", weekly))
    return Schedule(
        weekly=tuple(sorted(hours, key=lambda each: each.begins)),
        holidays=() if holidays is None else _holidays(holidays),
        zone_name=name,
        zone=zone,
    )


def zone_of(fields: Mapping[str, object], zone_named: ZoneNamed) -> tuple[str, tzinfo]:
    """The field `zone`: its name, and its rules."""
    name = fields.get("zone")
    if name is None:
        raise ValueError("zone is missing: hours and dates mean nothing without one; give its IANA name")
    zone = zone_named(name) if isinstance(name, str) else None
    if zone is None or not isinstance(name, str):
        raise ValueError('zone must be the IANA name of a time zone, like "Europe/Berlin"')
    return name, zone


_MOST = {"weekly": MAX_WEEKLY, "holidays": MAX_HOLIDAYS}


def entries(name: str, value: object) -> list[tuple[int, object]]:
    """The entries of the list `weekly` or `holidays`, numbered as messages name them."""
    most = _MOST[name]
    if not isinstance(value, list) or not 1 <= len(value) <= most:
        raise ValueError(f"{name} must be a list of 1 to {most} entries; leave it out for no such rule")
    return list(enumerate(value))


def entry_of(where: str, value: object, keys: frozenset[str]) -> Mapping[str, object]:
    """An entry that has these keys and no others."""
    if not isinstance(value, dict) or value.keys() != keys:
        raise ValueError(f"{where} must be an object of exactly {', '.join(sorted(keys))}")
    return value


def _hours(value: object, place: int) -> Hours:
    where = f"weekly[{place}]"
    return hours_in(where, entry_of(where, value, HOURS_KEYS))


def hours_in(where: str, entry: Mapping[str, object]) -> Hours:
    """The hours of an entry that has HOURS_KEYS."""
    days = entry["days"]
    if (
        not isinstance(days, list)
        or not days
        or not all(type(day) is int and day in EVERY_DAY for day in days)
        or len(set(days)) != len(days)
    ):
        raise ValueError(f"{where}.days must be a list of different numbers from 1, Monday, to 7, Sunday")
    return Hours(
        days=frozenset(days),
        begins=_time(f"{where}.from", entry["from"]),
        ends=_time(f"{where}.to", entry["to"]),
    )


def _time(where: str, value: object) -> time:
    text = value if isinstance(value, str) else ""
    hour, colon, minute = text[:2], text[2:3], text[3:]
    is_written = len(text) == 5 and colon == ":" and (hour + minute).isascii() and (hour + minute).isdigit()
    if is_written and int(hour) < 24 and int(minute) < 60:
        return time(int(hour), int(minute))
    raise ValueError(f'{where} must be a time from "00:00" to "23:59"')


def _holidays(value: object) -> tuple[Holiday, ...]:
    holidays = tuple(_holiday(each, place) for place, each in entries("holidays", value))
    if len({holiday.day for holiday in holidays}) != len(holidays):
        raise ValueError("holidays must name each date once")
    return tuple(sorted(holidays, key=lambda holiday: holiday.day))


def _holiday(value: object, place: int) -> Holiday:
    where = f"holidays[{place}]"
    entry = entry_of(where, value, HOLIDAY_KEYS)
    return Holiday(date_of(f"{where}.date", entry["date"]), _as_day(f"{where}.rule", entry["rule"]))


def date_of(where: str, value: object) -> date:
    """A date as it is written."""
    try:
        day = date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        day = None
    if day is None or day.isoformat() != value:
        raise ValueError(f'{where} must be a date like "2030-12-24"')
    return day


def _as_day(where: str, value: object) -> int | None:
    if value == "deny":
        return None
    as_day = weekday_in(value)
    if as_day is None:
        raise ValueError(f'{where} must be "deny", or {{"as_day": n}} with n from 1, Monday, to 7, Sunday')
    return as_day


def weekday_in(rule: object) -> int | None:
    """The weekday of a rule `{"as_day": n}`; None for anything else."""
    as_day = rule.get("as_day") if isinstance(rule, dict) and len(rule) == 1 else None
    return as_day if type(as_day) is int and as_day in EVERY_DAY else None
