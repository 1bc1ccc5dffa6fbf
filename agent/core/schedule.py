"""When a code counts: weekly hours in a time zone, and holidays; exact where clocks are put forward or back.

Hours belong to the day on which they begin. Where clocks go forward, a time that does not exist means the
first instant after the gap; where they go back, hours begin at the first of the two and end at the second.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, tzinfo

MIDNIGHT = time()
EVERY_DAY = frozenset(range(1, 8))
_DAY = timedelta(days=1)
_DAYS_BEFORE, _DAYS_AHEAD = 2, 9
LAST_S = 253_370_764_800.0
"""9999-01-01, before which every local date can be written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """From `begins` to `ends`, local time, on each of `days` (1 is Monday). An end that is not after the
    beginning is on the next day, so that equal times are a whole day."""

    days: frozenset[int]
    begins: time
    ends: time


@dataclass(frozen=True, slots=True)
class Holiday:
    """A date on which no hours begin, or those of the weekday `as_day`."""

    day: date
    as_day: int | None = None


ALL_HOURS = (Hours(days=EVERY_DAY, begins=MIDNIGHT, ends=MIDNIGHT),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Weekly hours, each list sorted by its beginning, and the holidays that change them."""

    weekly: tuple[Hours, ...] = ALL_HOURS
    holidays: tuple[Holiday, ...] = ()
    zone_name: str
    zone: tzinfo = field(compare=False, repr=False)
    """The rules behind `zone_name`; whoever reads definitions passes them in."""


@dataclass(frozen=True, slots=True)
class Phase:
    """Whether a schedule is active, for every instant in `[since_s, until_s)`, Unix seconds."""

    is_active: bool
    since_s: float
    until_s: float
    """The next change, or a day ahead to which there is none."""


def phase(schedule: Schedule, wall_s: float) -> Phase:
    """The state of `schedule` at `wall_s`, and how long it stays."""
    if not 0 <= wall_s < LAST_S:
        return Phase(False, wall_s, float("inf"))
    today = datetime.fromtimestamp(wall_s, schedule.zone).date()
    first, last = today - _DAYS_BEFORE * _DAY, today + _DAYS_AHEAD * _DAY
    # What began before `first` has ended by the end of that day.
    since_s = _instants(first + _DAY, MIDNIGHT, schedule.zone)[0]
    horizon_s = _instants(last, MIDNIGHT, schedule.zone)[0]
    active_until_s: float | None = None
    for begins_s, ends_s in _stretches(schedule, first, last):
        if ends_s <= wall_s:
            since_s = max(since_s, ends_s)
        elif active_until_s is None and begins_s > wall_s:
            return Phase(False, since_s, begins_s)
        elif active_until_s is None:
            since_s, active_until_s = begins_s, ends_s
        elif begins_s > active_until_s:
            break
        else:
            active_until_s = max(active_until_s, ends_s)
    if active_until_s is None:
        return Phase(False, since_s, horizon_s)
    return Phase(True, since_s, min(active_until_s, horizon_s))


def _stretches(schedule: Schedule, first: date, last: date) -> Iterator[tuple[float, float]]:
    """The hours that begin on the days from `first` up to `last`, in order, as instants."""
    day = first
    while day < last:
        weekday = _counts_as(schedule, day)
        for hours in schedule.weekly:
            if weekday in hours.days and (found := stretch(day, hours, schedule.zone)) is not None:
                yield found
        day += _DAY


def stretch(day: date, hours: Hours, zone: tzinfo) -> tuple[float, float] | None:
    """The instants at which the hours of a day begin and end; None if a gap swallowed them."""
    end_day = day if hours.ends > hours.begins else day + _DAY
    begins_s = _instants(day, hours.begins, zone)[0]
    ends_s = _instants(end_day, hours.ends, zone)[1]
    return (begins_s, ends_s) if begins_s < ends_s else None


def _counts_as(schedule: Schedule, day: date) -> int | None:
    """The weekday whose hours `day` has; None for none."""
    for holiday in schedule.holidays:
        if holiday.day == day:
            return holiday.as_day
    return day.isoweekday()


def _instants(day: date, at: time, zone: tzinfo) -> tuple[float, float]:
    """The first and the last Unix time at which the clocks of `zone` show this time; twice the end of the
    gap, if they never do."""
    local = datetime.combine(day, at, zone)
    first_s, second_s = local.timestamp(), local.replace(fold=1).timestamp()
    if first_s <= second_s:
        return first_s, second_s
    # Inside a gap the two answers lie on either side of the change (PEP 495).
    changed_s = _first_after_change(zone, int(second_s), int(first_s))
    return changed_s, changed_s


def _first_after_change(zone: tzinfo, before_s: int, after_s: int) -> float:
    """The second at which the offset changes, between two instants on either side."""
    old = datetime.fromtimestamp(before_s, zone).utcoffset()
    while after_s - before_s > 1:
        middle_s = (before_s + after_s) // 2
        if datetime.fromtimestamp(middle_s, zone).utcoffset() == old:
            before_s = middle_s
        else:
            after_s = middle_s
    return float(after_s)
