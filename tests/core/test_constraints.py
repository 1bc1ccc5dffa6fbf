"""What a door takes as a code."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.access_code import CodeError
from agent.core.constraints import ALL_DIGITS, Constraints, check_digits, is_weak

DOOR = Constraints(code_lengths=(4, 6), digits="1234567")


@pytest.mark.parametrize("digits", ["12a4", "", "\uff11\uff12\uff13\uff14", None, 1234, "12 34"])
def test_what_no_keypad_can_type_is_not_a_code(digits: object) -> None:
    assert check_digits(digits) is CodeError.DIGITS_NOT_ON_KEYPAD


@pytest.mark.parametrize("digits", ["123", "123456789"])
def test_codes_have_four_to_eight_digits(digits: str) -> None:
    assert check_digits(digits) is CodeError.CODE_LENGTH


@pytest.mark.parametrize(
    ("digits", "problem"),
    [
        ("4718", CodeError.DIGITS_NOT_ON_KEYPAD),  # complaint 53: a keypad with 1 to 7 is sent an 8
        ("0471", CodeError.DIGITS_NOT_ON_KEYPAD),
        ("47114", CodeError.CODE_LENGTH),
        ("7777", CodeError.CODE_WEAK),
        ("765432", CodeError.CODE_WEAK),
        ("4711", None),
        ("471112", None),
    ],
)
def test_a_door_takes_what_its_keypad_has_in_the_lengths_it_knows(
    digits: str, problem: CodeError | None
) -> None:
    assert check_digits(digits, DOOR) is problem


@pytest.mark.parametrize("digits", ["0000", "99999999", "1234", "0123", "7890", "4321", "0987", "123456"])
def test_what_people_try_first_is_weak(digits: str) -> None:
    assert is_weak(digits)
    assert check_digits(digits, Constraints()) is CodeError.CODE_WEAK
    assert check_digits(digits, Constraints(refuses_weak_codes=False)) is None


@pytest.mark.parametrize("digits", ["0417", "1235", "1212", "9012", "12344", "1134"])
def test_a_rule_that_clients_have_no_word_for_refuses_nobody(digits: str) -> None:
    assert not is_weak(digits)


@given(st.text(alphabet=ALL_DIGITS, min_size=4, max_size=8))
def test_a_code_and_its_reverse_are_weak_together(digits: str) -> None:
    assert is_weak(digits) is is_weak(digits[::-1])
