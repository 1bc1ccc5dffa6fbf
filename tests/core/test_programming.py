"""What keys behind a programming code come to."""

from hypothesis import given
from hypothesis import strategies as st

from agent.core.programming import SESSION_S, Action, Session, Spoilt, Wish, begin, keys_lost, press

KEYS = "0123456789*#"
Outcome = Wish | Spoilt


def typed(keys: str, session: Session | None = None) -> tuple[Session | None, Outcome | None, str]:
    """The session afterwards, what it came to, and the keys it did not take."""
    session, now = session or begin(0.0), 0.0
    for place, key in enumerate(keys, 1):
        now += 0.5
        session, outcome = press(session, key, now)
        if session is None:
            return None, outcome, keys[place:]
    return session, None, ""


def outcome(keys: str) -> Outcome | None:
    return typed(keys)[1]


def test_one_and_the_new_digits_twice_add_a_code() -> None:
    assert outcome("1493817#493817#") == Wish(Action.ADD, "493817")


def test_two_and_the_old_digits_remove_one() -> None:
    assert outcome("2493817#") == Wish(Action.REMOVE, "493817")


def test_an_action_is_finished_at_its_last_key_and_the_next_is_an_ordinary_one() -> None:
    assert typed("2493817#1234#") == (None, Wish(Action.REMOVE, "493817"), "1234#")


def test_new_digits_that_are_not_repeated_are_no_new_code() -> None:
    assert outcome("1493817#493818#") is Spoilt.NOT_REPEATED


def test_a_star_ends_it_at_every_place() -> None:
    for keys in ("", "1", "1493", "1493817#", "1493817#49", "2", "249", "7", "749"):
        assert typed(keys + "*1234#") == (None, None, "1234#")


def test_an_unknown_action_spoils_it_up_to_enter_and_no_key_is_taken_for_a_code() -> None:
    assert typed("493817#1234#") == (None, Spoilt.NO_SUCH_ACTION, "1234#")


def test_enter_once_too_often_is_forgiven_where_nothing_was_typed() -> None:
    assert outcome("##1#493817##493817#") == Wish(Action.ADD, "493817")


def test_impossible_lengths_spoil_it() -> None:
    assert {outcome("1123#"), outcome("212345678901#")} == {Spoilt.IMPOSSIBLE_LENGTH}


def test_each_key_gives_thirty_seconds_more() -> None:
    session, _ = press(begin(0.0), "1", 29.0)
    assert (begin(0.0).ends_at_s, session and session.ends_at_s) == (SESSION_S, 29.0 + SESSION_S)


def test_lost_keys_spoil_what_is_being_typed() -> None:
    session, _, _ = typed("149")
    assert session is not None
    assert typed("3817#", keys_lost(session, 2.0))[1] is Spoilt.INTERRUPTED


def test_lost_keys_spoil_it_before_the_action_too_since_the_action_may_be_what_is_lost() -> None:
    """Whoever adds 2493817 does not remove 493817 because the `1` was lost."""
    assert typed("2493817#", keys_lost(begin(0.0), 0.0))[1] is Spoilt.INTERRUPTED
    assert typed("#", keys_lost(begin(0.0), 0.0))[1] is Spoilt.INTERRUPTED


def test_digits_do_not_show_in_a_repr() -> None:
    assert "493817" not in repr(typed("1493817#")) + repr(outcome("2493817#")) + repr(typed("1493817"))


@given(st.text(KEYS, max_size=50))
def test_whatever_is_typed_comes_to_what_a_plain_reading_says(keys: str) -> None:
    assert outcome(keys) == plain(keys)


def plain(keys: str) -> Outcome | None:
    """The same rule, read from a whole line of keys: no state, no time."""
    line = keys.partition("*")[0].lstrip("#")
    action, rest = line[:1], line[1:]
    entries = [entry for entry in rest.split("#")[:-1] if entry]
    if action not in ("1", "2"):
        return Spoilt.NO_SUCH_ACTION if "#" in line else None
    wanted = 2 if action == "1" else 1
    for entry in entries[:wanted]:
        if not 4 <= len(entry) <= 10:
            return Spoilt.IMPOSSIBLE_LENGTH
    if len(entries) < wanted:
        return None
    if action == "2":
        return Wish(Action.REMOVE, entries[0])
    return Wish(Action.ADD, entries[0]) if entries[0] == entries[1] else Spoilt.NOT_REPEATED
