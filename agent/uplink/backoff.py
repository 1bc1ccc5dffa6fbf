"""When to try the broker again: full jitter, doubling, forgotten only after a stable minute."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """The first retry comes within `first_s`, later ones within a span that doubles up to `cap_s`.

    A broker that accepts and then drops everybody is a failure too: a connection counts as a success only
    after `stable_s`."""

    first_s: float = 0.5
    cap_s: float = 120.0
    stable_s: float = 60.0
    draw: Callable[[float, float], float] = field(default=random.uniform, repr=False)

    def delay_s(self, failures: int) -> float:
        """How long to wait after that many failures in a row (1 or more)."""
        ceiling = min(self.cap_s, self.first_s * 2.0 ** min(failures - 1, 32))
        # Never quite nothing, or a broker that drops everybody would be hammered now and then.
        return self.draw(min(0.1 * ceiling, 1.0), ceiling)
