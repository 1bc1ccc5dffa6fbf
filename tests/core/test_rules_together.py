"""Any mixture of rules, histories and clocks is judged as a plain reading of the rules says."""

from datetime import UTC, time

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.access_code import AccessCode, Kind
from agent.core.decision import Reason, decide
from agent.core.lifetime import History
from agent.core.schedule import EVERY_DAY, Hours, Schedule, phase
from agent.core.timekeeping import ClockReading, Trust
from agent.core.verifier import CodeTable, TableRow

TAG = b"t" * 16
MORNINGS = Schedule(
    weekly=(Hours(days=EVERY_DAY, begins=time(0, 0), ends=time(0, 1)),), zone_name="UTC", zone=UTC
)
few = st.integers(0, 120)
spans = st.none() | st.integers(1, 120)
codes = st.builds(
    AccessCode,
    access_code_id=st.just("a"),
    gen=st.just(1),
    code_rev=st.just(1),
    kind=st.sampled_from([Kind.STANDARD] * 5 + list(Kind)),
    starts_at=st.none() | few,
    ends_at=st.none() | few,
    max_uses=st.none() | st.integers(1, 3),
    works_without_clock=st.booleans(),
    enabled=st.sampled_from([True] * 5 + [False]),
    expires_after_first_use_s=spans,
    first_use_within_s=spans,
    schedule=st.sampled_from([None, MORNINGS]),
)
unused = st.builds(History, known_since=few)
histories = unused | st.builds(History, uses=st.integers(1, 3), first_used_at=few, known_since=few)
clocks = st.builds(
    lambda trust, wall_s, floor_s: ClockReading(trust, float(max(wall_s, floor_s)), 1.0, floor_s),
    st.sampled_from([Trust.TRUSTED, Trust.HOLDOVER, Trust.UNKNOWN]),
    few,
    few,
)


def plus(begins: int | None, span: int | None) -> int | None:
    return None if begins is None or span is None else begins + span


def lasting(code: AccessCode, history: History, instant: float) -> Reason | None:
    """What will not become better by waiting."""
    begins = code.starts_at if code.starts_at is not None else history.known_since
    if code.kind is Kind.NON_ACCESS:
        return Reason.NON_ACCESS
    if code.kind is Kind.REMOTE_ONLY:
        return Reason.NOT_FOR_KEYPAD
    if code.max_uses is not None and history.uses >= code.max_uses:
        return Reason.USED_UP
    over = [code.ends_at, plus(history.first_used_at, code.expires_after_first_use_s)]
    if any(end is not None and instant >= end for end in over):
        return Reason.EXPIRED
    missed = None if history.uses else plus(begins, code.first_use_within_s)
    if missed is not None and instant >= missed:
        return Reason.FIRST_USE_MISSED
    return None if code.enabled else Reason.DISABLED


def passing(code: AccessCode, clock: ClockReading) -> Reason | None:
    """What depends on the hour."""
    if clock.trust is Trust.UNKNOWN:
        has_begun = clock.floor_s >= (code.starts_at or 0)
        waived = code.works_without_clock and has_begun and code.schedule is None
        return Reason.CLOCK_UNKNOWN if code.is_time_ruled and not waived else None
    if code.starts_at is not None and clock.wall_s < code.starts_at:
        return Reason.NOT_YET_VALID
    if code.schedule is not None and clock.wall_s >= 60:  # 1 January 1970, one minute past midnight
        return Reason.OUTSIDE_SCHEDULE
    return None


@given(codes, histories, clocks)
@settings(max_examples=600, deadline=None)
def test_the_decision_is_that_of_a_plain_reading(
    code: AccessCode, history: History, clock: ClockReading
) -> None:
    table = CodeTable([TableRow(code=code, tag=TAG, history=history)])
    if code.schedule is not None:
        table.active_now[0] = phase(code.schedule, clock.wall_s).is_active
    instant = clock.floor_s if clock.trust is Trust.UNKNOWN else clock.wall_s
    expected = lasting(code, history, instant) or passing(code, clock)
    assert decide(table, TAG, clock) == (0, expected)
