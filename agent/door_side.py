"""The controller's half that faces the door: strike, contact, REX, tamper, links."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, Protocol

from agent.bolt_watch import BoltWatch
from agent.core import door
from agent.host_clock import Clocks
from agent.journal import Event
from hal.ports import (
    Condition,
    ConditionChanged,
    DoorMoved,
    LinkChanged,
    RexPressed,
    Strike,
    StrikeFailed,
    TamperChanged,
)

log = logging.getLogger(__name__)

DoorSignal = DoorMoved | RexPressed | TamperChanged | LinkChanged | StrikeFailed | ConditionChanged
FreeBy = Literal["mode", "fire"]


class Record(Protocol):
    """Makes events durable; raises StorageFault."""

    def __call__(self, *events: Event) -> None:
        """See the class."""


class DoorSide:
    """One door and what is wired to it. Controller thread only; may raise StorageFault."""

    def __init__(
        self, *, strike: Strike, timings: door.Timings, rex_unlocks: bool, clocks: Clocks, record: Record
    ) -> None:
        """The strike is told by nobody else."""
        self.door = door.Door()
        self.links: dict[str, bool] = {}
        self._tampered: set[str] = set()
        self._has_failed = False
        """The strike has said so since the last change of links or mode."""
        self._free_by: set[FreeBy] = set()
        """Who wants the door to be free."""
        self._is_resting = False
        self.strike = BoltWatch(strike)
        self._timings = timings
        self._rex_unlocks = rex_unlocks
        self._clocks = clocks
        self._record = record

    def lock(self) -> None:
        """At start and at the end, whatever happened before."""
        self.strike.lock(self._clocks.now())

    def release(self, now: float, for_s: float | None = None, *, is_extended: bool = False) -> None:
        """Let somebody through. Whoever calls has recorded why, durably."""
        self._do(door.release(self.door, now, self._timings, for_s, is_extended=is_extended))

    def relock(self, why: str) -> None:
        """End a release before its time."""
        self._do(door.relock(self.door, why))

    def acknowledge(self) -> None:
        """Somebody has taken note of what the door alarmed about."""
        self._do(door.acknowledge(self.door))

    def set_free(self, now: float, *, is_free: bool, by: FreeBy = "mode") -> None:
        """`by` wants everybody to be let through from now on, or no longer."""
        (self._free_by.add if is_free else self._free_by.discard)(by)
        self._follow(now, by)

    def set_resting(self, now: float, *, is_resting: bool) -> None:
        """To spare the battery, passage does not count from now on; a fire alarm does."""
        if is_resting is not self._is_resting:
            self._is_resting = is_resting
            self._follow(now, "battery_low")

    def is_free_by(self, by: FreeBy) -> bool:
        """Whether `by` wants everybody to be let through."""
        return by in self._free_by

    def _follow(self, now: float, why: str) -> None:
        is_wanted = "fire" in self._free_by or ("mode" in self._free_by and not self._is_resting)
        if is_wanted is not self.door.is_free:
            self._has_failed = False
            self._do(
                door.free(self.door, now) if is_wanted else door.unfree(self.door, now, self._timings, why)
            )

    @property
    def release_s(self) -> float:
        """How long a release lasts that says nothing else."""
        return self._timings.release_s

    def set_release_s(self, release_s: float) -> None:
        """From the next release on."""
        self._timings = replace(self._timings, release_s=release_s)

    @property
    def is_shut(self) -> bool:
        """Locked, and not known to be open."""
        return not self.door.is_released and self.door.contact is not door.Contact.OPEN

    def handle(self, signal: DoorSignal, now: float) -> None:
        """Take what the door says."""
        match signal:
            case DoorMoved(is_open):
                self.strike.door_moved(is_open, now)
                self._do(door.moved(self.door, is_open, now, self._timings))
            case RexPressed():
                self._rex()
            case LinkChanged(unit, is_up, reason):
                self._link_changed(unit, is_up, reason)
            case TamperChanged(unit, is_tampered):
                (self._tampered.add if is_tampered else self._tampered.discard)(unit)
                self._record(Event("tamper", {"unit": unit, "is_tampered": is_tampered}))
            case ConditionChanged(Condition.BOLT_WITHDRAWN, is_on):
                self._note(self.strike.sensed(is_on, now))
            case StrikeFailed(reason):
                self._strike_failed(reason)

    def _strike_failed(self, reason: str) -> None:
        """A strike that is away fails at each renewal of a free door: one row, until something changes."""
        if not (self.door.is_free and self._has_failed):
            self._has_failed = True
            log.error("strike: %s", reason)
            self._record(Event("strike_failed", {"reason": reason}))

    def _rex(self) -> None:
        """Somebody wants out: the one thing that does not wait for storage. A disk locks nobody in."""
        try:
            self._record(Event("rex"))
        finally:
            self._do(door.rex(self.door, self._clocks.now(), self._timings, self._rex_unlocks))

    def _link_changed(self, unit: str, is_up: bool, reason: str) -> None:
        self.links[unit] = is_up
        self._has_failed = False
        log.info("link to %s %s (%s)", unit, "up" if is_up else "down", reason)
        if is_up:
            self._record(Event("link_restored", {"unit": unit}))
        else:
            self._record(Event("link_lost", {"unit": unit, "reason": reason}))

    def tick(self, now: float) -> None:
        """Whatever is due."""
        self._do(door.tick(self.door, now))
        self._note(self.strike.tick(now))

    def deadline(self) -> float | None:
        """When `tick` is next needed, seconds since boot."""
        due = (door.deadline(self.door), self.strike.deadline())
        return min((at for at in due if at is not None), default=None)

    def alarms(self) -> list[str]:
        """What is wrong now: door_forced, door_held, bolt_jammed, tamper_<unit>, link_<unit>."""
        tampered = [f"tamper_{unit}" for unit in sorted(self._tampered)]
        down = [f"link_{unit}" for unit, is_up in sorted(self.links.items()) if not is_up]
        jammed = ["bolt_jammed"] if self.strike.bolt.jam else []
        return [*door.alarms(self.door), *jammed, *tampered, *down]

    @property
    def is_degraded(self) -> bool:
        """Whether a unit is away, or the bolt does not do what the strike is told."""
        return bool(self.strike.bolt.jam) or not all(self.links.values())

    def _do(self, step: door.Step) -> None:
        """The strike first, then the journal: locking must not wait for a disk. (A release has a row of
        its own, committed before it came here.)"""
        self.door = step.door
        notes: list[Event] = []
        now = self._clocks.now()
        for effect in step.effects:
            match effect:
                case door.Unlock(for_s):
                    notes += self.strike.unlock(for_s, now)
                case door.Relock():
                    notes += self.strike.lock(now)
                case door.Note(kind, why):
                    notes.append(Event(kind, {"why": why} if why else {}))
        self._note(notes)

    def _note(self, events: Sequence[Event]) -> None:
        if events:
            self._record(*events)
