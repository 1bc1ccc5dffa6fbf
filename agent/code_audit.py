"""Finds codes that changed on the disk under a lock that runs: reads them all now and then, and compares."""

from collections.abc import Callable, Iterator
from itertools import islice

from agent.code_rows import CodeRead
from agent.code_sync import CodeSync, counts
from agent.core import code_set
from agent.store import Store

EVERY_S = 86_400.0
AFTER_FAULT_S = 60.0
"""After a fault of the storage, what it holds is looked at once it has had time to recover."""
ROWS_A_TURN = 100
"""A key that is pressed meanwhile waits for these: some milliseconds."""


class CodeAudit:
    """Controller thread only; `tick` may raise StorageFault."""

    def __init__(self, store: Store, codes: CodeSync, drifted: Callable[[list[int], float], None]) -> None:
        """`drifted` is told which buckets are not what they were, and the time; it has them repaired."""
        self._store = store
        self._codes = codes
        self._drifted = drifted
        self._next_s: float | None = None
        self._reading: Iterator[CodeRead] | None = None
        self._expected: list[bytes] = []
        self._counter = code_set.BucketCounter(1)
        self._unsure: set[int] = set()

    def deadline(self) -> float | None:
        """When `tick` is next needed, in seconds since boot."""
        return self._next_s

    def storage_failed(self, now: float) -> None:
        """What is on the disk may not be what was written."""
        self._put_off(now, AFTER_FAULT_S)

    def tick(self, now: float) -> None:
        """Begin, or go on, if it is time. A set that is arriving is counted as it comes; it goes first."""
        if self._next_s is None:
            self._put_off(now, EVERY_S)  # all of it was read just now, at the start
        elif now >= self._next_s:
            if not self._codes.is_settled:
                self._put_off(now, AFTER_FAULT_S)
            elif self._reading is None or self._codes.digests is not self._expected:
                self._begin()
            else:
                self._go_on(self._reading, now)

    def _begin(self) -> None:
        self._expected = self._codes.digests
        self._counter = code_set.BucketCounter(len(self._expected))
        self._unsure.clear()
        self._reading = self._store.codes.counting()

    def _go_on(self, reading: Iterator[CodeRead], now: float) -> None:
        rows = list(islice(reading, ROWS_A_TURN))
        for read in rows:
            if counts(read) and not self._counter.add(read.held.access_code_id, read.definition):
                self._unsure.add(code_set.bucket_of(read.held.access_code_id, len(self._expected)))
        if rows:
            return
        self._put_off(now, EVERY_S)
        differing = code_set.differing(self._counter.digests(), self._expected)
        if drifted := [index for index in differing if index not in self._unsure]:
            self._drifted(drifted, now)

    def _put_off(self, now: float, by_s: float) -> None:
        self._next_s = now + by_s
        self._reading = None
