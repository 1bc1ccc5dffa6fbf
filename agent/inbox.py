"""The controller's inbox: many threads post, one takes; the door goes before the network."""

import itertools
import queue
from typing import Generic, TypeVar

T = TypeVar("T")
DOOR_FIRST = 0
LATER = 1


class Inbox(Generic[T]):
    """A queue of two urgencies; within one, first come first served."""

    def __init__(self) -> None:
        """Empty."""
        self._queue: queue.PriorityQueue[tuple[int, int, T]] = queue.PriorityQueue()
        self._order = itertools.count()

    def post(self, signal: T) -> None:
        """From any thread: what the door says. Never blocks, never raises."""
        self._queue.put((DOOR_FIRST, next(self._order), signal))

    def post_later(self, signal: T) -> None:
        """From any thread: what can wait for the keys, such as a code set or a question."""
        self._queue.put((LATER, next(self._order), signal))

    def take(self, timeout_s: float | None) -> T | None:
        """The next signal, or None after `timeout_s` seconds (None: wait for ever)."""
        try:
            return self._queue.get(timeout=timeout_s)[2]
        except queue.Empty:
            return None

    def is_empty(self) -> bool:
        """Whether there is time for idle work."""
        return self._queue.empty()
