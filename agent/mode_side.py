"""The operating mode of the door: persisted, entered, left, and re-entered after a start."""

from collections.abc import Callable

from agent.command_rows import CommandRows
from agent.core import modes
from agent.core.access_code import AccessCode, Kind
from agent.core.modes import Mode
from agent.door_side import DoorSide, Record
from agent.journal import Event


class ModeSide:
    """Controller thread only; may raise StorageFault."""

    def __init__(
        self, rows: CommandRows, door: DoorSide, record: Record, enter: Callable[[Mode, Event], None]
    ) -> None:
        """`enter` makes a mode and its row durable in one transaction."""
        self.mode = Mode.NORMAL
        self._rows = rows
        self._door = door
        self._record = record
        self._enter = enter
        self._passage_waits = False

    def start(self) -> None:
        """Go on in the mode of before, now that table and clock are up: at once in what closes, in passage
        when `tick` finds it safe."""
        kept = self._rows.mode()
        if kept is None:
            self._record(Event("fault", {"what": "operating_mode_changed_from_outside"}))
        elif kept is Mode.PASSAGE:
            self._passage_waits = True
        elif kept is not Mode.NORMAL:
            self.mode = kept
            self._record(Event("mode", {"mode": kept.value, "why": "start"}))

    def tick(self, now: float, *, is_clock_known: bool) -> None:
        """Go back to passage: a door that was free before a power cut stays shut until the units at the door
        answer and the time is known."""
        links = self._door.links
        if self._passage_waits and is_clock_known and links and all(links.values()):
            self._record(Event("mode", {"mode": Mode.PASSAGE.value, "why": "start"}))
            self.show(Mode.PASSAGE, now)

    def show(self, mode: Mode, now: float) -> None:
        """`mode` has become durable: let the door follow it."""
        self._passage_waits = False
        self.mode = mode
        if self._door.door.is_free != (mode is Mode.PASSAGE):
            self._door.set_free(now, is_free=mode is Mode.PASSAGE)

    def after_code(self, code: AccessCode) -> Mode | None:
        """The mode that `code`, granted now, leads to; None for one that leaves it alone and just opens."""
        after = modes.after_passage_code(self.mode) if code.kind is Kind.PASSAGE else self.mode
        return None if after is self.mode else after

    def keep(self) -> None:
        """Stay in this mode, also after a restart: another one became durable too late to be entered."""
        self._enter(self.mode, Event("mode", {"mode": self.mode.value, "why": "too_late"}))

    def left_by_rex(self, now: float) -> None:
        """Somebody left by the exit button; the door has let him out already."""
        after = modes.after_rex(self.mode)
        if after is not self.mode:
            self._enter(after, Event("mode", {"mode": after.value, "why": "rex"}))
            self.show(after, now)
