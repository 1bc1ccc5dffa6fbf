"""The door: release, relock, one opening for each grant, held with a warning before, forced (ONVIF terms).

Pure: each function takes the door and the time and returns a `Step`: the door afterwards, and what is to
be done. The strike also relocks by itself; this machine knows when, and says so.
"""

from dataclasses import dataclass, replace
from enum import Enum

FREE_RELEASE_S = 30.0
"""How long each release of a free door lasts (the firmware of a strike allows 60 s) ..."""
FREE_AGAIN_S = 10.0
"""... and after how long it is renewed: two may be lost without anybody noticing."""


LONGEST_RELEASE_S = 60.0
"""No strike is released for longer at once."""


class Contact(Enum):
    """What the door contact says; unknown until it has been read, or without one."""

    OPEN = "open"
    CLOSED = "closed"
    UNKNOWN = "unknown"


class RelockOn(Enum):
    """What ends a release before its time. Without a contact nothing does."""

    OPEN = "open"
    CLOSE = "close"
    TIME = "time"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """All in seconds."""

    release_s: float = 5.0
    extended_release_s: float = 10.0
    """Added for somebody who needs longer, up to `LONGEST_RELEASE_S` in all; likewise the next."""
    extended_open_s: float = 30.0
    relock_on: RelockOn = RelockOn.CLOSE
    relock_after_open_s: float = 1.0
    relock_after_close_s: float = 0.5
    held_open_s: float = 30.0
    pre_alarm_s: float = 10.0
    """So long before `door_held` the keypad warns, but not before half of the time is over."""
    forced_filter_s: float = 0.3
    rex_shunt_s: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """The state of one door. All `_at_s` are seconds since boot; None: not pending."""

    contact: Contact = Contact.UNKNOWN
    released_until_s: float | None = None
    relock_at_s: float | None = None
    """Set once the door was opened, or closed behind somebody."""
    relock_why: str = "closed"
    is_extended: bool = False
    """The latest release is for somebody who needs longer."""
    is_granted: bool = False
    """The latest release was asked for outside: nobody going through is worth a row."""
    is_taken: bool = False
    """Somebody went through since the latest release: another opening is not for him."""
    shunt_until_s: float | None = None
    """Until when an opening is excused by a REX."""
    forced_at_s: float | None = None
    warn_at_s: float | None = None
    held_at_s: float | None = None
    is_forced: bool = False
    """Stands until the door is closed and somebody has acknowledged it, in either order."""
    is_forced_seen: bool = False
    """Acknowledged while the door was still open."""
    is_warning: bool = False
    """Open for so long that the keypad asks to close it; an alarm is next."""
    is_held: bool = False
    free_again_at_s: float | None = None
    """Set while the door is free (passage): when the strike must next be told so."""

    @property
    def is_free(self) -> bool:
        """Whether anybody may go through."""
        return self.free_again_at_s is not None

    @property
    def is_released(self) -> bool:
        """Whether the strike has been told to let go."""
        return self.released_until_s is not None


@dataclass(frozen=True, slots=True)
class Unlock:
    """Release the strike for `for_s` seconds."""

    for_s: float


@dataclass(frozen=True, slots=True)
class Relock:
    """End the release now."""


@dataclass(frozen=True, slots=True)
class Note:
    """A fact for the journal: its kind, and why where that matters."""

    kind: str
    why: str | None = None


Effect = Unlock | Relock | Note


@dataclass(frozen=True, slots=True)
class Step:
    """The door after an event, and what is to be done, in order."""

    door: Door
    effects: tuple[Effect, ...] = ()


def release(
    door: Door,
    now: float,
    timings: Timings,
    for_s: float | None = None,
    *,
    is_extended: bool = False,
    is_granted: bool = True,
) -> Step:
    """Let somebody through, once, for `for_s` seconds where it is given. A free door needs no release.

    Whoever comes to a door that stands open goes through it now, so that it locks behind him."""
    if door.is_free:
        return Step(door)
    longer_s = timings.extended_release_s if is_extended else 0.0
    lasting_s = min(timings.release_s + longer_s, LONGEST_RELEASE_S) if for_s is None else for_s
    door = replace(
        door,
        released_until_s=now + lasting_s,
        relock_at_s=None,
        is_extended=is_extended,
        is_granted=is_granted,
        is_taken=door.contact is Contact.OPEN,
    )
    return Step(door, (Unlock(lasting_s),))


def relock(door: Door, why: str) -> Step:
    """End a release before its time."""
    if not door.is_released:
        return Step(door, (Relock(),))
    return Step(replace(door, released_until_s=None, relock_at_s=None), (Relock(), Note("relocked", why)))


def free(door: Door, now: float) -> Step:
    """Let everybody through from now on: timed releases that overlap, so that a strike nobody tells any more
    locks by itself."""
    door = replace(
        door,
        released_until_s=now + FREE_RELEASE_S,
        free_again_at_s=now + FREE_AGAIN_S,
        relock_at_s=None,
        forced_at_s=None,
        warn_at_s=None,
        held_at_s=None,
        is_warning=False,
    )
    return Step(door, (Unlock(FREE_RELEASE_S),))


def unfree(door: Door, now: float, timings: Timings, why: str = "mode") -> Step:
    """The door is an ordinary one again; propped open, it has to be closed in time."""
    if not door.is_free:
        return Step(door)
    door = replace(door, free_again_at_s=None)
    return relock(_watched(door, now, timings) if door.contact is Contact.OPEN else door, why)


def _watched(door: Door, now: float, timings: Timings) -> Door:
    """The door is open, and has to be closed in time."""
    is_extended = door.is_released and door.is_extended
    open_s = timings.held_open_s + (timings.extended_open_s if is_extended else 0.0)
    warn_s = open_s - min(timings.pre_alarm_s, open_s / 2)
    return replace(door, warn_at_s=now + warn_s if timings.pre_alarm_s else None, held_at_s=now + open_s)


def rex(door: Door, now: float, timings: Timings, unlocks: bool) -> Step:
    """Somebody inside asked to leave: excuse the opening, and release unless the handle is free anyway."""
    step = release(door, now, timings, is_granted=False) if unlocks else Step(door)
    return Step(replace(step.door, shunt_until_s=now + timings.rex_shunt_s), step.effects)


def moved(door: Door, is_open: bool, now: float, timings: Timings) -> Step:
    """The contact changed, or was read for the first time (then nobody has gone through)."""
    before, contact = door.contact, Contact.OPEN if is_open else Contact.CLOSED
    if before is contact:
        return Step(door)
    door = replace(door, contact=contact)
    return _opened(door, before, now, timings) if is_open else _closed(door, before, now, timings)


def _opened(door: Door, before: Contact, now: float, timings: Timings) -> Step:
    if door.is_free:
        return Step(door, (Note("door_opened"),))
    is_through = door.is_released and not door.is_taken
    excused = is_through or before is Contact.UNKNOWN or now < (door.shunt_until_s or now)
    door = replace(
        _watched(door, now, timings),
        is_taken=True,
        forced_at_s=None if excused else now + timings.forced_filter_s,
    )
    if is_through and timings.relock_on is RelockOn.OPEN:
        door = replace(door, relock_at_s=now + timings.relock_after_open_s, relock_why="opened")
    return Step(door, (Note("door_opened"),))


def _closed(door: Door, before: Contact, now: float, timings: Timings) -> Step:
    notes = [Note("door_closed")]
    if door.is_held:
        notes.append(Note("door_held_over"))
    if door.is_forced_seen:
        notes.append(Note("door_forced_over"))
    door = replace(
        door,
        forced_at_s=None,
        shunt_until_s=None,
        warn_at_s=None,
        held_at_s=None,
        is_forced=door.is_forced and not door.is_forced_seen,
        is_forced_seen=False,
        is_warning=False,
        is_held=False,
    )
    was_used = door.is_released and before is Contact.OPEN and not door.is_free
    if was_used and timings.relock_on is RelockOn.CLOSE and door.relock_at_s is None:
        door = replace(door, relock_at_s=now + timings.relock_after_close_s, relock_why="closed")
    return Step(door, tuple(notes))


def acknowledge(door: Door) -> Step:
    """Somebody has taken note of a forced door: its alarm ends, once it is closed."""
    if not door.is_forced:
        return Step(door)
    if door.contact is Contact.OPEN:
        return Step(replace(door, is_forced_seen=True))
    return Step(replace(door, is_forced=False), (Note("door_forced_over"),))


def tick(door: Door, now: float) -> Step:
    """Whatever is due at `now`."""
    effects: list[Effect] = []
    if _due(door.free_again_at_s, now):
        step = free(door, now)
        door, effects = step.door, [*step.effects]
    if _due(door.relock_at_s, now):
        effects += [Relock(), Note("relocked", door.relock_why)]
        door = replace(door, released_until_s=None, relock_at_s=None)
    elif _due(door.released_until_s, now):
        # The strike let go of its release by itself at this moment; Relock says so once more.
        door = replace(door, released_until_s=None, relock_at_s=None)
        effects += [Relock(), Note("relocked", "time")]
        if door.is_granted and not door.is_taken and door.contact is Contact.CLOSED:
            effects.append(Note("access_not_taken"))
    if _due(door.forced_at_s, now):
        door = replace(door, forced_at_s=None, is_forced=True, is_forced_seen=False)
        effects.append(Note("door_forced"))
    if _due(door.warn_at_s, now):
        door = replace(door, warn_at_s=None, is_warning=True)
    if _due(door.held_at_s, now):
        door = replace(door, held_at_s=None, is_warning=False, is_held=True)
        effects.append(Note("door_held"))
    return Step(door, tuple(effects))


def deadline(door: Door) -> float | None:
    """When `tick` is next needed, in seconds since boot."""
    pending = (
        door.relock_at_s,
        door.released_until_s,
        door.forced_at_s,
        door.warn_at_s,
        door.held_at_s,
        door.free_again_at_s,
    )
    return min((at for at in pending if at is not None), default=None)


def alarms(door: Door) -> list[str]:
    """What is wrong with the door now."""
    return [name for name, is_on in (("door_forced", door.is_forced), ("door_held", door.is_held)) if is_on]


def _due(at_s: float | None, now: float) -> bool:
    return at_s is not None and now >= at_s
