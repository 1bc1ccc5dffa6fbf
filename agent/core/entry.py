"""Keys in, entries out: `*` clears, `#` enters, silence forgets, lost keys and too many digits void."""

from dataclasses import dataclass, field

from agent.core.decision import Reason
from agent.core.verifier import MAX_ENTRY_DIGITS

CLEAR = "*"
ENTER = "#"
POSSIBLE_LENGTHS = frozenset({4, 5, 6, 7, 8, 9, 10})


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
    """Keys may be missing from the code being typed: it is void until `#`, `*` or silence. Before the
    first key there is nothing to void, and whoever starts now is not made to pay for it."""
    typing = forget(typing, now)
    if not typing.digits and typing.void is None:
        return NOTHING
    return Typing("", now + timeout_s, Reason.INTERRUPTED)


def forget(typing: Typing, now: float) -> Typing:
    """Silence ends an unfinished code, and with it whatever was wrong with it."""
    if typing.forget_at_s is not None and now >= typing.forget_at_s:
        return NOTHING
    return typing
