"""What the keypad shows: one standing pattern, and momentary answers on top of it."""

from hal.ports import Indicator, Pattern

REFUSAL_AFTER_S = 0.4
"""Every refusal is shown this long after `#`, whatever its reason and however quickly it was found."""
GRANTED_S = 3.0
DENIED_S = 1.5
IDENTIFY_S = 10.0


class Face:
    """The indicator of the door. Controller thread only; times are seconds since boot."""

    def __init__(self, indicator: Indicator | None) -> None:
        """Without an indicator everything is decided the same way and shown to nobody."""
        self._indicator = indicator
        self._standing: Pattern | None = None
        self._deny_at_s: float | None = None
        self._until_s: float | None = None

    def stand(self, pattern: Pattern) -> None:
        """Show this whenever there is nothing momentary to show."""
        if pattern is not self._standing:
            self._standing = pattern
            if self._until_s is None:
                self._show(pattern)

    def granted(self, now: float) -> None:
        """A grant is shown at once."""
        self._deny_at_s = None
        self._until_s = now + GRANTED_S
        self._show(Pattern.GRANTED)

    def identify(self, now: float) -> None:
        """Show which door this is."""
        self._until_s = now + IDENTIFY_S
        self._show(Pattern.IDENTIFY)

    def deny(self, entered_s: float) -> None:
        """A refusal of the entry that was finished at `entered_s`."""
        self._deny_at_s = entered_s + REFUSAL_AFTER_S

    def refresh(self) -> None:
        """Show again what should be seen: the keypad was away."""
        if self._until_s is None and self._standing is not None:
            self._show(self._standing)

    def tick(self, now: float) -> None:
        """Show what is due."""
        if self._deny_at_s is not None and now >= self._deny_at_s:
            self._deny_at_s = None
            self._until_s = now + DENIED_S
            self._show(Pattern.DENIED)
        if self._until_s is not None and now >= self._until_s:
            self._until_s = None
            self.refresh()

    def deadline(self) -> float | None:
        """When `tick` is next needed."""
        return min((at for at in (self._deny_at_s, self._until_s) if at is not None), default=None)

    def _show(self, pattern: Pattern) -> None:
        if self._indicator is not None:
            self._indicator.show(pattern)
