"""Writes the journal, and tells those who watch it once the rows are durable."""

from agent.asked import Answer
from agent.clock_watch import ClockWatch
from agent.core.repeats import Repeats
from agent.host_clock import Clocks
from agent.journal import CONCEALED_KIND, Event
from agent.store import Store
from agent.uplink_port import UplinkSlot

WATCHED_ROWS = 50


class Recorder:
    """The pen of the journal. Controller thread only; `record` may raise StorageFault."""

    def __init__(self, store: Store, clock: ClockWatch, clocks: Clocks, uplink: UplinkSlot) -> None:
        """Rows are stamped by `clock`."""
        self._store = store
        self._clock = clock
        self._clocks = clocks
        self._uplink = uplink
        self._repeats: Repeats[tuple[str, str, str]] = Repeats()
        self._watchers: list[Answer] = []
        self.is_failing = False
        """Whoever meets a StorageFault says so; over with the next rows that become durable."""
        self._shown_seq = store.journal.last_seq

    def record(self, *events: Event) -> None:
        """Make events durable, then let the watchers know."""
        self._store.record(self._clock.stamp(self._clocks.now()), *events)
        self.told()

    def record_often(self, kind: str, stream: str, reason: str) -> None:
        """For what a stranger can cause as often as he likes: the first is a row of its own, the rest of
        a minute are counted in one."""
        if self._repeats.is_first((kind, stream, reason), self._clocks.now()):
            self.record(Event(kind, {"stream": stream, "reason": reason, "count": 1}))

    def tick(self, now: float) -> None:
        """Write what was counted."""
        for (kind, stream, reason), count in self._repeats.due(now):
            self.record(Event(kind, {"stream": stream, "reason": reason, "count": count}))

    def deadline(self) -> float | None:
        """When `tick` is next needed."""
        return self._repeats.deadline()

    def watch(self, answer: Answer) -> None:
        """Stream every further row to `answer` until it is closed."""
        self._watchers.append(answer)

    def told(self) -> None:
        """Rows became durable, here or in a transaction of the store's own."""
        self.is_failing = False
        last_seq = self._store.journal.last_seq
        self._uplink.port.journal_grew(last_seq)
        self._watchers = [answer for answer in self._watchers if not answer.closed]
        if self._watchers:
            for row in self._store.journal.after(self._shown_seq, WATCHED_ROWS):
                for answer in self._watchers if row["kind"] != CONCEALED_KIND else ():
                    answer(row)
        self._shown_seq = last_seq
