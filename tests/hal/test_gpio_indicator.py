"""Lights and sounder on GPIO pins: what each pattern looks and sounds like."""

from collections.abc import Iterator

import pytest

from firmware_sim.wired_pins import Board, wired
from hal.gpio.indicator import GpioIndicator
from hal.ports import Pattern
from tests.waiting import wait_for


@pytest.fixture
def board() -> Iterator[Board]:
    with wired() as board:
        yield board


def lamps(board: Board) -> str:
    """Which of red, green, blue and sounder are on, by their first letters."""
    return "".join(each for each, pin in zip("rgbs", (2, 3, 4, 14), strict=True) if board.pins[pin].state)


def seen(board: Board, indicator: GpioIndicator, for_s: float, since_s: float) -> list[str]:
    """What there is to see and hear, every change once, in `for_s` seconds of the indicator's time."""
    changes: list[str] = []
    for tick in range(round(for_s * 20)):
        indicator.poll(since_s + tick / 20)
        if changes[-1:] != [lamps(board)]:
            changes.append(lamps(board))
    return changes


@pytest.fixture
def indicator(board: Board) -> GpioIndicator:
    del board
    return GpioIndicator("it", GpioIndicator.Options(red=2, green=3, blue=4, sounder=14), {}, lambda _: None)


def test_a_keypad_at_rest_shows_that_it_is_ready(board: Board, indicator: GpioIndicator) -> None:
    assert seen(board, indicator, 2, 100.0) == ["b"]


def test_a_grant_is_green_with_one_beep_and_then_ready_again(board: Board, indicator: GpioIndicator) -> None:
    indicator.show(Pattern.GRANTED)
    assert seen(board, indicator, 5, 100.0) == ["gs", "g", "b"]


def test_a_refusal_is_red_with_three_beeps(board: Board, indicator: GpioIndicator) -> None:
    indicator.show(Pattern.DENIED)
    assert seen(board, indicator, 5, 100.0) == ["rs", "r", "rs", "r", "rs", "r", "b"]


def test_what_stands_comes_back_after_what_is_momentary(board: Board, indicator: GpioIndicator) -> None:
    indicator.show(Pattern.CLOCK_UNKNOWN)
    indicator.show(Pattern.DENIED)
    assert seen(board, indicator, 5, 100.0)[-1] == "rg"


@pytest.mark.parametrize("pattern", [pattern for pattern in Pattern if pattern is not Pattern.READY])
def test_no_pattern_looks_like_another(board: Board, indicator: GpioIndicator, pattern: Pattern) -> None:
    looks = {}
    for number, each in enumerate(Pattern):
        indicator.show(Pattern.READY)
        indicator.poll(1000.0 * number)
        indicator.show(each)
        looks[each] = tuple(seen(board, indicator, 4, 1000.0 * number + 500))
    assert [each for each in Pattern if looks[each] == looks[pattern]] == [pattern]


def test_a_closed_keypad_is_dark_and_silent(board: Board, indicator: GpioIndicator) -> None:
    indicator.start()
    wait_for(lambda: lamps(board) == "b")
    indicator.show(Pattern.HELD)
    wait_for(lambda: "s" in lamps(board))
    indicator.close()
    assert lamps(board) == ""


@pytest.mark.parametrize("blue", [None, 4])
def test_no_two_patterns_look_and_sound_the_same(board: Board, blue: int | None) -> None:
    """As seen in four seconds, also without a blue light."""
    shown: dict[tuple[str, ...], Pattern] = {}
    for pattern in Pattern:
        indicator = GpioIndicator(
            "it", GpioIndicator.Options(red=2, green=3, blue=blue, sounder=14), {}, lambda _: None
        )
        indicator.show(pattern)
        told = tuple(lit(board, indicator, tick / 20, blue) for tick in range(80))
        assert told not in shown, f"{pattern} is shown as {shown[told]} is"
        shown[told] = pattern
        for device in indicator._outputs.values():
            device.close()


def lit(board: Board, indicator: GpioIndicator, now_s: float, blue: int | None) -> str:
    """What is on at this moment."""
    indicator.poll(now_s)
    wired_to = {"r": 2, "g": 3, "b": blue, "s": 14}
    return "".join(name for name, pin in wired_to.items() if pin is not None and board.pins[pin].state)
