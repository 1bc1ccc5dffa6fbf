"""Says the first of many equal things at once, and counts the rest: nobody may flood the journal."""

from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class Repeats(Generic[Key]):
    """Within `window_s` seconds after the first of a kind, more of it are only counted."""

    def __init__(self, window_s: float = 60.0, kinds: int = 64) -> None:
        """`kinds`: how many different things are told apart at once; further ones are not reported."""
        self._window_s = window_s
        self._kinds = kinds
        self._open: dict[Key, tuple[float, int]] = {}

    def is_first(self, key: Key, now: float) -> bool:
        """Count one; True when it is to be reported now."""
        until, count = self._open.get(key, (0.0, 0))
        if key in self._open:
            self._open[key] = (until, count + 1)
            return False
        if len(self._open) >= self._kinds:
            return False
        self._open[key] = (now + self._window_s, 0)
        return True

    def due(self, now: float) -> list[tuple[Key, int]]:
        """What was counted in windows that are over by `now`: (key, how many more there were)."""
        over = [key for key, (until, _) in self._open.items() if until <= now]
        counted = [(key, self._open.pop(key)[1]) for key in over]
        return [(key, count) for key, count in counted if count]

    def deadline(self) -> float | None:
        """When `due` next has something to say."""
        return min((until for until, _ in self._open.values()), default=None)
