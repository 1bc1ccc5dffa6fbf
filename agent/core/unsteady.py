"""Links that are lost again and again: a bad cable, or somebody who tries something on the line."""

from collections import deque

LOSSES = 5
WITHIN_S = 60.0
"""So many losses within this time make a link unsteady; without one for as long, it is steady again."""


class Unsteady:
    """Counts losses of links. Times are seconds since boot."""

    def __init__(self) -> None:
        """All is quiet."""
        self._losses: dict[str, deque[float]] = {}
        self._units: set[str] = set()

    def lost(self, unit: str, now: float) -> int:
        """A link was lost; returns how many losses made it unsteady just now, else 0."""
        losses = self._losses.setdefault(unit, deque(maxlen=LOSSES))
        losses.append(now)
        if unit in self._units or len(losses) < LOSSES or now - losses[0] > WITHIN_S:
            return 0
        self._units.add(unit)
        return LOSSES

    def settled(self, now: float) -> list[str]:
        """Those that are steady again, each once."""
        quiet = sorted(unit for unit in self._units if now >= self._losses[unit][-1] + WITHIN_S)
        self._units.difference_update(quiet)
        return quiet

    def units(self) -> list[str]:
        """Those that are unsteady now."""
        return sorted(self._units)

    def deadline(self) -> float | None:
        """When `settled` may have something to tell."""
        return min((self._losses[unit][-1] + WITHIN_S for unit in self._units), default=None)
