"""Operating modes: what they let each source do. Everything that may be refused by a mode is asked here.

Pure, and the whole rule: a table. A request to exit is in it too, and always allowed: nobody is locked in.
"""

from collections.abc import Collection
from enum import Enum


class Mode(Enum):
    """How the door is operated (Matter's names; lockdown is BACnet's)."""

    NORMAL = "normal"
    VACATION = "vacation"
    """Nobody is expected: codes are refused, the cloud and the technician may open."""
    PRIVACY = "privacy"
    """Somebody inside wants to be alone: nothing opens from outside until he leaves by the exit button."""
    NO_REMOTE = "no_remote"
    """The cloud may neither open nor lock."""
    PASSAGE = "passage"
    """The door is free until the mode ends."""
    LOCKDOWN = "lockdown"
    """Nothing opens from outside; leaving stays possible and changes nothing."""


class Source(Enum):
    """Who wants the strike to move."""

    KEYPAD = "keypad"
    REMOTE = "remote"
    """A command of the cloud."""
    LOCAL = "local"
    """`lockctl`, where the configuration lets it."""
    REX = "rex"


_ALL = frozenset(Source)
_OPENS = {
    Mode.NORMAL: _ALL,
    Mode.VACATION: _ALL - {Source.KEYPAD},
    Mode.PRIVACY: frozenset({Source.REX}),
    Mode.NO_REMOTE: _ALL - {Source.REMOTE},
    Mode.PASSAGE: _ALL,
    Mode.LOCKDOWN: frozenset({Source.REX}),
}


def may_open(mode: Mode, source: Source) -> bool:
    """Whether `source` may release the strike."""
    return source in _OPENS[mode]


def may_lock(mode: Mode, source: Source) -> bool:
    """Whether `source` may end a release. Passage is ended by its mode, or it would be open again at once."""
    return mode is not Mode.PASSAGE and not (mode is Mode.NO_REMOTE and source is Source.REMOTE)


def may_enter(mode: Mode, *, is_shut: bool) -> bool:
    """Whether the door can go into `mode` now. Privacy is for a door that is shut: released or open, it would
    promise what is not so."""
    return is_shut or mode is not Mode.PRIVACY


def after_passage_code(mode: Mode) -> Mode:
    """The mode once a passage code was granted in `mode`. Where no-remote is wanted, passage would end that
    unasked: the code opens once, like any other."""
    return {Mode.NORMAL: Mode.PASSAGE, Mode.PASSAGE: Mode.NORMAL}.get(mode, mode)


_SCHEDULED = frozenset(Mode) - {Mode.PRIVACY}
_KEPT = frozenset({Mode.LOCKDOWN, Mode.PRIVACY})


def may_be_scheduled(mode: Mode) -> bool:
    """Whether a schedule may name `mode`. Privacy is somebody's own wish, and ends when he leaves."""
    return mode in _SCHEDULED


def may_schedule_end(mode: Mode, scheduled: Collection[Mode]) -> bool:
    """Whether a schedule with the modes `scheduled` may end a `mode` that a person set. What a person closed
    for a reason the schedule cannot know stays closed; a schedule that knows of vacation rules it."""
    return mode not in _KEPT and (mode is not Mode.VACATION or mode in scheduled)


def after_rex(mode: Mode) -> Mode:
    """The mode once somebody left by the exit button: whoever wanted privacy has gone."""
    return Mode.NORMAL if mode is Mode.PRIVACY else mode
