"""When a lock is told that its codes changed: at once, and while changes keep coming, now and then."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

PAUSE_LEAST_S, PAUSE_MOST_S = 0.05, 1.6
"""After a first change, and after many: what costs lock and cloud the most is one set after the other."""


class Later(Protocol):
    """Calls something after so many seconds, on this thread (`asyncio.AbstractEventLoop.call_later`)."""

    def __call__(self, delay: float, callback: Callable[[str], None], lock_id: str, /) -> object: ...


@dataclass(slots=True)
class Pacing:
    """A single change waits for nothing. Those that come before the lock has taken it in wait for a pause to
    pass, which doubles while changes come in each of them; whoever is told then is told of all of them."""

    tell: Callable[[str], None]
    later: Later
    _pauses: dict[str, tuple[int, float]] = field(default_factory=dict, init=False)
    """The pause that is running, by lock: its number, and how long it is."""
    _number: int = field(default=0, init=False)
    _waiting: set[str] = field(default_factory=set, init=False)

    def changed(self, lock_id: str) -> None:
        """The lock is to hear what is newest."""
        if lock_id in self._pauses:
            self._waiting.add(lock_id)
        else:
            self._tell(lock_id, PAUSE_LEAST_S)

    def confirmed(self, lock_id: str) -> None:
        """The lock holds what it was told last. If nothing changed since, the next change is a single one."""
        if lock_id not in self._waiting:
            self._pauses.pop(lock_id, None)

    def _tell(self, lock_id: str, pause_s: float) -> None:
        self._number += 1
        self._pauses[lock_id] = self._number, pause_s
        self.later(pause_s, partial(self._over, self._number), lock_id)
        self.tell(lock_id)

    def _over(self, number: int, lock_id: str) -> None:
        running, pause_s = self._pauses.get(lock_id, (0, 0.0))
        if running != number:
            return  # that pause ended before its time
        del self._pauses[lock_id]
        if lock_id in self._waiting:
            self._waiting.discard(lock_id)
            self._tell(lock_id, min(2 * pause_s, PAUSE_MOST_S))
