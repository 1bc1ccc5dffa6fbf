"""Which operating mode the week wants, and when that changes: exact over midnight and changes of the clocks.

Pure. Hours mean what they mean in `schedule`. At each boundary, where an entry begins or ends, the door goes
into the mode of the schedule; between two of them it is whoever changes the mode who decides.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, tzinfo

from agent.core.modes import Mode, may_schedule_end
from agent.core.schedule import EVERY_DAY, LAST_S, MIDNIGHT, Hours, stretch

CORRECTION_S = 300.0
"""As far as a known clock may be wrong (`timekeeping.MAX_BOUND_S`): set back by less, a boundary that has
been dealt with is not dealt with again; by more, it was not the time, and all is looked up anew."""
_NEVER_S = float("-inf")
_DAY, _DAY_S = timedelta(days=1), 86_400.0
_WHOLE_DAY = Hours(days=EVERY_DAY, begins=MIDNIGHT, ends=MIDNIGHT)
_DAYS = 400
"""How far to look for a boundary: each week has one, unless holidays take it away, a hundred at most."""


@dataclass(frozen=True, slots=True)
class ModeHours:
    """A mode and its hours. Those of two entries of one schedule never overlap."""

    hours: Hours
    mode: Mode


@dataclass(frozen=True, slots=True)
class ModeHoliday:
    """A date with a rule of its own: the weekday whose entries begin on it, the mode it has from midnight to
    midnight, whatever began before, or None: no entry begins on it."""

    day: date
    rule: int | Mode | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeSchedule:
    """Weekly entries and the holidays that change them."""

    weekly: tuple[ModeHours, ...] = ()
    holidays: tuple[ModeHoliday, ...] = ()
    zone_name: str
    zone: tzinfo = field(compare=False, repr=False)
    """The rules behind `zone_name`; whoever reads the fields passes them in."""
    digest: str = field(init=False, compare=False)
    """16 hex digits: two schedules with the same say the same."""

    @property
    def modes(self) -> frozenset[Mode]:
        """Every mode it names."""
        special = {each.rule for each in self.holidays if isinstance(each.rule, Mode)}
        return frozenset({each.mode for each in self.weekly} | special)

    def __post_init__(self) -> None:
        """Reckon the digest, once."""
        weekly = [
            [sorted(each.hours.days), str(each.hours.begins), str(each.hours.ends), each.mode.value]
            for each in self.weekly
        ]
        holidays = [
            [str(each.day), each.rule.value if isinstance(each.rule, Mode) else each.rule]
            for each in self.holidays
        ]
        text = json.dumps([self.zone_name, sorted(weekly), holidays])
        object.__setattr__(self, "digest", hashlib.sha256(text.encode()).hexdigest()[:16])


@dataclass(frozen=True, slots=True)
class ModePhase:
    """What a schedule wants at every instant in `[since_s, until_s)`, Unix seconds."""

    mode: Mode | None
    """None: no entry is running, the door is to work as usual."""
    since_s: float
    """The boundary at which that began; minus infinity if there never was one."""
    until_s: float
    """The next boundary, or an instant up to which there is none."""


@dataclass(frozen=True, slots=True)
class _Stretch:
    begins_s: float
    ends_s: float
    mode: Mode


def wanted(schedule: ModeSchedule, wall_s: float) -> ModePhase:
    """What `schedule` wants at `wall_s`. Where clocks go back, an entry that ends at the second of two equal
    times gives way to the one that begins at the first."""
    if not 0 <= wall_s < LAST_S - _DAYS * _DAY_S:
        return ModePhase(None, _NEVER_S, float("inf"))
    today = datetime.fromtimestamp(wall_s, schedule.zone).date()
    begun, coming_s = _last_begun(schedule, today, wall_s), _next_s(schedule, today, wall_s)
    if begun is None:
        return ModePhase(None, _NEVER_S, coming_s)
    if wall_s < begun.ends_s:
        return ModePhase(begun.mode, begun.begins_s, min(begun.ends_s, coming_s))
    return ModePhase(None, begun.ends_s, coming_s)


def _last_begun(schedule: ModeSchedule, today: date, wall_s: float) -> _Stretch | None:
    """Later days never begin earlier, so the first day found has the last beginning."""
    for days in range(-1, _DAYS):
        begun = [each for each in _beginning_on(schedule, today - days * _DAY) if each.begins_s <= wall_s]
        if begun:
            return max(begun, key=lambda each: each.begins_s)
    return None


def _next_s(schedule: ModeSchedule, today: date, wall_s: float) -> float:
    for days in range(-1, _DAYS):
        coming = [
            each.begins_s for each in _beginning_on(schedule, today + days * _DAY) if each.begins_s > wall_s
        ]
        if coming:
            return min(coming)
    return wall_s + _DAYS * _DAY_S


def _beginning_on(schedule: ModeSchedule, day: date) -> Iterator[_Stretch]:
    rule = rule_of(schedule, day)
    today = (each for each in schedule.weekly if rule in each.hours.days)
    for entry in (ModeHours(_WHOLE_DAY, rule),) if isinstance(rule, Mode) else today:
        found = stretch(day, entry.hours, schedule.zone)
        if found is not None:
            yield _Stretch(*found, entry.mode)


def rule_of(schedule: ModeSchedule, day: date) -> int | Mode | None:
    """What counts on a day: that of its holiday, otherwise its weekday."""
    return next((each.rule for each in schedule.holidays if each.day == day), day.isoweekday())


# --- what becomes of the mode -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What has to be remembered of the operating mode."""

    mode: Mode = Mode.NORMAL
    by: str = ""
    """What set it: `schedule`, or how a person did (`command`, `lockctl`, `rex` ...)."""
    schedule: str = ""
    """Digest of the schedule that was followed last; empty for none."""
    boundary_s: int | None = None
    """The boundary of it that was dealt with last, Unix seconds."""

    @property
    def is_scheduled(self) -> bool:
        """Whether a schedule set the mode, and nobody since."""
        return self.by == BY_SCHEDULE


BY_SCHEDULE = "schedule"


def followed(standing: Standing, schedule: ModeSchedule, phase: ModePhase, wall_s: float) -> Standing:
    """What `standing` becomes at `wall_s`, in the `phase` of `schedule`: the same unless a boundary has
    passed since the last one dealt with, or the schedule is another than before."""
    digest = schedule.digest
    if standing.schedule == digest and not _is_new(phase, standing.boundary_s, wall_s):
        return standing
    boundary_s = None if phase.since_s == _NEVER_S else int(phase.since_s)
    if standing.is_scheduled or may_schedule_end(standing.mode, schedule.modes):
        mode, by = phase.mode or Mode.NORMAL, BY_SCHEDULE
    else:
        mode, by = standing.mode, standing.by
    return Standing(mode=mode, by=by, schedule=digest, boundary_s=boundary_s)


def _is_new(phase: ModePhase, boundary_s: int | None, wall_s: float) -> bool:
    if boundary_s is None:
        return phase.since_s > _NEVER_S
    return phase.since_s > boundary_s or boundary_s > wall_s + CORRECTION_S


def unscheduled(standing: Standing) -> Standing:
    """What `standing` becomes without a schedule: what the last one set ends."""
    return Standing() if standing.is_scheduled else replace(standing, schedule="", boundary_s=None)
