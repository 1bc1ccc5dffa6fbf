"""An input that counts once it has been steady: contacts bounce, and long wires catch what is not theirs."""


class Steady:
    """One input. Time comes as milliseconds that have passed."""

    def __init__(self, steady_ms: int) -> None:
        self._steady_ms = steady_ms
        self._seen: bool | None = None
        self._seen_for_ms = 0
        self.level: bool | None = None
        """What counts; None until it is known."""

    def look(self, level: bool, elapsed_ms: int) -> bool:
        """Take one look; True if another level counts from now on."""
        if level != self._seen:
            self._seen = level
            self._seen_for_ms = 0
        else:
            self._seen_for_ms += elapsed_ms
        if self._seen_for_ms < self._steady_ms or level == self.level:
            return False
        self.level = level
        return True

    def is_settled(self) -> bool:
        """Whether what was seen last is what counts."""
        return self._seen == self.level
