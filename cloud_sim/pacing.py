"""When a lock is told that its codes changed: at once, and while changes keep coming, now and then."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

PAUSE_LEAST_S, PAUSE_MOST_S = 0.05, 1.6
"""After a first change, and after many: what costs lock and cloud the most is one set after the other."""


class Later(Protocol):
    """Calls something after so many seconds, on this thread (`asyncio.AbstractEventLoop.call_later`)."""

    def __call__(self, delay: float, callback: Callable[[str], None], lock_id: str, /) -> object: ...


@dataclass(slots=True)
class Pacing:
    """A single change waits for nothing. The next ones wait for a pause to pass, which doubles while changes
    come in each of them; whoever is told then is told of all of them."""

    tell: Callable[[str], None]
    later: Later
    _pauses: dict[str, float] = field(default_factory=dict, init=False)
    """The pause that is running, by lock."""
    _waiting: set[str] = field(default_factory=set, init=False)

    def changed(self, lock_id: str) -> None:
        """The lock is to hear what is newest."""
        if lock_id in self._pauses:
            self._waiting.add(lock_id)
        else:
            self._tell(lock_id, PAUSE_LEAST_S)

    def _tell(self, lock_id: str, pause_s: float) -> None:
        self._pauses[lock_id] = pause_s
        self.later(pause_s, self._over, lock_id)
        self.tell(lock_id)

    def _over(self, lock_id: str) -> None:
        pause_s = self._pauses.pop(lock_id)
        if lock_id in self._waiting:
            self._waiting.discard(lock_id)
            self._tell(lock_id, min(2 * pause_s, PAUSE_MOST_S))
