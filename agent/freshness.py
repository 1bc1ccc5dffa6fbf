"""Whether the cloud is really heard: somebody on the way may hold back what he cannot forge.

A heartbeat proves that the cloud spoke lately, if it answers our own question or, the time being known, is
within its life. It names the newest revision of the code set: one that does not come is held back.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from agent.clock_watch import ClockWatch
from agent.core.timekeeping import Trust
from agent.journal import Event
from agent.messages import HeartbeatReceived, Request
from agent.recorder import Recorder
from agent.store import Heard, Store

WITHHELD_AFTER_S = 60.0
"""A manifest comes within two seconds of a change, and once more when it is asked for."""
SAVE_EVERY_S = 600.0
TELL_EVERY_S = 60.0
"""When storage fails, the journal is told again after this."""


@dataclass(frozen=True, slots=True)
class StaleSettings:
    """After so long without a heartbeat the lock is stale (infinite: never), and what that changes."""

    after_s: float = 72 * 3600.0
    refuses_codes: bool = False


class Freshness:
    """The ear for the cloud. Controller thread only; may raise StorageFault."""

    def __init__(
        self,
        *,
        store: Store,
        clock: ClockWatch,
        recorder: Recorder,
        ask: Callable[[Request], None],
        settings: StaleSettings,
        now: float,
    ) -> None:
        """Silence goes on where the last process left it; a lock that never heard a cloud counts from now."""
        self._store = store
        self._clock = clock
        self._recorder = recorder
        self._ask = ask
        self.settings = settings
        self._heard = store.heard()
        self._is_stale = self._heard.is_stale
        self._since_s = now
        self._tell_at_s = now
        """When the journal is told, once there is something to tell."""
        self._save_at_s = now + SAVE_EVERY_S
        self._nonce = ""
        """The last answer that counted: kept by somebody, it proves nothing a second time."""
        self._head_rev = 0
        self._head_since_s = math.inf
        self._is_told = False
        """Whether the journal has the revision that is held back."""

    # --- what can be asked --------------------------------------------------------------------------

    @property
    def is_stale(self) -> bool:
        """Whether too much time has passed since the cloud was last heard."""
        return self._is_stale

    @property
    def refuses_codes(self) -> bool:
        """Whether no code may open for that reason."""
        return self.is_stale and self.settings.refuses_codes

    def silent_s(self, now: float) -> float:
        """At least so long ago the cloud spoke last: by the time this lock has run, and by its clock."""
        ran_s = self._heard.silent_s + now - self._since_s
        if not self._heard.heard_s or self._clock.reading(now).trust is Trust.UNKNOWN:
            return ran_s
        return max(ran_s, self._clock.certain_wall_s(now) - self._heard.heard_s)

    def withheld_rev(self, now: float) -> int | None:
        """The revision that the cloud has and this lock was not given in time, if there is one."""
        return self._head_rev if now >= self._withheld_at_s() else None

    def _withheld_at_s(self) -> float:
        is_behind = self._head_rev > self._store.revision().highest_rev
        return self._head_since_s + WITHHELD_AFTER_S if is_behind else math.inf

    # --- what happens -------------------------------------------------------------------------------

    def heard(self, received: HeartbeatReceived, now: float) -> str | None:
        """Take a genuine heartbeat that the clock did not refuse; returns why it proves nothing, or None."""
        beat = received.heartbeat
        if beat.nonce is not None:
            if beat.nonce != self._nonce:
                self._nonce = beat.nonce
                self._believe(beat.time, beat.head_rev, now)
            return None
        if self._clock.reading(now).trust is Trust.UNKNOWN:
            return None  # nobody can tell when it was made
        if received.exp <= self._clock.certain_wall_s(now):
            return "expired"
        if beat.time < self._heard.heard_s:
            return "older_heartbeat"
        if (beat.time, beat.head_rev) > (self._heard.heard_s, self._head_rev):
            self._believe(beat.time, beat.head_rev, now)
        return None

    def _believe(self, time_s: int, head_rev: int, now: float) -> None:
        if self._heard.is_stale:
            self._recorder.record(Event("fresh", {"silent_s": int(self.silent_s(now))}))
        self._is_stale = False
        self._keep(Heard(time_s, 0, is_stale=False), now)
        if head_rev != self._head_rev:
            self._head_rev, self._head_since_s, self._is_told = head_rev, now, False
        if head_rev > self._store.revision().highest_rev:
            self._ask(Request(type="buckets", rev=0, need=[]))  # answered with the newest manifest

    def tick(self, now: float) -> None:
        """Whatever is due: say that changes are held back, or that nothing is heard; remember how long."""
        if not self._is_told and (rev := self.withheld_rev(now)) is not None:
            self._is_told = True
            ours = self._store.revision().highest_rev
            self._recorder.record(Event("changes_withheld", {"head_rev": rev, "rev": ours}))
        silent_s = int(self.silent_s(now))
        self._is_stale = self._is_stale or self.silent_s(now) >= self.settings.after_s
        if self._is_stale and not self._heard.is_stale and now >= self._tell_at_s:
            self._tell_at_s = now + TELL_EVERY_S
            detail = {"silent_s": silent_s, "refuses_codes": self.settings.refuses_codes}
            self._recorder.record(Event("stale", detail))
            self._keep(Heard(self._heard.heard_s, silent_s, is_stale=True), now)
        if now >= self._save_at_s:
            self._save_at_s = now + SAVE_EVERY_S
            ran_s = int(self._heard.silent_s + now - self._since_s)
            self._keep(Heard(self._heard.heard_s, ran_s, is_stale=self._heard.is_stale), now)

    def deadline(self, now: float) -> float:
        """When `tick` is next needed, in seconds since boot."""
        stale_s = now + max(0.0, self.settings.after_s - self.silent_s(now))
        if self._is_stale:
            stale_s = math.inf if self._heard.is_stale else self._tell_at_s
        withheld_s = math.inf if self._is_told else self._withheld_at_s()
        return min(self._save_at_s, stale_s, withheld_s)

    def _keep(self, heard: Heard, now: float) -> None:
        self._store.keep_heard(heard)
        self._heard, self._since_s = heard, now
