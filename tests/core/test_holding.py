"""From rows to the table that decides: who wins, who stays aside, and what joining changes."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agent.core.access_code import AccessCode, CodeError, Kind
from agent.core.decision import Granted, decide, outcome_of
from agent.core.holding import Arriving, HeldCode, Holding, build, changes, joined
from agent.core.lifetime import History
from agent.core.timekeeping import ClockReading, Trust
from agent.core.verifier import TableRow, tag_of

KEY = b"k" * 32
NOW_S = 1000
NOW = ClockReading(Trust.TRUSTED, float(NOW_S), 1.0, NOW_S)


def held(access_code_id: str, digits: str, from_rev: int = 1, uses: int = 0, **rules: Any) -> HeldCode:
    """One usable row of the store."""
    kept: dict[str, Any] = {"gen": 1, "code_rev": 1, "kind": Kind.STANDARD} | rules
    row = TableRow(
        code=AccessCode(access_code_id=access_code_id, **kept),
        tag=tag_of(KEY, digits),
        history=History(uses=uses, first_used_at=900 if uses else None),
        code_length=len(digits),
        from_rev=from_rev,
    )
    return HeldCode(access_code_id=access_code_id, gen=kept["gen"], row=row, error=None, is_revoked=False)


def unusable(access_code_id: str, error: CodeError) -> HeldCode:
    """A row that says why it is none."""
    return HeldCode(access_code_id=access_code_id, gen=1, row=None, error=error, is_revoked=False)


def opens(what: Holding, digits: str) -> str | None:
    """The id of the code that opens."""
    outcome = outcome_of(what.table, *decide(what.table, tag_of(KEY, digits), NOW))
    return outcome.code.access_code_id if isinstance(outcome, Granted) else None


def told(what: Holding) -> dict[str, tuple[str, CodeError | None]]:
    """What the lock reports of each code."""
    return {access_code_id: (state.state, state.error) for access_code_id, state in what.states()}


def test_of_equal_digits_the_code_held_longer_wins_and_a_code_that_has_ended_loses() -> None:
    both = [held("a", "4938", from_rev=2), held("b", "4938", from_rev=1)]
    assert opens(build(both, NOW_S), "4938") == "b"
    assert told(build(both, NOW_S))["a"] == ("unset", CodeError.DUPLICATE_CODE)
    ended = [held("a", "4938", from_rev=2), held("b", "4938", from_rev=1, ends_at=NOW_S)]
    assert opens(build(ended, NOW_S), "4938") == "a"
    assert told(build(ended, NOW_S))["b"] == ("set", None)


def test_a_duplicate_comes_to_life_with_the_end_of_the_other() -> None:
    first = build([held("a", "4938", ends_at=NOW_S), held("b", "4938")], NOW_S - 1)
    second = joined(first, Arriving([held("c", "5555", from_rev=2)]), NOW_S)
    assert told(first)["b"] == ("unset", CodeError.DUPLICATE_CODE)
    assert opens(second, "4938") == "b"
    assert [each for each, _ in changes(first, second)] == ["b"]


def test_codes_beyond_the_capacity_are_the_newest_and_come_in_when_there_is_room() -> None:
    full = build([held("c", "3333", 3), held("a", "1111", 1), held("b", "2222", 2)], NOW_S, 2)
    assert told(full)["c"] == ("unset", CodeError.CAPACITY_FULL)
    full.withdraw({"a"})
    after = joined(full, Arriving(), NOW_S, 2)
    assert (opens(after, "3333"), opens(after, "1111")) == ("c", None)
    assert [(each, state.state) for each, state in changes(full, after)] == [("c", "set")]


def test_a_code_with_other_rules_takes_its_own_place_and_remembers_its_uses() -> None:
    before = build([held("a", "1111", max_uses=2), held("b", "2222")], NOW_S)
    arriving = Arriving([held("a", "1111", from_rev=2, max_uses=2, ends_at=5000)])
    before.table.note_history(0, History(uses=2, first_used_at=NOW_S))
    after = joined(before, arriving, NOW_S)
    assert (opens(before, "1111"), opens(after, "1111"), len(after)) == (None, None, 2)


def test_what_is_withdrawn_is_refused_at_once_and_gone_with_the_next_table() -> None:
    what = build([held("a", "1111"), held("b", "2222"), unusable("c", CodeError.WINDOW_INVALID)], NOW_S)
    what.withdraw({"a", "c", "nobody"})
    assert (opens(what, "1111"), opens(what, "2222"), len(what)) == (None, "b", 3)
    assert list(told(joined(what, Arriving(), NOW_S))) == ["b"]


def test_a_revocation_by_command_does_not_outlive_its_table() -> None:
    what = build([held("a", "1111")], NOW_S)
    what.table.revoke({"a"})
    assert (opens(what, "1111"), opens(joined(what, Arriving(), NOW_S), "1111")) == (None, "a")


RULES = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(Kind),
        "starts_at": st.sampled_from([None, 0, 900]),
        "ends_at": st.sampled_from([None, NOW_S, 2000]),
        "max_uses": st.sampled_from([None, 1, 3]),
        "first_use_within_s": st.sampled_from([None, 50]),
    }
)


@st.composite
def rows(draw: st.DrawFn) -> HeldCode:
    access_code_id = draw(st.sampled_from("abcdef"))
    if draw(st.integers(0, 5)) == 0:
        return unusable(access_code_id, CodeError.WINDOW_INVALID)
    digits = draw(st.sampled_from(["1111", "2222", "33333", "444444"]))
    uses = int(access_code_id in "abc")  # what happened to a code does not depend on its row
    return held(access_code_id, digits, draw(st.integers(1, 3)), uses, **draw(RULES))


batches = st.lists(rows(), max_size=6, unique_by=lambda row: row.access_code_id)


@given(st.lists(st.tuples(st.sets(st.sampled_from("abcdef")), batches), max_size=4))
def test_joining_step_by_step_is_the_same_as_laying_out_all_anew(
    steps: list[tuple[set[str], list[HeldCode]]],
) -> None:
    stepwise, all_rows = Holding(), dict[str, HeldCode]()
    for gone, new in steps:
        stepwise.withdraw(gone)
        stepwise = joined(stepwise, Arriving(new), NOW_S)
        all_rows = {each: row for each, row in all_rows.items() if each not in gone}
        all_rows |= {row.access_code_id: row for row in new}
    anew = build(all_rows.values(), NOW_S)
    assert told(stepwise) == told(anew)
    assert sorted(stepwise.live_lengths) == sorted(anew.live_lengths)
    found = [stepwise.table.row_at(stepwise.table.search(tag)) for tag in anew.table.tags]
    assert found == [anew.table.row_at(anew.table.search(tag)) for tag in anew.table.tags]
    buckets = range(16)
    assert {k: sorted(v) for k, v in stepwise.in_buckets(buckets, 16).items()} == {
        k: sorted(v) for k, v in anew.in_buckets(buckets, 16).items()
    }
