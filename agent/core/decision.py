"""The decision on an entry: tag and clock in, a place and a reason out, always with the same work."""

from dataclasses import dataclass
from enum import Enum

from agent.core.access_code import AccessCode
from agent.core.timekeeping import ClockReading, Trust
from agent.core.verifier import CodeTable


class Reason(Enum):
    """Why an entry was refused. One reason per refusal, for the journal; the keypad shows none of them."""

    UNKNOWN_CODE = "unknown_code"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"
    USED_UP = "used_up"
    REVOKED = "revoked"
    NON_ACCESS = "non_access"
    NOT_FOR_KEYPAD = "not_for_keypad"
    FIRST_USE_MISSED = "first_use_missed"
    DISABLED = "disabled"
    OUTSIDE_SCHEDULE = "outside_schedule"
    CLOCK_UNKNOWN = "clock_unknown"
    THROTTLED = "throttled"
    IMPOSSIBLE_LENGTH = "impossible_length"
    INTERRUPTED = "interrupted"
    BLOCKED_BY_MODE = "blocked_by_mode"
    OFFLINE_OFF = "offline_off"
    TECHNICIAN_OFF = "technician_off"
    PROGRAMMING_OFF = "programming_off"
    STALE = "stale"
    BATTERY_LOW = "battery_low"


@dataclass(frozen=True, slots=True)
class Granted:
    """The code of `row` may open now; `row` is its place in the table that was searched."""

    code: AccessCode
    row: int


@dataclass(frozen=True, slots=True)
class Denied:
    """No opening. `access_code_id` is that of the code that was recognised; empty where none was."""

    reason: Reason
    access_code_id: str = ""


Outcome = Granted | Denied

(
    _KNOWN,
    _NOT_REVOKED,
    _OPENING,
    _FOR_KEYPAD,
    _UNSPENT,
    _NOT_ENDED,
    _FIRST_USE_OPEN,
    _ENABLED,
    _CLOCK_OK,
    _STARTED,
    _ACTIVE,
) = (1 << bit for bit in range(11))
_ALL = 2**11 - 1


def _reason(facts: int) -> Reason | None:
    """The first thing that is wrong, from the most to the least lasting."""
    order = (
        (_KNOWN, Reason.UNKNOWN_CODE),
        (_NOT_REVOKED, Reason.REVOKED),
        (_OPENING, Reason.NON_ACCESS),
        (_FOR_KEYPAD, Reason.NOT_FOR_KEYPAD),
        (_UNSPENT, Reason.USED_UP),
        (_NOT_ENDED, Reason.EXPIRED),
        (_FIRST_USE_OPEN, Reason.FIRST_USE_MISSED),
        (_ENABLED, Reason.DISABLED),
        (_CLOCK_OK, Reason.CLOCK_UNKNOWN),
        (_STARTED, Reason.NOT_YET_VALID),
        (_ACTIVE, Reason.OUTSIDE_SCHEDULE),
    )
    return next((reason for bit, reason in order if not facts & bit), None)


_REASONS = tuple(_reason(facts) for facts in range(_ALL + 1))


def decide(table: CodeTable, tag: bytes, clock: ClockReading) -> tuple[int, Reason | None]:
    """Search the whole table for `tag` and judge the row found with the same work as if there were none:
    what is wrong with a code, or whether it exists at all, must not show in time (it may be tomorrow's).

    The place of the row (the dummy row for what is not there), and what forbids it to open now, or None.
    Nothing is made of it here that is not the same for every row; `outcome_of` comes later."""
    row, judged = table.find(tag)
    reason = judge(table, judged, clock)
    return row, (Reason.UNKNOWN_CODE, reason)[row < len(table)]


def outcome_of(table: CodeTable, row: int, reason: Reason | None) -> Outcome:
    """What `decide` comes to, with the code for a grant. That takes its time, so it is for when everything is
    done that is done for every entry: a grant shows anyway, and all refusals show at one moment."""
    code = table.code_at(row) if reason is None else None
    if code is None:
        return Denied(reason or Reason.UNKNOWN_CODE, table.ids[row])
    return Granted(code, row)


def instant_of(clock: ClockReading) -> int:
    """The Unix second to judge by. With an unknown clock only the floor is certain: time was at least that
    late. Whole seconds, as windows are: Python takes longer to compare a fraction with one whole number than
    with another, and what an offline code says must not show."""
    return (clock.floor_s, int(clock.wall_s))[clock.trust is not Trust.UNKNOWN]


def judge(table: CodeTable, row: int, clock: ClockReading) -> Reason | None:
    """What forbids `row` to open now, or None. All facts are evaluated, without branches."""
    known_time = clock.trust is not Trust.UNKNOWN
    instant = float(instant_of(clock))
    row -= len(table.known)  # counted from the end no place is 0, which Python reads in another time
    started = table.starts_at[row] <= instant
    timeless = (not table.time_ruled[row]) | (table.works_without_clock[row] & started)
    facts = (
        table.known[row] * _KNOWN
        | (not table.revoked[row]) * _NOT_REVOKED
        | table.opening[row] * _OPENING
        | table.for_keypad[row] * _FOR_KEYPAD
        | (table.uses[row] < table.max_uses[row]) * _UNSPENT
        | (known_time | timeless) * _CLOCK_OK
        | started * _STARTED
        | (instant < table.ends_at[row]) * _NOT_ENDED
        | (instant < table.first_use_by[row]) * _FIRST_USE_OPEN
        | table.enabled[row] * _ENABLED
        | table.active_now[row] * _ACTIVE
    )
    return _REASONS[facts]
