"""What the keypads show: a standing pattern each, and momentary answers on top of it."""

from collections.abc import Iterable, Mapping

from hal.ports import Indicator, Pattern

REFUSAL_AFTER_S = 0.4
"""Every refusal is shown this long after `#`, whatever its reason and however quickly it was found."""
GRANTED_S = 3.0
DENIED_S = 1.5
IDENTIFY_S = 10.0
KEYS_APART_S = 0.1
"""Keys that follow sooner are none of a finger's; they share one blip."""


class Face:
    """All lights of the door. Controller thread only; times are seconds since boot."""

    def __init__(
        self,
        indicators: Mapping[str, Indicator],
        shown_by: Mapping[str, str] | None = None,
        *,
        shows_keys: bool = True,
    ) -> None:
        """`shown_by`: the indicator that shows the answers of a keypad; others show them on all. Without an
        indicator everything is decided the same way and shown to nobody."""
        self._lights = {name: _Light(indicator) for name, indicator in indicators.items()}
        self._shown_by = shown_by or {}
        self._shows_keys = shows_keys

    def stand(self, pattern: Pattern, own: Mapping[str, Pattern] | None = None) -> None:
        """Show `pattern` whenever there is nothing momentary to show; `own`: what keypads show instead."""
        lights = {id(light): pattern for light in self._lights.values()}
        for keypad, other in (own or {}).items():
            lights |= {id(light): other for light in self._at(keypad)}
        for light in self._lights.values():
            light.stand(lights[id(light)])

    def key(self, keypad: str, now: float, *, is_last: bool) -> None:
        """A key was taken, whichever; at the last one of an entry an answer that is there already stays."""
        for light in self._at(keypad) if self._shows_keys else ():
            light.key(now, is_last=is_last)

    def granted(self, now: float, keypad: str) -> None:
        """A grant is shown at once."""
        for light in self._at(keypad):
            light.granted(now)

    def deny(self, entered_s: float, keypad: str) -> None:
        """A refusal of the entry that was finished at `entered_s`."""
        for light in self._at(keypad):
            light.deny(entered_s)

    def identify(self, now: float) -> None:
        """Show which door this is."""
        for light in self._lights.values():
            light.identify(now)

    def refresh(self) -> None:
        """Show again what should be seen: a keypad was away."""
        for light in self._lights.values():
            light.refresh()

    def tick(self, now: float) -> None:
        """Show what is due."""
        for light in self._lights.values():
            light.tick(now)

    def deadline(self) -> float | None:
        """When `tick` is next needed."""
        due = [light.deadline() for light in self._lights.values()]
        return min((at for at in due if at is not None), default=None)

    def _at(self, keypad: str) -> Iterable["_Light"]:
        name = self._shown_by.get(keypad)
        return self._lights.values() if name is None else (self._lights[name],)


class _Light:
    """One indicator."""

    def __init__(self, indicator: Indicator) -> None:
        self._indicator = indicator
        self._standing: Pattern | None = None
        self._deny_at_s: float | None = None
        self._until_s: float | None = None
        self._key_s: float | None = None

    def stand(self, pattern: Pattern) -> None:
        if pattern is not self._standing:
            self._standing = pattern
            if self._until_s is None:
                self._indicator.show(pattern)

    def key(self, now: float, *, is_last: bool) -> None:
        is_one_of_many = self._key_s is not None and now - self._key_s < KEYS_APART_S
        if is_one_of_many or (is_last and self._until_s is not None):
            return
        self._key_s, self._until_s = now, None
        self._indicator.show(Pattern.KEY)

    def granted(self, now: float) -> None:
        self._deny_at_s = None
        self._until_s = now + GRANTED_S
        self._indicator.show(Pattern.GRANTED)

    def identify(self, now: float) -> None:
        self._until_s = now + IDENTIFY_S
        self._indicator.show(Pattern.IDENTIFY)

    def deny(self, entered_s: float) -> None:
        self._deny_at_s = entered_s + REFUSAL_AFTER_S

    def refresh(self) -> None:
        if self._until_s is None and self._standing is not None:
            self._indicator.show(self._standing)

    def tick(self, now: float) -> None:
        if self._deny_at_s is not None and now >= self._deny_at_s:
            self._deny_at_s = None
            self._until_s = now + DENIED_S
            self._indicator.show(Pattern.DENIED)
        if self._until_s is not None and now >= self._until_s:
            self._until_s = None
            self.refresh()

    def deadline(self) -> float | None:
        return min((at for at in (self._deny_at_s, self._until_s) if at is not None), default=None)
