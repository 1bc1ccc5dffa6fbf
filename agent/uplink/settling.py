"""Acknowledges messages to the broker in the order they came, each after it was dealt with."""

import itertools
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(slots=True)
class Settling:
    """One FIFO of what arrived on this connection. MQTT 5, 4.6: PUBACKs go in the order of the PUBLISHes."""

    _tokens: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _waiting: deque[int] = field(default_factory=deque)
    _mids: dict[int, int] = field(default_factory=dict)
    _settled: set[int] = field(default_factory=set)

    def restart(self) -> None:
        """A new connection: the broker sends again what had no PUBACK, so older tokens mean nothing now."""
        self._waiting.clear()
        self._mids.clear()
        self._settled.clear()

    def arrived(self, mid: int) -> int:
        """A token for a message, never used before."""
        token = next(self._tokens)
        self._waiting.append(token)
        self._mids[token] = mid
        return token

    def settle(self, token: int) -> list[int]:
        """The mids that may be acknowledged now, in order; none for a token of an older connection."""
        if token not in self._mids:
            return []
        self._settled.add(token)
        ready: list[int] = []
        while self._waiting and self._waiting[0] in self._settled:
            first = self._waiting.popleft()
            self._settled.discard(first)
            ready.append(self._mids.pop(first))
        return ready
