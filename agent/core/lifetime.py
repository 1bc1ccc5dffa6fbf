"""What happened to a code on this lock, and what its rules make of that: its end, its latest first use."""

from dataclasses import dataclass

from agent.core.access_code import AccessCode


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Of one code, by (id, gen). Unix seconds; with the clock unknown, the floor: never later than true."""

    uses: int = 0
    first_used_at: int | None = None
    known_since: int | None = None
    """When the lock first held it and knew the time; kept for codes that need it, see `awaits_note`."""


UNUSED = History()
"""What has happened to most codes: nothing. One object for all of them."""


def used(history: History, at: int) -> History:
    """After one more use, at `at`."""
    first_used_at = at if history.first_used_at is None else history.first_used_at
    return History(uses=history.uses + 1, first_used_at=first_used_at, known_since=history.known_since)


def ends_at(code: AccessCode, history: History) -> int | None:
    """When the code is over: its window, or its time after the first use, whichever ends first."""
    ends = [] if code.ends_at is None else [code.ends_at]
    if code.expires_after_first_use_s is not None and history.first_used_at is not None:
        ends.append(history.first_used_at + code.expires_after_first_use_s)
    return min(ends, default=None)


def first_use_by(code: AccessCode, history: History) -> int | None:
    """Until when an unused code must have been used (that instant not included); None for no such end."""
    begins = history.known_since if code.starts_at is None else code.starts_at
    if code.first_use_within_s is None or history.uses or begins is None:
        return None
    return begins + code.first_use_within_s


def awaits_note(code: AccessCode, history: History) -> bool:
    """Whether the lock has yet to note since when it knows this code."""
    return (
        code.first_use_within_s is not None
        and code.starts_at is None
        and not history.uses
        and history.known_since is None
    )


def has_ended(code: AccessCode, history: History, wall_s: float) -> bool:
    """Whether the code can never open again, at a time that has certainly passed."""
    is_spent = code.max_uses is not None and history.uses >= code.max_uses
    ends = (ends_at(code, history), first_use_by(code, history))
    return is_spent or any(end is not None and end <= wall_s for end in ends)
