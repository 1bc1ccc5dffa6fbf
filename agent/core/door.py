"""The door: release, relock on time and on close, held, forced (spec hardware, section 5; ONVIF terms).

Pure: each function takes the door and the time and returns a `Step`: the door afterwards, and what is to
be done. The strike also relocks by itself; this machine knows when, and says so.
"""

from dataclasses import dataclass, replace
from enum import Enum

FREE_RELEASE_S = 30.0
"""How long each release of a free door lasts (the firmware of a strike allows 60 s) ..."""
FREE_AGAIN_S = 10.0
"""... and after how long it is renewed: two may be lost without anybody noticing."""


class Contact(Enum):
    """What the door contact says; unknown until it has been read, or without one."""

    OPEN = "open"
    CLOSED = "closed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """All in seconds."""

    release_s: float = 5.0
    relock_after_close_s: float = 0.5
    held_open_s: float = 30.0
    forced_filter_s: float = 0.3
    rex_shunt_s: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """The state of one door. All `_at_s` are seconds since boot; None: not pending."""

    contact: Contact = Contact.UNKNOWN
    released_until_s: float | None = None
    relock_at_s: float | None = None
    """Set when the door closed behind somebody."""
    shunt_until_s: float | None = None
    """Until when an opening is excused by a REX."""
    forced_at_s: float | None = None
    held_at_s: float | None = None
    is_forced: bool = False
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


def release(door: Door, now: float, timings: Timings, for_s: float | None = None) -> Step:
    """Let somebody through, for `for_s` seconds where it is given. A free door needs no release."""
    if door.is_free:
        return Step(door)
    lasting_s = timings.release_s if for_s is None else for_s
    return Step(replace(door, released_until_s=now + lasting_s, relock_at_s=None), (Unlock(lasting_s),))


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
        held_at_s=None,
    )
    return Step(door, (Unlock(FREE_RELEASE_S),))


def unfree(door: Door, now: float, timings: Timings) -> Step:
    """The door is an ordinary one again; propped open, it has to be closed in time."""
    if not door.is_free:
        return Step(door)
    held_at_s = now + timings.held_open_s if door.contact is Contact.OPEN else None
    return relock(replace(door, free_again_at_s=None, held_at_s=held_at_s), "mode")


def rex(door: Door, now: float, timings: Timings, unlocks: bool) -> Step:
    """Somebody inside asked to leave: excuse the opening, and release unless the handle is free anyway."""
    step = release(door, now, timings) if unlocks else Step(door)
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
    excused = door.is_released or before is Contact.UNKNOWN or now < (door.shunt_until_s or now)
    forced_at = None if excused else now + timings.forced_filter_s
    door = replace(door, held_at_s=now + timings.held_open_s, forced_at_s=forced_at, relock_at_s=None)
    return Step(door, (Note("door_opened"),))


def _closed(door: Door, before: Contact, now: float, timings: Timings) -> Step:
    notes = [Note("door_closed")]
    if door.is_held:
        notes.append(Note("door_held_over"))
    is_through = door.is_released and before is Contact.OPEN and not door.is_free
    relock_at = now + timings.relock_after_close_s if is_through else None
    door = replace(
        door,
        held_at_s=None,
        forced_at_s=None,
        shunt_until_s=None,
        is_held=False,
        is_forced=False,
        relock_at_s=relock_at,
    )
    return Step(door, tuple(notes))


def tick(door: Door, now: float) -> Step:
    """Whatever is due at `now`."""
    effects: list[Effect] = []
    if _due(door.free_again_at_s, now):
        step = free(door, now)
        door, effects = step.door, [*step.effects]
    if _due(door.relock_at_s, now):
        door = replace(door, released_until_s=None, relock_at_s=None)
        effects += [Relock(), Note("relocked", "closed")]
    elif _due(door.released_until_s, now):
        # The strike let go of its release by itself at this moment; Relock says so once more.
        door = replace(door, released_until_s=None, relock_at_s=None)
        effects += [Relock(), Note("relocked", "time")]
    if _due(door.forced_at_s, now):
        door = replace(door, forced_at_s=None, is_forced=True)
        effects.append(Note("door_forced"))
    if _due(door.held_at_s, now):
        door = replace(door, held_at_s=None, is_held=True)
        effects.append(Note("door_held"))
    return Step(door, tuple(effects))


def deadline(door: Door) -> float | None:
    """When `tick` is next needed, in seconds since boot."""
    pending = (
        door.relock_at_s,
        door.released_until_s,
        door.forced_at_s,
        door.held_at_s,
        door.free_again_at_s,
    )
    return min((at for at in pending if at is not None), default=None)


def alarms(door: Door) -> list[str]:
    """What is wrong with the door now."""
    return [name for name, is_on in (("door_forced", door.is_forced), ("door_held", door.is_held)) if is_on]


def _due(at_s: float | None, now: float) -> bool:
    return at_s is not None and now >= at_s
