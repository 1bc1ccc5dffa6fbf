"""Keeps the lock's clock: asks the cloud for signed time, hears NTP, and remembers the floor on disk."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from agent.core import timekeeping
from agent.core.timekeeping import ClockReading, Timekeeper, Trust
from agent.errors import StorageFault
from agent.host_clock import Clocks, read_rtc
from agent.journal import Stamp
from agent.messages import HeartbeatReceived, Request
from agent.store import KeptClock, Store

ASK_EVERY_S = 600.0
RETRY_S = 15.0
SAVE_EVERY_S = 600.0


RTC_PPM = 5.0
"""A DS3231 between -40 and 85 degrees, with some years of ageing (its data sheet: 3.5 and 1 a year)."""


@dataclass(frozen=True, slots=True)
class ClockSettings:
    """`[clock]` of the configuration. `rtc`: the file that shows the hardware clock, in Unix seconds."""

    ppm: float
    trust_ntp: bool
    rtc: Path | None = None
    lockctl: bool = False


class ClockWatch:
    """The time of one lock. Controller thread only; may raise StorageFault when it has to remember."""

    def __init__(
        self, store: Store, clocks: Clocks, settings: ClockSettings, ask: Callable[[Request], None]
    ) -> None:
        """Go on from the floor, and from the estimate if this is still the boot it was made in."""
        self._store = store
        self._clocks = clocks
        self.settings = settings
        self._ask = ask
        kept = store.clock(clocks.boot)
        self.keeper = Timekeeper(
            ppm=settings.ppm, floor_s=kept.floor_s, signed_floor_s=kept.signed_floor_s, anchor=kept.anchor
        )
        self._rtc = kept.rtc
        self.rtc_fault = ""
        """Why the hardware clock is not believed; empty while it is, and without one."""
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
        self._pair(received.arrived_s)
        self._save(received.arrived_s)
        return None

    def set_by_technician(self, wall_s: float, now: float) -> str | None:
        """Take the time from somebody at the door; returns why not, or None once that is durable."""
        taken = timekeeping.technician_time(self.keeper, now, wall_s)
        if isinstance(taken, str):
            return taken
        before, self.keeper = self.keeper, taken
        try:
            self._pair(now)
            self._save(now)
        except StorageFault:
            self.keeper = before
            raise
        return None

    def tick(self, now: float) -> None:
        """Whatever is due: ask again, hear NTP, remember the floor."""
        if self._ask_at_s is not None and now >= self._ask_at_s:
            self._request_time(now)
        if now >= self._save_at_s:
            self._hear_rtc(now)
            self._hear_ntp(now)
            self._save(now)

    def _hear_ntp(self, now: float) -> None:
        wall_s = self._clocks.ntp_wall()
        if wall_s is not None:
            before = self.keeper
            self.keeper = timekeeping.ntp_time(before, now, wall_s, self.settings.trust_ntp)
            if self.keeper is not before:
                self._pair(now)

    def _hear_rtc(self, now: float) -> None:
        """What the hardware clock counted since it was last compared. One that was set meanwhile is compared
        anew as soon as the time is known."""
        rtc_s = self._read_rtc()
        if rtc_s is None:
            self.rtc_fault = "" if self.settings.rtc is None else "rtc_silent"
            return
        if self._rtc is None:
            self._pair(now)
            return
        taken = timekeeping.rtc_time(self.keeper, self._rtc, now, rtc_s, RTC_PPM)
        if isinstance(taken, str):
            self.rtc_fault = taken
            self._pair(now)
        else:
            self.keeper, self.rtc_fault = taken, ""

    def _pair(self, now: float) -> None:
        rtc_s = self._read_rtc()
        if rtc_s is not None:
            self._rtc = timekeeping.paired(self.keeper, now, rtc_s)

    def _read_rtc(self) -> int | None:
        return None if self.settings.rtc is None else read_rtc(self.settings.rtc)

    def start(self, now: float) -> None:
        """At boot the hardware clock has counted on, and NTP may already have an answer."""
        self._hear_rtc(now)
        self._hear_ntp(now)

    def _save(self, now: float) -> None:
        self._save_at_s = now + SAVE_EVERY_S
        self.keeper = timekeeping.raised_floor(self.keeper, now)
        keeper = self.keeper
        kept = KeptClock(
            floor_s=keeper.floor_s,
            signed_floor_s=keeper.signed_floor_s,
            anchor=keeper.anchor,
            rtc=self._rtc,
        )
        self._store.save_clock(self._clocks.boot, kept)

    def deadline(self, now: float) -> float:
        """When `tick` is next needed, or trust changes by itself; seconds since boot."""
        change = timekeeping.next_change(self.keeper, now)
        return min(at for at in (self._ask_at_s, self._save_at_s, change) if at is not None)
