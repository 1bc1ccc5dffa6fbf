"""The operating mode of the door: entered, left, scheduled, persisted, and gone on with after a start."""

from collections.abc import Callable
from dataclasses import replace

from agent.changed_settings import ChangedSettings
from agent.clock_watch import ClockWatch
from agent.core import modes
from agent.core.access_code import AccessCode, Kind
from agent.core.mode_schedule import (
    ModePhase,
    ModeSchedule,
    Standing,
    followed,
    unscheduled,
    wanted,
)
from agent.core.modes import Mode
from agent.core.timekeeping import ClockReading, Trust
from agent.door_side import DoorSide, Record
from agent.errors import StorageFault
from agent.journal import Event
from agent.mode_rows import ModeRows

RETRY_S = 5.0
"""After a boundary that could not be made durable."""


class ModeSide:
    """Controller thread only; may raise StorageFault."""

    def __init__(
        self,
        *,
        rows: ModeRows,
        settings: ChangedSettings,
        clock: ClockWatch,
        door: DoorSide,
        record: Record,
        enter: Callable[[Standing, Event | None], None],
    ) -> None:
        """`enter` makes a mode and its row durable in one transaction."""
        self.mode = Mode.NORMAL
        """The mode that counts now. Passage that waits to be safe does not."""
        self.standing = Standing()
        """What is on the disk."""
        self._rows = rows
        self._settings = settings
        self._clock = clock
        self._door = door
        self._record = record
        self._enter = enter
        self._passage_waits = False
        self._phase: tuple[ModeSchedule, ModePhase] | None = None
        self._retry_at_s: float | None = None

    def start(self) -> None:
        """Go on in the mode of before, now that table and clock are up: at once in what closes, in passage
        when `tick` finds it safe."""
        kept = self._rows.standing()
        if kept is None:
            self._record(Event("fault", {"what": "operating_mode_changed_from_outside"}))
            return
        self.standing = kept
        if kept.mode is Mode.PASSAGE:
            self._passage_waits = True
        elif kept.mode is not Mode.NORMAL:
            self.mode = kept.mode
            self._record(Event("mode", {"mode": kept.mode.value, "why": "start"}))

    # --- what time does -------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Follow the schedule over a boundary; leave scheduled passage when nobody knows the time any more,
        and go back to passage when it is safe."""
        if self._retry_at_s is not None and now < self._retry_at_s:
            return
        self._retry_at_s = None
        clock = self._clock.reading(now)
        is_known = clock.trust is not Trust.UNKNOWN
        after = self._after_boundary(clock, is_known=is_known)
        if after != self.standing:
            self._cross(after, now)
        if self._passage_waits:
            self._resume(now, is_known=is_known)
        elif self.mode is Mode.PASSAGE and self.standing.is_scheduled and not is_known:
            self._interrupt(now)

    def _after_boundary(self, clock: ClockReading, *, is_known: bool) -> Standing:
        schedule = self._settings.schedule
        if schedule is None:
            self._phase = None
            return unscheduled(self.standing)
        if not is_known:
            return self.standing
        known = self._phase
        if (
            known is None
            or known[0] is not schedule
            or not known[1].since_s <= clock.wall_s < known[1].until_s
        ):
            known = self._phase = (schedule, wanted(schedule, clock.wall_s))
        return followed(self.standing, schedule, known[1], clock.wall_s)

    def _cross(self, after: Standing, now: float) -> None:
        """A boundary of the schedule, or another schedule: durable first, then the door. A door that was free
        does not wait for the disk to be locked."""
        waits = after.mode is Mode.PASSAGE and not (self.mode is Mode.PASSAGE or self._is_door_there)
        shown = Mode.NORMAL if waits else after.mode
        try:
            self._enter(after, self._boundary_row(after, shown))
        except StorageFault:
            self._retry_at_s = now + RETRY_S
            if shown is not Mode.PASSAGE and self.mode is Mode.PASSAGE:
                self._follow(Mode.NORMAL, now)
            raise
        self.standing, self._passage_waits = after, waits
        self._follow(shown, now)

    def _boundary_row(self, after: Standing, shown: Mode) -> Event | None:
        before = self.standing
        if not (after.is_scheduled or before.is_scheduled):
            is_told, why = bool(after.schedule), "kept"  # what a person closed, over the boundary
        else:  # passage that waits for the units at the door is told of when it begins
            is_new = after.mode is shown and (after.mode, after.by) != (before.mode, before.by)
            is_told, why = is_new or shown is not self.mode, "schedule"
        return Event("mode", {"mode": shown.value, "why": why}) if is_told else None

    @property
    def _is_door_there(self) -> bool:
        links = self._door.links
        return bool(links) and all(links.values())

    def _resume(self, now: float, *, is_known: bool) -> None:
        """Go back to passage: a door that was free before a power cut stays shut until the units at the door
        answer and the time is known."""
        if is_known and self._is_door_there:
            why = self.standing.by if self.standing.is_scheduled else "start"
            self._record(Event("mode", {"mode": Mode.PASSAGE.value, "why": why}))
            self._passage_waits = False
            self._follow(Mode.PASSAGE, now)

    def _interrupt(self, now: float) -> None:
        """Nobody can say when scheduled passage ends: it waits for the time."""
        self._passage_waits = True
        self._follow(Mode.NORMAL, now)
        self._record(Event("mode", {"mode": Mode.NORMAL.value, "why": "clock_unknown"}))

    def deadline(self, now: float) -> float | None:
        """When `tick` is next needed, in seconds since boot."""
        if self._retry_at_s is not None:
            return self._retry_at_s
        clock = self._clock.reading(now)
        if self._phase is None or clock.trust is Trust.UNKNOWN:
            return None
        return now + max(0.0, self._phase[1].until_s - clock.wall_s)

    def ends_s(self, now: float) -> float | None:
        """When the schedule ends this mode, Unix seconds; None if it will not, or nobody can say."""
        if self._phase is None or self._clock.reading(now).trust is Trust.UNKNOWN:
            return None
        schedule, phase = self._phase
        is_ended = self.standing.is_scheduled or modes.may_schedule_end(self.standing.mode, schedule.modes)
        return phase.until_s if is_ended else None

    # --- what people do -------------------------------------------------------------------------------

    def changed(self, mode: Mode, by: str) -> Standing:
        """What is to be remembered once somebody changed the mode."""
        return replace(self.standing, mode=mode, by=by)

    def show(self, standing: Standing, now: float) -> None:
        """What somebody changed has become durable: let the door follow it."""
        self.standing, self._passage_waits = standing, False
        self._follow(standing.mode, now)

    def after_code(self, code: AccessCode) -> Standing | None:
        """The mode that `code`, granted now, leads to; None for one that leaves it alone and just opens."""
        after = modes.after_passage_code(self.mode) if code.kind is Kind.PASSAGE else self.mode
        return None if after is self.mode else self.changed(after, "code")

    def keep(self) -> None:
        """Stay in this mode, also after a restart: another one became durable too late to be entered."""
        self._enter(self.standing, Event("mode", {"mode": self.mode.value, "why": "too_late"}))

    def left_by_rex(self, now: float) -> None:
        """Somebody left by the exit button; the door has let him out already."""
        after = modes.after_rex(self.mode)
        if after is not self.mode:
            standing = self.changed(after, "rex")
            self._enter(standing, Event("mode", {"mode": after.value, "why": "rex"}))
            self.show(standing, now)

    def _follow(self, mode: Mode, now: float) -> None:
        self.mode = mode
        if self._door.is_free_by("mode") != (mode is Mode.PASSAGE):
            self._door.set_free(now, is_free=mode is Mode.PASSAGE)
