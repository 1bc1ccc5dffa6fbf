"""Which journal rows to send next, and when to send them again, until the cloud acknowledges them."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from agent.messages import EVENT_BATCH_BYTES, EVENT_BATCH_ROWS, EVENT_BATCHES_IN_FLIGHT, RowsWanted

RESEND_AFTER_S = 10.0
REPEATED_AFTER_S = 1.0


@dataclass(slots=True)
class Delivery:
    """Rows up to `acked` are safe at the cloud, up to `sent` they are on their way. Times are `now`.

    A PUBACK says nothing here: only the cloud's own acknowledgement counts; it drops duplicates."""

    journal_epoch: str
    acked: int
    last: int
    sent: int = field(init=False)
    _batches: deque[int] = field(default_factory=deque, init=False)
    """The last seq of each batch that is under way."""
    _asked_after: int | None = field(default=None, init=False)
    _progress_s: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self.sent = self.acked

    def restart(self, now: float) -> None:
        """Begin again after what is acknowledged: there is a new session, or nothing moved for too long."""
        self.sent = self.acked
        self._batches.clear()
        self._asked_after = None
        self._progress_s = now

    def grew(self, last: int) -> None:
        """The journal has rows up to `last`."""
        self.last = max(self.last, last)

    def acknowledge(self, upto: int, now: float) -> None:
        """The cloud has stored everything up to `upto`. When it says again what it said before, it has not
        heard what is under way: it was away when that was sent. It also repeats itself over rows that
        reached it twice, so that counts only when nothing has moved for a moment."""
        if upto < self.acked:
            return
        if upto == self.acked:
            if now - self._progress_s >= REPEATED_AFTER_S:
                self.restart(now)
            return
        self.acked = upto
        self.sent = max(self.sent, upto)
        self._progress_s = now
        while self._batches and self._batches[0] <= upto:
            self._batches.popleft()

    def wanted(self, now: float) -> RowsWanted | None:
        """What to ask the controller for now, if anything."""
        is_full = len(self._batches) >= EVENT_BATCHES_IN_FLIGHT
        if is_full or self._asked_after is not None or self.sent >= self.last:
            return None
        if not self._batches:
            self._progress_s = now
        self._asked_after = self.sent
        return RowsWanted(after_seq=self.sent, limit=EVENT_BATCH_ROWS)

    def batch(
        self, after_seq: int, rows: Sequence[dict[str, Any]], limit_bytes: int = EVENT_BATCH_BYTES
    ) -> list[dict[str, Any]]:
        """The rows to send now, out of an answer; empty when it is an answer to an older question."""
        if after_seq != self._asked_after:
            return []
        self._asked_after = None
        if after_seq != self.sent:
            return []
        chosen = _within(rows[:EVENT_BATCH_ROWS], limit_bytes)
        if not chosen:
            self.last = self.sent
            return []
        self.sent = int(chosen[-1]["seq"])
        self._batches.append(self.sent)
        return chosen

    def deadline(self) -> float | None:
        """When to `restart` unless something moves before; None when nothing is under way."""
        if not self._batches and self._asked_after is None:
            return None
        return self._progress_s + RESEND_AFTER_S


def _within(rows: Sequence[dict[str, Any]], limit_bytes: int) -> list[dict[str, Any]]:
    """As many rows as fit, but at least one: a row alone is never cut."""
    chosen: list[dict[str, Any]] = []
    size = 0
    for row in rows:
        size += len(msgspec.json.encode(row)) + 1
        if chosen and size > limit_bytes:
            break
        chosen.append(row)
    return chosen
