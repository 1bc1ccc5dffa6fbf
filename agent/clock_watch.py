"""Keeps the lock's clock: asks the cloud for signed time, hears NTP, and remembers the floor on disk."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from agent.core import timekeeping
from agent.core.timekeeping import ClockReading, Timekeeper, Trust
from agent.host_clock import Clocks
from agent.journal import Stamp
from agent.messages import HeartbeatReceived, Request
from agent.store import Store

ASK_EVERY_S = 600.0
RETRY_S = 15.0
SAVE_EVERY_S = 600.0


@dataclass(frozen=True, slots=True)
class ClockSettings:
    """`[clock]` of the configuration."""

    ppm: float
    trust_ntp: bool


class ClockWatch:
    """The time of one lock. Controller thread only; may raise StorageFault when it has to remember."""

    def __init__(
        self, store: Store, clocks: Clocks, settings: ClockSettings, ask: Callable[[Request], None]
    ) -> None:
        """Go on from the floor, and from the estimate if this is still the boot it was made in."""
        self._store = store
        self._clocks = clocks
        self._settings = settings
        self._ask = ask
        floor_s, anchor = store.clock(clocks.boot)
        self.keeper = Timekeeper(ppm=settings.ppm, floor_s=floor_s, anchor=anchor)
        self._asked: tuple[str, float] | None = None
        self._answered = ""
        """The nonce that was answered last: the broker may deliver that answer once more."""
        self._ask_at_s: float | None = None
        self._save_at_s = clocks.now() + SAVE_EVERY_S

    def reading(self, now: float) -> ClockReading:
        """The time at `now`, with its trust."""
        return timekeeping.reading(self.keeper, now)

    def certain_wall_s(self, now: float) -> float:
        """A Unix time that has certainly passed."""
        clock = self.reading(now)
        if clock.trust is Trust.UNKNOWN:
            return float(clock.floor_s)
        return max(float(clock.floor_s), clock.wall_s - clock.bound_s)

    def best_wall_s(self) -> float:
        """The best guess at Unix time. From any thread: it reads one immutable value."""
        clock = self.reading(self._clocks.now())
        return self._clocks.wall() if clock.trust is Trust.UNKNOWN else clock.wall_s

    def is_known(self) -> bool:
        """Whether that guess may judge others. From any thread."""
        return self.reading(self._clocks.now()).trust is not Trust.UNKNOWN

    def stamp(self, now: float) -> Stamp:
        """For the journal. With the clock unknown, the time of the host, marked as such."""
        clock = self.reading(now)
        wall_s = self._clocks.wall() if clock.trust is Trust.UNKNOWN else clock.wall_s
        return Stamp(self._clocks.boot, int(now * 1000), int(wall_s * 1000), clock.trust.value)

    # --- sources ----------------------------------------------------------------------------------

    def connected(self, now: float) -> None:
        """The cloud can be asked."""
        self._request_time(now)

    def disconnected(self) -> None:
        """Nobody to ask until further notice."""
        self._asked = self._ask_at_s = None

    def _request_time(self, now: float) -> None:
        nonce = secrets.token_hex(16)
        self._asked = (nonce, now)
        self._ask_at_s = now + RETRY_S
        self._ask(Request(type="time", nonce=nonce))

    def heard(self, received: HeartbeatReceived) -> str | None:
        """Take signed time that answers our own question; returns why not, or None. A heartbeat without
        a nonce says nothing about when it was made, so it moves no clock."""
        beat = received.heartbeat
        if beat.nonce is None or beat.nonce == self._answered:
            return None
        asked = self._asked
        if asked is None or not secrets.compare_digest(asked[0].encode(), beat.nonce.encode()):
            return "unknown_nonce"
        self._asked, self._answered = None, beat.nonce
        taken = timekeeping.signed_answer(self.keeper, asked[1], received.arrived_s, beat.time)
        if isinstance(taken, str):
            return taken
        self._ask_at_s = received.arrived_s + ASK_EVERY_S
        self.keeper = taken
        self._save(received.arrived_s)
        return None

    def tick(self, now: float) -> None:
        """Whatever is due: ask again, hear NTP, remember the floor."""
        if self._ask_at_s is not None and now >= self._ask_at_s:
            self._request_time(now)
        if now >= self._save_at_s:
            self._hear_ntp(now)
            self._save(now)

    def _hear_ntp(self, now: float) -> None:
        wall_s = self._clocks.ntp_wall()
        if wall_s is not None:
            self.keeper = timekeeping.ntp_time(self.keeper, now, wall_s, self._settings.trust_ntp)

    def start(self, now: float) -> None:
        """At boot NTP may already have an answer."""
        self._hear_ntp(now)

    def _save(self, now: float) -> None:
        self._save_at_s = now + SAVE_EVERY_S
        self.keeper = timekeeping.raised_floor(self.keeper, now)
        self._store.save_clock(self._clocks.boot, self.keeper.floor_s, self.keeper.anchor)

    def deadline(self, now: float) -> float:
        """When `tick` is next needed, or trust changes by itself; seconds since boot."""
        change = timekeeping.next_change(self.keeper, now)
        return min(at for at in (self._ask_at_s, self._save_at_s, change) if at is not None)
