"""Keys in, entries out: `*` clears, `#` enters, silence forgets, lost keys and too many digits void."""

from dataclasses import dataclass, field, replace

from agent.core.decision import Reason
from agent.core.verifier import MAX_ENTRY_DIGITS

CLEAR = "*"
ENTER = "#"
POSSIBLE_LENGTHS = frozenset({4, 5, 6, 7, 8, 9, 10})
LOST_KEYS_QUIET_S = 2.0
"""After lost keys, silence of this long means that nobody is in the middle of a code."""


@dataclass(frozen=True, slots=True)
class Typing:
    """What has been typed at one keypad since the last entry."""

    digits: str = field(default="", repr=False)
    forget_at_s: float | None = None
    """When silence ends it, in seconds since boot."""
    void: Reason | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A finished entry; `refusal` is set when it may not even be looked at."""

    digits: str = field(repr=False)
    refusal: Reason | None = None


NOTHING = Typing()


def press(typing: Typing, key: str, now: float, timeout_s: float) -> tuple[Typing, Entry | None]:
    """One key at `now`. Returns what is typed now, and the entry if the key finished one."""
    typing = forget(typing, now)
    if key == CLEAR:
        return NOTHING, None
    if key == ENTER:
        return NOTHING, _finished(typing)
    if len(typing.digits) >= MAX_ENTRY_DIGITS:
        return Typing("", now + timeout_s, typing.void or Reason.IMPOSSIBLE_LENGTH), None
    digits = "" if typing.void else typing.digits + key
    return Typing(digits, now + timeout_s, typing.void), None


def _finished(typing: Typing) -> Entry | None:
    if typing.void is not None:
        return Entry("", typing.void)
    if not typing.digits:
        return None
    if len(typing.digits) not in POSSIBLE_LENGTHS:
        return Entry("", Reason.IMPOSSIBLE_LENGTH)
    return Entry(typing.digits)


def keys_lost(typing: Typing, now: float, timeout_s: float) -> Typing:
    """Keys may be missing: what is being typed can no longer be trusted, nor what follows without a pause."""
    wait_s = timeout_s if typing.digits or typing.void else LOST_KEYS_QUIET_S
    return replace(typing, digits="", void=Reason.INTERRUPTED, forget_at_s=now + wait_s)


def forget(typing: Typing, now: float) -> Typing:
    """Silence ends an unfinished code, and with it whatever was wrong with it."""
    if typing.forget_at_s is not None and now >= typing.forget_at_s:
        return NOTHING
    return typing
