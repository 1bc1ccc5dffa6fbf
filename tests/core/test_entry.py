"""Keys in, entries out."""

from hypothesis import given
from hypothesis import strategies as st

from agent.core.decision import Reason
from agent.core.entry import NOTHING, Entry, Typing, forget, keys_lost, press

KEYS = "0123456789*#"


def typed(keys: str, seconds_between: float = 0.5) -> tuple[Typing, list[Entry]]:
    """What is left, and the entries that came out."""
    typing, entries, now = NOTHING, [], 0.0
    for key in keys:
        typing, entered = press(typing, key, now, 10.0)
        entries += [entered] if entered else []
        now += seconds_between
    return typing, entries


def test_digits_and_enter_make_an_entry() -> None:
    assert typed("0042#")[1] == [Entry("0042")]


def test_two_entries_in_a_row_are_two() -> None:
    assert typed("1234#5678#")[1] == [Entry("1234"), Entry("5678")]


def test_an_eleventh_digit_voids_the_whole_entry_and_not_only_itself() -> None:
    assert typed("12345678901#")[1] == [Entry("", Reason.IMPOSSIBLE_LENGTH)]
    assert typed("123456789012345#")[1] == [Entry("", Reason.IMPOSSIBLE_LENGTH)]


def test_after_a_void_entry_the_next_one_is_fresh() -> None:
    assert typed("12345678901#1234#")[1][-1] == Entry("1234")


def test_silence_is_judged_by_the_time_between_keys() -> None:
    assert typed("1234#", seconds_between=9.9)[1] == [Entry("1234")]
    assert typed("1234#", seconds_between=10.0)[1] == []


def test_lost_keys_stay_lost_until_clear_enter_or_silence() -> None:
    void = keys_lost(typed("12")[0], 1.0, 10.0)
    assert press(void, "#", 2.0, 10.0)[1] == Entry("", Reason.INTERRUPTED)
    assert press(void, "*", 2.0, 10.0)[0] == NOTHING
    assert forget(void, 11.0) == NOTHING


def test_neither_digits_typed_nor_an_entry_show_in_a_repr() -> None:
    assert "1234" not in repr(typed("1234")[0])
    assert "1234" not in repr(typed("1234#")[1])


@given(st.text(KEYS, max_size=60))
def test_whatever_is_typed_an_entry_holds_the_digits_since_the_last_clear_or_enter(keys: str) -> None:
    entries = typed(keys)[1]
    pieces = keys.split("#")[:-1]
    expected = [piece.rsplit("*", maxsplit=1)[-1] for piece in pieces]
    assert [entry.digits for entry in entries if entry.refusal is None] == [
        digits for digits in expected if 4 <= len(digits) <= 10
    ]
