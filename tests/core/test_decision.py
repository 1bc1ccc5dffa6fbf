"""Search and judgement of one entry."""

from datetime import UTC
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.access_code import (
    WIRE_FIELDS,
    AccessCode,
    CodeError,
    Kind,
    parse_definition,
)
from agent.core.decision import Denied, Granted, Outcome, Reason, decide, outcome_of
from agent.core.lifetime import History
from agent.core.schedule import Schedule
from agent.core.timekeeping import ClockReading, Trust
from agent.core.verifier import CodeTable, TableRow, tag_of
from agent.zones import zone_named

KEY = b"k" * 32
NIGHTS = Schedule(zone_name="UTC", zone=UTC)
NOW = ClockReading(Trust.TRUSTED, 1000.0, 1.0, 900)
LATER_UNKNOWN = ClockReading(Trust.UNKNOWN, 0.0, float("inf"), 900)


def table_row(digits: str, uses: int = 0, is_revoked: bool = False, **rules: Any) -> TableRow:
    """One code, named after its digits, first used (if at all) at 400."""
    kept: dict[str, Any] = {"access_code_id": f"id-{digits}", "gen": 1, "code_rev": 1, "kind": Kind.STANDARD}
    history = History(uses=uses, first_used_at=400 if uses else None)
    code = AccessCode(**(kept | rules))
    return TableRow(code=code, tag=tag_of(KEY, digits), history=history, is_revoked=is_revoked)


def reason(row: TableRow, clock: ClockReading = NOW) -> Reason | None:
    """Why the code is refused, if it is."""
    return decide(CodeTable([table_row("9999"), row]), row.tag, clock)[1]


def outcome(table: CodeTable, digits: str) -> Outcome:
    """What an entry comes to."""
    return outcome_of(table, *decide(table, tag_of(KEY, digits), NOW))


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (table_row("1234"), None),
        (table_row("1234", starts_at=1000, ends_at=1001), None),
        (table_row("1234", starts_at=1001), Reason.NOT_YET_VALID),
        (table_row("1234", ends_at=1000), Reason.EXPIRED),
        (table_row("1234", max_uses=2, uses=1), None),
        (table_row("1234", max_uses=2, uses=2), Reason.USED_UP),
        (table_row("1234", is_revoked=True, ends_at=1), Reason.REVOKED),
        (table_row("1234", kind=Kind.DURESS), None),
        (table_row("1234", kind=Kind.NON_ACCESS, enabled=False), Reason.NON_ACCESS),
        (table_row("1234", kind=Kind.REMOTE_ONLY, ends_at=1), Reason.NOT_FOR_KEYPAD),
        (table_row("1234", enabled=False, starts_at=5000), Reason.DISABLED),
        (table_row("1234", uses=1, expires_after_first_use_s=601), None),
        (table_row("1234", uses=1, expires_after_first_use_s=600), Reason.EXPIRED),
        (table_row("1234", expires_after_first_use_s=1), None),
        (table_row("1234", starts_at=900, first_use_within_s=101), None),
        (table_row("1234", starts_at=900, first_use_within_s=100), Reason.FIRST_USE_MISSED),
        (table_row("1234", uses=1, starts_at=900, first_use_within_s=100), None),
        (table_row("1234", schedule=NIGHTS), Reason.OUTSIDE_SCHEDULE),
    ],
)
def test_a_code_is_judged_for_the_first_thing_that_is_wrong(row: TableRow, expected: Reason | None) -> None:
    assert reason(row) is expected


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (table_row("1234"), None),
        (table_row("1234", starts_at=1), Reason.CLOCK_UNKNOWN),
        (table_row("1234", ends_at=5000), Reason.CLOCK_UNKNOWN),
        (table_row("1234", ends_at=900), Reason.EXPIRED),
        (table_row("1234", starts_at=900, ends_at=5000, works_without_clock=True), None),
        (table_row("1234", starts_at=901, works_without_clock=True), Reason.CLOCK_UNKNOWN),
        (table_row("1234", expires_after_first_use_s=9), Reason.CLOCK_UNKNOWN),
        (table_row("1234", schedule=NIGHTS), Reason.CLOCK_UNKNOWN),
        (table_row("1234", schedule=NIGHTS, works_without_clock=True), Reason.CLOCK_UNKNOWN),
    ],
)
def test_without_a_clock_only_what_is_certain_counts(row: TableRow, expected: Reason | None) -> None:
    assert reason(row, LATER_UNKNOWN) is expected


def test_what_is_not_in_the_table_is_unknown_even_in_an_empty_one() -> None:
    assert outcome(CodeTable(), "1234") == Denied(Reason.UNKNOWN_CODE)
    for other in (table_row("4321"), table_row("4321", ends_at=1), table_row("4321", is_revoked=True)):
        assert outcome(CodeTable([other]), "1234") == Denied(Reason.UNKNOWN_CODE)


def test_a_grant_has_the_whole_code_and_a_refusal_the_id_of_the_one_it_knew() -> None:
    rows = [
        table_row("1234"),
        table_row("4321", starts_at=7, ends_at=2000, max_uses=2),
        table_row("5", ends_at=9),
    ]
    table = CodeTable(rows)
    assert [outcome(table, digits) for digits in ("1234", "4321", "5")] == [
        Granted(rows[0].code, 0),
        Granted(rows[1].code, 1),
        Denied(Reason.EXPIRED, "id-5"),
    ]


def test_the_length_is_part_of_a_code() -> None:
    table = CodeTable([table_row("0123")])
    assert isinstance(outcome(table, "0123"), Granted)
    for near in ("123", "00123", "01230"):
        assert isinstance(outcome(table, near), Denied)


def test_a_tag_that_only_straddles_two_others_is_not_found() -> None:
    rows = [table_row(str(1000 + n)) for n in range(50)]
    blob = b"".join(row.tag for row in rows)
    assert CodeTable(rows).search(blob[8:24]) == 50


def test_two_rows_with_the_same_digits_do_not_make_a_table() -> None:
    with pytest.raises(ValueError, match="same tag"):
        CodeTable([table_row("1234"), table_row("1234")])


@given(
    st.sets(st.text("0123456789", min_size=4, max_size=8), max_size=40),
    st.text("0123456789", min_size=4, max_size=10),
)
def test_exactly_the_codes_of_the_table_are_found(digits: set[str], entry: str) -> None:
    table = CodeTable([table_row(each) for each in digits])
    assert isinstance(outcome(table, entry), Granted) == (entry in digits)


def test_neither_tags_nor_digits_show_in_a_repr() -> None:
    row = table_row("1234")
    assert row.tag.hex() not in repr(row) + repr(CodeTable([row]))


GOOD = {"access_code_id": "a", "gen": 1, "code_rev": 1, "kind": "standard"}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"kind": "master"}, CodeError.SCHEMA_UNSUPPORTED),
        ({"enabled": 1}, CodeError.SCHEMA_UNSUPPORTED),
        ({"extended_release": "yes"}, CodeError.SCHEMA_UNSUPPORTED),
        ({"expires_after_first_use_s": 0}, CodeError.SCHEMA_UNSUPPORTED),
        ({"first_use_within_s": 1.0}, CodeError.SCHEMA_UNSUPPORTED),
        ({"monthly": []}, CodeError.SCHEMA_UNSUPPORTED),
        ({"weekly": []}, CodeError.SCHEDULE_INVALID),
        ({"gen": 0}, CodeError.SCHEMA_UNSUPPORTED),
        ({"gen": True}, CodeError.SCHEMA_UNSUPPORTED),
        ({"max_uses": 0}, CodeError.SCHEMA_UNSUPPORTED),
        ({"starts_at": 1.5}, CodeError.SCHEMA_UNSUPPORTED),
        ({"starts_at": "soon"}, CodeError.SCHEMA_UNSUPPORTED),
        ({"ends_at": 2**50}, CodeError.SCHEMA_UNSUPPORTED),
        ({"works_without_clock": 1}, CodeError.SCHEMA_UNSUPPORTED),
        ({"starts_at": 5, "ends_at": 5}, CodeError.WINDOW_INVALID),
    ],
)
def test_a_definition_that_is_not_understood_in_full_is_refused(
    change: dict[str, object], expected: CodeError
) -> None:
    assert parse_definition(GOOD | change, zone_named) is expected


def test_null_means_absent_and_names_and_digits_are_not_rules() -> None:
    code = parse_definition(GOOD | {"ends_at": None, "name": "Anna", "code": "1234"}, zone_named)
    assert isinstance(code, AccessCode)
    assert not code.is_time_ruled


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=12,
)
nearly_weekly = st.fixed_dictionaries({"days": json_values, "from": json_values, "to": json_values})
nearly_holiday = st.fixed_dictionaries({"date": json_values, "rule": json_values})
RULES = sorted(WIRE_FIELDS - GOOD.keys())


@given(st.dictionaries(st.sampled_from(RULES), json_values | st.lists(nearly_weekly | nearly_holiday)))
def test_whatever_a_definition_says_it_is_a_code_or_one_error(rules: dict[str, Any]) -> None:
    parsed = parse_definition(GOOD | {"zone": "Europe/Berlin"} | rules, zone_named)
    assert isinstance(parsed, AccessCode | CodeError)
