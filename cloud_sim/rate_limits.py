"""How often clients may ask for one kind of thing at one device: so many times in any minute."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

WINDOW_S = 60.0
SEAMS: Mapping[str, int] = {"creates": 10, "updates": 10, "deletes": 20, "locks": 15, "unlocks": 15}
"""Per device and minute, as Seam's page on rate limits has them."""


class BadLimits(ValueError):
    """A text that names no limits; the message says what would."""


@dataclass(slots=True)
class RateLimits:
    """On the loop's thread; `now_s` is any clock that does not go back. Forgotten with the process."""

    most: Mapping[str, int]
    """Kind -> how many a minute."""
    _taken: dict[tuple[str, str], deque[float]] = field(default_factory=dict, init=False, repr=False)

    def take(self, kind: str, device_ids: Sequence[str], now_s: float) -> float:
        """Count one of `kind` at each device, or none of them. 0.0, or in how many seconds there is room."""
        if kind not in self.most:
            return 0.0
        waits = [self._wait_s((kind, device_id), now_s) for device_id in device_ids]
        if max(waits, default=0.0) > 0.0:
            return max(waits)
        for device_id in device_ids:
            self._taken.setdefault((kind, device_id), deque()).append(now_s)
        return 0.0

    def _wait_s(self, key: tuple[str, str], now_s: float) -> float:
        taken = self._taken.get(key, deque())
        while taken and taken[0] <= now_s - WINDOW_S:
            taken.popleft()
        if not taken:
            self._taken.pop(key, None)
        return taken[0] + WINDOW_S - now_s if len(taken) >= self.most[key[0]] else 0.0


def parse(text: str) -> dict[str, int]:
    """`creates=2,unlocks=5`; what is not named has Seam's limit, so an empty text is all of Seam's.

    Raises BadLimits."""
    limits = dict(SEAMS)
    for part in filter(None, text.split(",")):
        kind, _, number = part.partition("=")
        if kind not in SEAMS or not number.isascii() or not number.isdigit() or not 1 <= int(number) <= 10**6:
            example = ",".join(f"{name}={most}" for name, most in SEAMS.items())
            raise BadLimits(f"{part!r} is no limit; write them like {example}")
        limits[kind] = int(number)
    return limits
