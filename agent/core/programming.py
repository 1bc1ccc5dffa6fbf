"""Programming at the keypad: after a programming code, `1 new# new#` adds a code and `2 old#` removes one.

Pure. One session is one action; `*`, silence or a finished action ends it. What was typed is only put
together here: whether it may be done is decided, and counted, elsewhere.
"""

from dataclasses import dataclass, field, replace
from enum import Enum

from agent.core import entry
from agent.core.decision import Reason
from agent.core.entry import CLEAR, ENTER, NOTHING, Entry, Typing

SESSION_S = 30.0
"""Silence this long ends a session."""


class Action(Enum):
    """What can be done, by the key that chooses it."""

    ADD = "1"
    REMOVE = "2"


class Spoilt(Enum):
    """Why what was typed is no action at all. Nothing was looked at, so nothing is counted."""

    NO_SUCH_ACTION = "no_such_action"
    NOT_REPEATED = "not_repeated"
    """The second time the new digits were others."""
    IMPOSSIBLE_LENGTH = "impossible_length"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Wish:
    """A finished action on these digits."""

    action: Action
    digits: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Session:
    """What has been typed since the programming code. `ends_at_s`: seconds since boot."""

    ends_at_s: float
    action: Action | None = None
    typing: Typing = NOTHING
    first: str | None = field(default=None, repr=False)
    """The new digits, once they were typed for the first time."""


def begin(now: float) -> Session:
    """A programming code was granted."""
    return Session(now + SESSION_S)


def press(session: Session, key: str, now: float) -> tuple[Session | None, Wish | Spoilt | None]:
    """One key at `now`, before the end of the session. Returns the session, None once it is over, and what
    it came to."""
    if key == CLEAR:
        return None, None
    session = replace(session, ends_at_s=now + SESSION_S)
    if session.action is None and session.typing.void is None:
        return _choose(session, key), None
    typing, entered = entry.press(session.typing, key, now, SESSION_S)
    session = replace(session, typing=typing)
    return (session, None) if entered is None else _entered(session, entered)


def _choose(session: Session, key: str) -> Session:
    if key == ENTER:  # pressed once too often behind the programming code
        return session
    for action in Action:
        if action.value == key:
            return replace(session, action=action)
    # The rest of it, up to `#`, is not to be taken for a code at the door.
    return replace(session, typing=Typing("", None, Reason.IMPOSSIBLE_LENGTH))


def _entered(session: Session, entered: Entry) -> tuple[Session | None, Wish | Spoilt | None]:
    if entered.refusal is Reason.INTERRUPTED:
        return None, Spoilt.INTERRUPTED
    if session.action is None:
        return None, Spoilt.NO_SUCH_ACTION
    if entered.refusal is not None:
        return None, Spoilt(entered.refusal.value)
    if session.action is Action.REMOVE:
        return None, Wish(Action.REMOVE, entered.digits)
    if session.first is None:
        return replace(session, first=entered.digits), None
    if session.first != entered.digits:
        return None, Spoilt.NOT_REPEATED
    return None, Wish(Action.ADD, entered.digits)


def keys_lost(session: Session, now: float) -> Session:
    """Keys may be missing: what is being typed is void, up to `#`. Also before the action was chosen: if its
    key was lost, the first of the digits would choose another."""
    return replace(session, typing=Typing("", now + SESSION_S, Reason.INTERRUPTED))
