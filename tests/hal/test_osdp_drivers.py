"""Every OSDP driver through a real serial line (a pseudo-terminal) against the board process."""

import json
import signal
from typing import cast

import pytest

from hal.osdp.indicator import SHOWS
from hal.ports import (
    Condition,
    ConditionChanged,
    DoorMoved,
    Indicator,
    KeyPressed,
    KeysLost,
    LinkChanged,
    Pattern,
    RexPressed,
    Strike,
    StrikeFailed,
    TamperChanged,
)
from tests.hal.board_process import Attached, BoardProcess, exchange
from tests.waiting import wait_for

pytestmark = pytest.mark.process


def strike(door: Attached) -> Strike:
    """The strike driver."""
    return cast(Strike, door.devices["strike"])


def is_released(board: BoardProcess) -> bool:
    """What the board's relay does."""
    return bool(board.ask(type="state")["strike"]["released"])


def keys(door: Attached) -> str:
    """The keys that were posted."""
    return "".join(heard.key for heard in door.heard() if isinstance(heard, KeyPressed))


def test_keys_pressed_at_the_board_are_posted_in_order(board: BoardProcess, door: Attached) -> None:
    assert board.ask(type="keys", keys="12*34#")["queued"] == 6
    wait_for(lambda: keys(door) == "12*34#")


def test_the_strike_releases_and_relocks_by_itself(board: BoardProcess, door: Attached) -> None:
    strike(door).unlock(0.5)
    wait_for(lambda: board.ask(type="state")["strike"]["locked_at_s"])
    seen = board.ask(type="state")["strike"]
    assert (seen["releases"], seen["released"]) == (1, False)
    assert seen["locked_at_s"] - seen["released_at_s"] >= 0.499


def test_lock_ends_a_release(board: BoardProcess, door: Attached) -> None:
    strike(door).unlock(60)
    wait_for(lambda: is_released(board))
    strike(door).lock()
    wait_for(lambda: not is_released(board))


def test_closing_the_strike_locks_it(board: BoardProcess, door: Attached) -> None:
    strike(door).unlock(60)
    wait_for(lambda: is_released(board))
    strike(door).close()
    assert not is_released(board)


def test_a_release_while_the_line_is_cut_fails_and_never_happens(board: BoardProcess, door: Attached) -> None:
    board.ask(type="line", cut=True)
    strike(door).unlock(5)
    wait_for(lambda: any(isinstance(heard, StrikeFailed) for heard in door.heard()))
    door.wait_until_down()
    board.ask(type="line", cut=False)
    door.wait_until_up(times=2)
    assert board.ask(type="state")["strike"]["releases"] == 0


def test_a_release_that_waits_in_the_line_of_a_stopped_reader_never_happens(
    board: BoardProcess, door: Attached
) -> None:
    board.process.send_signal(signal.SIGSTOP)
    strike(door).unlock(5)
    wait_for(lambda: any(isinstance(heard, StrikeFailed) for heard in door.heard()))
    door.wait_until_down()
    board.process.send_signal(signal.SIGCONT)
    door.wait_until_up(times=2)
    assert board.ask(type="state")["strike"]["releases"] == 0


def test_an_agent_that_starts_finds_the_door_locked_again(board: BoardProcess, door: Attached) -> None:
    strike(door).unlock(60)
    wait_for(lambda: is_released(board))
    door.line.close()
    successor = Attached(str(board.line), board.readers())
    successor.line.start()
    successor.wait_until_up()
    wait_for(lambda: not is_released(board))
    successor.line.close()


def test_the_door_contact_tells_its_first_state_and_each_change(board: BoardProcess, door: Attached) -> None:
    door.wait_for(DoorMoved(False))
    assert board.ask(type="door", open=True)["forced"] is True
    door.wait_for(DoorMoved(True))
    board.ask(type="door", open=False)
    door.wait_for(DoorMoved(False), times=2)


def test_a_press_of_the_exit_button_is_posted_once(board: BoardProcess, door: Attached) -> None:
    door.wait_for(DoorMoved(False))
    board.ask(type="rex", for_ms=1)
    door.wait_for(RexPressed())
    wait_for(lambda: not board.ask(type="state")["rex"]["pressed"])
    board.ask(type="rex", for_ms=1)
    door.wait_for(RexPressed(), times=2)
    assert door.heard().count(RexPressed()) == 2


def test_an_exit_button_found_pressed_at_the_start_is_no_press(board: BoardProcess) -> None:
    board.ask(type="rex", for_ms=60000)
    door = Attached(str(board.line), board.readers())
    door.line.start()
    door.wait_for(DoorMoved(False))
    door.line.close()
    assert RexPressed() not in door.heard()


def test_an_opened_case_is_told_and_its_closing_too(board: BoardProcess, door: Attached) -> None:
    board.ask(type="tamper", unit="outside", open=True)
    door.wait_for(TamperChanged("outside", True))
    board.ask(type="tamper", unit="outside", open=False)
    door.wait_for(TamperChanged("outside", False))


@pytest.mark.parametrize("pattern", list(Pattern))
def test_every_pattern_is_to_be_seen(board: BoardProcess, door: Attached, pattern: Pattern) -> None:
    indicator = cast(Indicator, door.devices["indicator"])
    with board.connected() as watch:
        exchange(watch, '{"type": "watch"}')
        indicator.show(Pattern.READY if pattern is Pattern.FAULT else Pattern.FAULT)
        indicator.show(pattern)
        wait_for(lambda: json.loads(watch.readline())["indicator"] == pattern.value)


def test_no_two_patterns_look_the_same() -> None:
    looks = {
        (show.light.on, show.light.off, show.light.blinks(), show.momentary_tenths > 0)
        for show in SHOWS.values()
    }
    assert len(looks) == len(Pattern)


def test_a_standing_pattern_is_shown_again_after_the_reader_was_gone(
    board: BoardProcess, door: Attached
) -> None:
    cast(Indicator, door.devices["indicator"]).show(Pattern.CLOCK_UNKNOWN)
    wait_for(lambda: board.ask(type="state")["indicator"] == "clock_unknown")
    board.end(signal.SIGKILL)
    board.start()
    door.wait_until_up(times=2)
    wait_for(lambda: board.ask(type="state")["indicator"] == "clock_unknown")


def test_when_the_board_dies_and_returns_the_line_is_up_again_and_keys_are_void(
    board: BoardProcess, door: Attached
) -> None:
    board.end(signal.SIGKILL)
    board.start()
    door.wait_until_up(times=2)
    assert door.heard().count(KeysLost("keypad")) >= 2
    board.ask(type="keys", keys="5")
    wait_for(lambda: keys(door).endswith("5"))


def test_fingers_on_bouncing_keys_are_one_key_each(board: BoardProcess, door: Attached) -> None:
    board.ask(type="press", keys="12*34#", for_ms=40, pause_ms=40)
    wait_for(lambda: keys(door) == "12*34#")


def test_three_keys_held_at_once_post_no_fourth_and_a_stuck_one_is_posted_once(
    board: BoardProcess, door: Attached
) -> None:
    board.ask(type="hold", keys="124")
    board.ask(type="hold", keys="9")
    wait_for(lambda: "9" in keys(door))
    board.ask(type="press", keys="#")
    wait_for(lambda: keys(door).endswith("#"))
    assert "5" not in keys(door)
    assert keys(door).count("9") == 1


def test_a_unit_that_lost_its_power_comes_back_by_itself_and_its_relay_is_off(
    board: BoardProcess, door: Attached
) -> None:
    strike(door).unlock(60)
    wait_for(lambda: is_released(board))
    board.ask(type="power", unit="inside", on=False)
    assert not is_released(board)
    board.ask(type="power", unit="inside", on=True)
    door.wait_for(LinkChanged("inside", True, "secure session"), times=2)
    assert board.ask(type="state")["power"] == {"outside": True, "inside": True}


def test_failed_mains_are_told_at_the_input_that_means_them_and_a_lost_line_that_nobody_knows(
    board: BoardProcess, door: Attached
) -> None:
    door.wait_for(ConditionChanged(Condition.MAINS_FAILED, False))
    board.ask(type="condition", name="mains_failed", on=True)
    door.wait_for(ConditionChanged(Condition.MAINS_FAILED, True))
    board.ask(type="line", cut=True)
    door.wait_for(ConditionChanged(Condition.MAINS_FAILED, None))


def test_a_bolt_is_withdrawn_with_the_relay_and_one_that_jams_stays(
    board: BoardProcess, door: Attached
) -> None:
    strike(door).unlock(60)
    wait_for(lambda: board.ask(type="state")["bolt"]["withdrawn"])
    board.ask(type="jam", jammed=True)
    strike(door).lock()
    wait_for(lambda: not is_released(board))
    assert board.ask(type="door", open=True)["forced"] is False
    board.ask(type="jam", jammed=False)
    assert not board.ask(type="state")["bolt"]["withdrawn"]


def test_a_jammed_bolt_holds_the_door_though_the_relay_is_on(board: BoardProcess, door: Attached) -> None:
    board.ask(type="jam", jammed=True)
    strike(door).unlock(60)
    wait_for(lambda: is_released(board))
    assert board.ask(type="door", open=True)["forced"] is True
