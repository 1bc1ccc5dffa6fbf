"""Keeps what time makes of the codes: who is inside his hours now, and since when a code is known.

The key path reads one byte per code; it is written here, before an entry is judged and when a schedule
changes, never for the sake of one code.
"""

from agent.clock_watch import ClockWatch
from agent.code_sync import CodeSync
from agent.core.holding import Holding
from agent.core.lifetime import awaits_note
from agent.core.schedule import Phase, Schedule, phase
from agent.core.timekeeping import Trust
from agent.store import Store

RETRY_S = 5.0
"""After storage failed to note since when codes are known."""


class ScheduleWatch:
    """The schedules of one lock. Controller thread only; may raise StorageFault when it has to remember."""

    def __init__(self, store: Store, clock: ClockWatch, codes: CodeSync) -> None:
        """Of the codes that `codes` holds, at the time of `clock`."""
        self._store = store
        self._clock = clock
        self._codes = codes
        self._holding: Holding | None = None
        self._places: dict[Schedule, list[int]] = {}
        self._phases: dict[Schedule, Phase] = {}
        self._since_s = self._until_s = 0.0
        self._note_at_s: float | None = None
        """When to note what is new, seconds since boot; None once that is done."""

    def keep(self, now: float) -> None:
        """Bring everything to `now`; two comparisons as long as nothing has changed. With the clock unknown
        nothing is judged by schedules, and nothing is kept."""
        clock = self._clock.reading(now)
        if clock.trust is Trust.UNKNOWN:
            return
        if self._codes.holding is not self._holding:
            self._take_over(self._codes.holding, now)
        if not self._since_s <= clock.wall_s < self._until_s:
            self._reckon(clock.wall_s)
        if self._note_at_s is not None and now >= self._note_at_s:
            self._note_known(now, int(clock.wall_s))

    def deadline(self, now: float) -> float | None:
        """When `keep` is next needed, in seconds since boot."""
        clock = self._clock.reading(now)
        if clock.trust is Trust.UNKNOWN:
            return None
        change_s = now + max(0.0, self._until_s - clock.wall_s) if self._places else None
        return min((at for at in (change_s, self._note_at_s) if at is not None), default=None)

    def _take_over(self, holding: Holding, now: float) -> None:
        """There is another table: sort its codes by schedule. What is new in it is still to be noted."""
        self._places = {}
        for place, rules in enumerate(holding.table.rules):
            if rules.schedule is not None:
                self._places.setdefault(rules.schedule, []).append(place)
        self._phases = {each: self._phases[each] for each in self._places if each in self._phases}
        self._holding = holding
        self._since_s = self._until_s = 0.0  # nothing is reckoned yet
        self._note_at_s = now

    def _note_known(self, now: float, wall_s: int) -> None:
        """Note since when codes are known that have to be used first within some time."""
        self._note_at_s = now + RETRY_S
        table = self._codes.holding.table
        new = [
            (place, code)
            for place, rules in enumerate(table.rules)
            if rules.first_use_within_s is not None
            and (code := table.code_at(place)) is not None
            and awaits_note(code, table.histories[place])
        ]
        if new:
            histories = self._store.note_known([code for _, code in new], wall_s)
            for (place, _), history in zip(new, histories, strict=True):
                table.note_history(place, history)
        self._note_at_s = None

    def _reckon(self, wall_s: float) -> None:
        """Write the byte of every code with a schedule; equal schedules are reckoned once."""
        table = self._codes.holding.table
        for schedule, places in self._places.items():
            known = self._phases.get(schedule)
            if known is None or not known.since_s <= wall_s < known.until_s:
                known = self._phases[schedule] = phase(schedule, wall_s)
            for place in places:
                table.active_now[place] = known.is_active
        phases = self._phases.values()
        self._since_s = max((each.since_s for each in phases), default=float("-inf"))
        self._until_s = min((each.until_s for each in phases), default=float("inf"))
