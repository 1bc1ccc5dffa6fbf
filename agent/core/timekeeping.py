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


class Trust(Enum):
    """How far the time may be believed."""

    TRUSTED = "trusted"
    HOLDOVER = "holdover"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Anchor:
    """At `at_s` since boot the Unix time was `wall_s`, give or take `bound_s`."""

    at_s: float
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
    anchor: Anchor | None = None


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
    trust = Trust.TRUSTED if elapsed <= FRESH_S else Trust.HOLDOVER
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
    return replace(keeper, anchor=anchor, floor_s=max(keeper.floor_s, time_s))


def ntp_time(keeper: Timekeeper, now: float, wall_s: float, trust_ntp: bool) -> Timekeeper:
    """Take the time of a host that says it is synchronised. Anyone on the network can say so: it is
    believed within an hour of our own estimate, or when the owner configured `clock.trust_ntp`, and it
    raises the floor by an hour at most, so that one bad answer cannot expire every code for ever."""
    estimate = reading(keeper, now)
    near = keeper.anchor is not None and abs(wall_s - estimate.wall_s) <= NTP_TOLERANCE_S
    if not near and not trust_ntp:
        return keeper
    if wall_s < keeper.floor_s - FLOOR_TOLERANCE_S:
        return keeper
    floor = max(keeper.floor_s, min(int(wall_s), keeper.floor_s + int(NTP_TOLERANCE_S)))
    return replace(keeper, anchor=Anchor(now, wall_s, 1.0), floor_s=floor)


def raised_floor(keeper: Timekeeper, now: float) -> Timekeeper:
    """The keeper with its floor brought up to the trusted time of `now`."""
    clock = reading(keeper, now)
    if clock.trust is not Trust.TRUSTED:
        return keeper
    return replace(keeper, floor_s=max(keeper.floor_s, int(clock.wall_s - clock.bound_s)))
