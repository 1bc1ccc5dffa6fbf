"""The strike as the door side tells it, and the bolt behind it, where a sensor says what that does."""

from typing import Literal

from agent.core import bolt
from agent.journal import Event
from hal.ports import Strike

Said = Literal["locked", "released", "unconfirmed"]


class BoltWatch:
    """The only one that tells the strike. Controller thread only; times are seconds since boot."""

    def __init__(self, strike: Strike) -> None:
        """Locked as far as anybody knows."""
        self._strike = strike
        self._until_s = 0.0
        """When the latest release ends."""
        self._is_door_open = False
        self.bolt = bolt.Bolt()

    def unlock(self, for_s: float, now: float) -> list[Event]:
        """Release for `for_s` seconds."""
        self._strike.unlock(for_s)
        self._until_s = now + for_s
        return self._told(True, now)

    def lock(self, now: float) -> list[Event]:
        """End a release."""
        self._strike.lock()
        self._until_s = now
        return self._told(False, now)

    def door_moved(self, is_open: bool, now: float) -> None:
        """What was not waited for at an open door is, once it is shut."""
        self._is_door_open = is_open
        self._told(self.bolt.shall_withdraw, now)

    def sensed(self, is_withdrawn: bool | None, now: float) -> list[Event]:
        """The sensor says so; None: it cannot be read any more."""
        before = self.bolt
        after = bolt.sensed(before, is_withdrawn)
        is_unasked = before.is_withdrawn is False and is_withdrawn is True and not after.shall_withdraw
        moved = [Event("bolt_withdrawn", {"why": "unasked"})] if is_unasked else []
        return [*self._now(after), *moved, *self._told(after.shall_withdraw, now)]

    def tick(self, now: float) -> list[Event]:
        """Try again what did not happen. Nothing is released for longer than it was to be."""
        step = bolt.tick(self.bolt, now)
        events = self._now(step.bolt)
        if step.is_again:
            self._strike.lock()
            if self.bolt.shall_withdraw and self._until_s > now:
                self._strike.unlock(self._until_s - now)
        return events

    def deadline(self) -> float | None:
        """When `tick` is next needed."""
        return self.bolt.check_at_s

    def said(self) -> Said:
        """What may be claimed: where there is a sensor, `locked` only if it says so."""
        if self.bolt.shall_withdraw:
            return "released"
        return "unconfirmed" if self.bolt.is_withdrawn else "locked"

    def _told(self, shall_withdraw: bool, now: float) -> list[Event]:
        return self._now(bolt.told(self.bolt, shall_withdraw, now, is_door_open=self._is_door_open))

    def _now(self, after: bolt.Bolt) -> list[Event]:
        before, self.bolt = self.bolt, after
        if after.jam == before.jam:
            return []
        return [Event("bolt_jammed", {"why": after.jam}) if after.jam else Event("bolt_free")]
