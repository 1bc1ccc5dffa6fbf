"""Clock trust as a state: trusted, holdover or unknown, and a floor that never goes back.

The lock keeps its own estimate: an anchor (this Unix time at that instant since boot) plus time elapsed
since boot. The clock of the host is only ever one witness, so setting it back or forward opens nothing.
"""

from dataclasses import dataclass, replace
from enum import Enum

FRESH_S = 900.0
"""A source of time heard within this keeps the clock trusted; later it is holdover."""
MAX_BOUND_S = 300.0
MAX_ROUND_TRIP_S = 10.0
NTP_TOLERANCE_S = 3600.0
FLOOR_TOLERANCE_S = 300.0
UNSIGNED_FLOOR_S = 3600
"""Without signed time the floor rises so far above the signed one and no further: a wrong witness must not
expire every code for ever."""
TECHNICIAN_BOUND_S = 60.0
"""A person reads a watch and types."""
RTC_BOUND_S = 1.0
"""A hardware clock shows whole seconds."""


class Trust(Enum):
    """How far the time may be believed."""

    TRUSTED = "trusted"
    HOLDOVER = "holdover"
    UNKNOWN = "unknown"


class Witness(Enum):
    """Who answers for a time. Only what the cloud signs counts in full."""

    SIGNED = "signed"
    NTP = "ntp"
    RTC = "rtc"
    TECHNICIAN = "technician"


@dataclass(frozen=True, slots=True)
class Anchor:
    """At `at_s` since boot the Unix time was `wall_s`, give or take `bound_s`."""

    at_s: float
    wall_s: float
    bound_s: float
    witness: Witness = Witness.SIGNED


@dataclass(frozen=True, slots=True)
class RtcPair:
    """The hardware clock showed `rtc_s` when the Unix time was `wall_s`, give or take `bound_s`."""

    rtc_s: int
    wall_s: float
    bound_s: float


@dataclass(frozen=True, slots=True)
class ClockReading:
    """The time as far as it is known. With trust unknown only `floor_s` is certain: it is later than that."""

    trust: Trust
    wall_s: float
    bound_s: float
    floor_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Timekeeper:
    """What the lock knows about time. `ppm`: drift of its oscillator, parts per million."""

    ppm: float = 100.0
    floor_s: int = 0
    signed_floor_s: int = 0
    """What the floor would be by signed time alone."""
    anchor: Anchor | None = None


_TRUSTED = (Witness.SIGNED, Witness.NTP)


def reading(keeper: Timekeeper, now: float) -> ClockReading:
    """The time at `now` (seconds since boot)."""
    anchor = keeper.anchor
    if anchor is None:
        return ClockReading(Trust.UNKNOWN, float(keeper.floor_s), float("inf"), keeper.floor_s)
    elapsed = max(0.0, now - anchor.at_s)
    bound = anchor.bound_s + elapsed * keeper.ppm * 1e-6
    wall = anchor.wall_s + elapsed
    if bound > MAX_BOUND_S:
        return ClockReading(Trust.UNKNOWN, wall, bound, keeper.floor_s)
    is_fresh = elapsed <= FRESH_S and anchor.witness in _TRUSTED
    trust = Trust.TRUSTED if is_fresh else Trust.HOLDOVER
    return ClockReading(trust, wall, bound, keeper.floor_s)


def next_change(keeper: Timekeeper, now: float) -> float | None:
    """When trust next falls by itself, in seconds since boot."""
    anchor = keeper.anchor
    if anchor is None:
        return None
    holdover = anchor.at_s + FRESH_S
    unknown = anchor.at_s + (MAX_BOUND_S - anchor.bound_s) / (keeper.ppm * 1e-6)
    return next((instant for instant in sorted((holdover, unknown)) if instant >= now), None)


def signed_answer(keeper: Timekeeper, asked_s: float, arrived_s: float, time_s: int) -> Timekeeper | str:
    """Take the cloud's signed answer to our own nonce; or say why not. Half the round trip is charged to
    the bound, and one second for the resolution of the answer."""
    round_trip = arrived_s - asked_s
    if not 0 <= round_trip <= MAX_ROUND_TRIP_S:
        return "time_answer_late"
    if time_s < keeper.floor_s - FLOOR_TOLERANCE_S:
        return "time_below_floor"
    wall = time_s + 0.5 + round_trip / 2
    anchor = Anchor(arrived_s, wall, 1.0 + round_trip / 2)
    floor = max(keeper.floor_s, time_s)
    return replace(keeper, anchor=anchor, floor_s=floor, signed_floor_s=floor)


def ntp_time(keeper: Timekeeper, now: float, wall_s: float, trust_ntp: bool) -> Timekeeper:
    """Take the time of a host that says it is synchronised. Anyone on the network can say so: it is
    believed within an hour of our own estimate, or when the owner configured `clock.trust_ntp`."""
    estimate = reading(keeper, now)
    near = keeper.anchor is not None and abs(wall_s - estimate.wall_s) <= NTP_TOLERANCE_S
    if not near and not trust_ntp:
        return keeper
    if wall_s < keeper.floor_s - FLOOR_TOLERANCE_S:
        return keeper
    return _witnessed(keeper, Anchor(now, wall_s, 1.0, Witness.NTP))


def technician_time(keeper: Timekeeper, now: float, wall_s: float) -> Timekeeper | str:
    """Take the time that a technician typed, or say why not. Only where nothing better is known, and never
    before what has certainly passed."""
    if reading(keeper, now).trust is not Trust.UNKNOWN:
        return "time_known"
    if wall_s < keeper.floor_s:
        return "time_below_floor"
    return _witnessed(keeper, Anchor(now, wall_s, TECHNICIAN_BOUND_S, Witness.TECHNICIAN))


def paired(keeper: Timekeeper, now: float, rtc_s: int) -> RtcPair | None:
    """What to remember of a hardware clock that shows `rtc_s` now; nothing while the time is unknown."""
    clock = reading(keeper, now)
    return None if clock.trust is Trust.UNKNOWN else RtcPair(rtc_s, clock.wall_s, clock.bound_s + RTC_BOUND_S)


def rtc_time(keeper: Timekeeper, pair: RtcPair, now: float, rtc_s: int, ppm: float) -> Timekeeper | str:
    """Take the time by a hardware clock of `ppm` that ran on since `pair`, where that is closer than the own
    estimate; or say why not. What it counts is believed, what it shows is not."""
    elapsed = rtc_s - pair.rtc_s
    wall, bound = pair.wall_s + elapsed, pair.bound_s + RTC_BOUND_S + max(0, elapsed) * ppm * 1e-6
    estimate = reading(keeper, now)
    is_off = abs(wall - estimate.wall_s) > bound + estimate.bound_s  # with the time unknown nothing is
    if elapsed < 0 or is_off or wall + bound < keeper.floor_s:
        return "rtc_stepped"
    if bound >= min(estimate.bound_s, MAX_BOUND_S):
        return keeper
    return _witnessed(keeper, Anchor(now, wall, bound, Witness.RTC))


def _witnessed(keeper: Timekeeper, anchor: Anchor) -> Timekeeper:
    """With a time that nobody signed."""
    return replace(keeper, anchor=anchor, floor_s=_unsigned_floor(keeper, anchor.wall_s - anchor.bound_s))


def _unsigned_floor(keeper: Timekeeper, certain_s: float) -> int:
    return max(keeper.floor_s, min(int(certain_s), keeper.signed_floor_s + UNSIGNED_FLOOR_S))


def raised_floor(keeper: Timekeeper, now: float) -> Timekeeper:
    """The keeper with its floor brought up to the trusted time of `now`, as far as its witness may."""
    clock, anchor = reading(keeper, now), keeper.anchor
    if clock.trust is not Trust.TRUSTED or anchor is None:
        return keeper
    certain_s = clock.wall_s - clock.bound_s
    if anchor.witness is not Witness.SIGNED:
        return replace(keeper, floor_s=_unsigned_floor(keeper, certain_s))
    floor = max(keeper.floor_s, int(certain_s))
    return replace(keeper, floor_s=floor, signed_floor_s=max(keeper.signed_floor_s, floor))
