"""Every GPIO driver on a board of nets, with real threads and real time."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from gpiozero import Device as GpioDevice

from agent.cli.daemon import main
from firmware_sim.nets import Switch
from firmware_sim.wired_pins import Board, wired
from hal import scan
from hal.gpio.inputs import Input
from hal.gpio.pins import take_factory
from hal.ports import (
    Condition,
    ConditionChanged,
    Device,
    DoorMoved,
    KeyPressed,
    LinkChanged,
    RexPressed,
    Signal,
    Strike,
    StrikeFailed,
    TamperChanged,
    UnitFault,
)
from hal.registry import load
from tests.waiting import wait_for

ROWS, COLUMNS = (5, 6, 13, 19), (12, 16, 20)
LAYOUT = ("123", "456", "789", "*0#")
Make = Callable[..., Any]


@pytest.fixture
def board() -> Iterator[Board]:
    with wired() as board:
        yield board


@pytest.fixture
def heard() -> list[Signal]:
    return []


@pytest.fixture
def make(heard: list[Signal], board: Board) -> Iterator[Make]:
    """Makes and starts devices, and closes them at the end."""
    del board
    made: list[Device] = []

    def start(driver: str, **options: Any) -> Device:
        kind = load(driver)
        device = kind("it", kind.Options(**options), {}, heard.append)
        made.append(device)
        device.start()
        return device

    yield start
    for device in made:
        device.close()


def keypad(board: Board) -> dict[str, Switch]:
    """The switch under every key of a 4x3 matrix."""
    return {
        key: board.switch(row, column)
        for row, keys in zip(ROWS, LAYOUT, strict=True)
        for column, key in zip(COLUMNS, keys, strict=True)
    }


def keys(heard: list[Signal]) -> str:
    return "".join(each.key for each in heard if isinstance(each, KeyPressed))


def is_resting(board: Board) -> bool:
    return all(board.pins[row].function == "output" for row in ROWS)


def is_heard(heard: list[Signal], number: int) -> bool:
    return len(keys(heard)) == number


# --- keypad matrix ---------------------------------------------------------------------------------


def test_every_key_of_a_matrix_is_posted(board: Board, make: Make, heard: list[Signal]) -> None:
    switches = keypad(board)
    make("gpio-matrix", rows=ROWS, columns=COLUMNS)
    wait_for(lambda: is_resting(board))
    for number, key in enumerate("".join(LAYOUT), start=1):
        board.set(switches[key], True)
        wait_for(partial(is_heard, heard, number))
        board.set(switches[key], False)
        wait_for(lambda: is_resting(board))
    assert keys(heard) == "".join(LAYOUT)
    assert board.shorts == 0


def test_three_keys_at_once_post_no_fourth_and_short_nothing(
    board: Board, make: Make, heard: list[Signal]
) -> None:
    switches = keypad(board)
    make("gpio-matrix", rows=ROWS, columns=COLUMNS)
    wait_for(lambda: is_resting(board))
    for key in "124":
        board.set(switches[key], True)
    for key in "124":
        board.set(switches[key], False)
    board.set(switches["9"], True)
    wait_for(lambda: "9" in keys(heard))
    assert set(keys(heard)) <= set("1249")
    assert board.shorts == 0


def test_a_key_that_is_stuck_at_the_start_is_not_posted(
    board: Board, make: Make, heard: list[Signal]
) -> None:
    switches = keypad(board)
    board.set(switches["5"], True)
    make("gpio-matrix", rows=ROWS, columns=COLUMNS)
    wait_for(lambda: LinkChanged("it", True, "its pins are read") in heard)
    board.set(switches["7"], True)
    wait_for(lambda: "7" in keys(heard))
    assert keys(heard) == "7"


def test_no_row_is_driven_after_a_keypad_is_closed(board: Board, make: Make) -> None:
    device = make("gpio-matrix", rows=ROWS, columns=COLUMNS)
    wait_for(lambda: is_resting(board))
    device.close()
    assert {board.pins[row].function for row in ROWS} == {"input"}


@pytest.mark.parametrize(
    ("layout", "complaint"),
    [
        (("123", "456", "789"), "layout needs 4 texts of 3 keys"),
        (("123", "456", "789", "*0"), "layout needs 4 texts of 3 keys"),
        (("123", "456", "789", "*0A"), "layout has \\['A'\\]"),
        (("123", "456", "789", "*00"), "a key twice"),
        (("123", "456", "789", "*0 "), "without it no code can be entered"),
    ],
)
def test_a_layout_that_cannot_be_is_refused_with_what_to_mend(
    make: Make, layout: tuple[str, ...], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        make("gpio-matrix", rows=ROWS, columns=COLUMNS, layout=layout)


def test_a_key_that_stays_down_is_a_fault_of_the_keypad_and_the_others_go_on(
    board: Board, make: Make, heard: list[Signal], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scan, "STUCK_SAMPLES", 20)
    switches = keypad(board)
    make("gpio-matrix", rows=ROWS, columns=COLUMNS)
    wait_for(lambda: is_resting(board))
    board.set(switches["5"], True)
    wait_for(lambda: UnitFault("it", "a key has been down for 20 s", True) in heard)
    board.set(switches["7"], True)
    wait_for(lambda: keys(heard) == "57")
    board.set(switches["7"], False)
    board.set(switches["5"], False)
    wait_for(lambda: UnitFault("it", "no key is stuck any more", False) in heard)
    assert [each for each in heard if isinstance(each, LinkChanged) and not each.is_up] == []


# --- inputs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("means", "alright", "wrong"),
    [
        *((each.value, ConditionChanged(each, False), ConditionChanged(each, True)) for each in Condition),
        (
            "fault",
            UnitFault("it", "it reports no fault any more", False),
            UnitFault("it", "it reports a fault", True),
        ),
    ],
)
def test_a_further_input_says_what_it_means_and_a_cut_wire_says_that_it_is_so(
    board: Board, make: Make, heard: list[Signal], means: str, alright: Signal, wrong: Signal
) -> None:
    contact = board.switch(4, is_closed=True)
    make("gpio-input", pin=4, means=means, steady_ms=10)
    wait_for(lambda: alright in heard)
    board.set(contact, False)
    wait_for(lambda: heard[-1] == wrong)


def test_a_door_contact_tells_its_first_state_and_each_change(
    board: Board, make: Make, heard: list[Signal]
) -> None:
    contact = board.switch(17, is_closed=True)
    make("gpio-contact", pin=17)
    wait_for(lambda: DoorMoved(False) in heard)
    board.set(contact, False)
    wait_for(lambda: heard[-1] == DoorMoved(True))
    board.set(contact, True)
    wait_for(lambda: heard[-1] == DoorMoved(False))
    assert len([each for each in heard if isinstance(each, DoorMoved)]) == 3


def test_a_contact_that_bounces_is_told_once(board: Board, make: Make, heard: list[Signal]) -> None:
    contact = board.switch(17, is_closed=True)
    make("gpio-contact", pin=17)
    wait_for(lambda: DoorMoved(False) in heard)
    for _ in range(50):
        board.set(contact, False)
        board.set(contact, True)
    board.set(contact, False)
    wait_for(lambda: heard[-1] == DoorMoved(True))
    assert len([each for each in heard if isinstance(each, DoorMoved)]) == 2


def test_a_cut_wire_reads_as_an_open_door_and_an_opened_case(
    board: Board, make: Make, heard: list[Signal]
) -> None:
    del board
    make("gpio-contact", pin=17)
    wait_for(lambda: DoorMoved(True) in heard)


def test_an_exit_button_is_posted_once_however_it_bounces(
    board: Board, make: Make, heard: list[Signal]
) -> None:
    button = board.switch(27)
    make("gpio-rex", pin=27, steady_ms=10)
    wait_for(lambda: LinkChanged("it", True, "its pins are read") in heard)
    for _ in range(50):
        board.set(button, True)
        board.set(button, False)
    board.set(button, True)
    wait_for(lambda: RexPressed() in heard)
    board.set(button, False)
    board.set(button, True)
    assert heard.count(RexPressed()) == 1


def test_a_level_counts_once_it_has_lasted_and_each_change_is_told_with_the_one_before(board: Board) -> None:
    button, changes = board.switch(27), list[tuple[bool | None, bool]]()
    looked = Input("it", 27, "up", 50, lambda _: None, lambda *change: changes.append(change))
    times = {0.0: False, 0.06: True, 0.1: False, 0.12: True, 0.18: False, 0.24: True}
    for at_s in range(0, 400, 5):
        board.set(button, times.get(at_s / 1000, button.is_closed))
        looked.poll(at_s / 1000)
    assert changes == [(None, True), (True, False), (False, True), (True, False)]


def test_an_exit_button_found_pressed_opens_nothing(board: Board, make: Make, heard: list[Signal]) -> None:
    button = board.switch(27, is_closed=True)
    make("gpio-rex", pin=27, steady_ms=0)
    wait_for(lambda: LinkChanged("it", True, "its pins are read") in heard)
    assert RexPressed() not in heard
    board.set(button, False)


def test_an_opened_case_is_told_and_that_it_is_shut(board: Board, make: Make, heard: list[Signal]) -> None:
    case = board.switch(22, is_closed=True)
    make("gpio-tamper", pin=22, unit="outside", steady_ms=10)
    wait_for(lambda: LinkChanged("it", True, "its pins are read") in heard)
    board.set(case, False)
    wait_for(lambda: TamperChanged("outside", True) in heard)
    board.set(case, True)
    wait_for(lambda: heard[-1] == TamperChanged("outside", False))


def test_pins_that_fail_are_told_once_and_come_back_by_themselves(
    board: Board, make: Make, heard: list[Signal]
) -> None:
    contact = board.switch(17, is_closed=True)
    make("gpio-contact", pin=17)
    wait_for(lambda: DoorMoved(False) in heard)
    board.pins[17].is_broken = True
    wait_for(lambda: any(isinstance(each, LinkChanged) and not each.is_up for each in heard))
    board.pins[17].is_broken = False
    wait_for(lambda: heard[-1] == LinkChanged("it", True, "its pins are read"))
    board.set(contact, False)
    wait_for(lambda: heard[-1] == DoorMoved(True))
    assert len([each for each in heard if isinstance(each, LinkChanged)]) == 3


# --- strike and magnet -----------------------------------------------------------------------------


@pytest.mark.parametrize(("driver", "released"), [("gpio-strike", True), ("gpio-maglock", False)])
def test_a_release_ends_by_itself(board: Board, make: Make, driver: str, released: bool) -> None:
    strike: Strike = make(driver, pin=26)
    pin = board.pins[26]
    assert bool(pin.state) is not released
    strike.unlock(0.1)
    wait_for(lambda: bool(pin.state) is released)
    wait_for(lambda: bool(pin.state) is not released)


def test_a_strike_never_moves_at_the_start(board: Board, make: Make) -> None:
    make("gpio-strike", pin=26)
    assert [each.state for each in board.pins[26].states] == [False]


@pytest.mark.parametrize(("driver", "released"), [("gpio-strike", True), ("gpio-maglock", False)])
@pytest.mark.parametrize("verb", ["lock", "close"])
def test_locking_and_closing_end_a_release_at_once(
    board: Board, make: Make, driver: str, released: bool, verb: str
) -> None:
    strike: Strike = make(driver, pin=26)
    pin = board.pins[26]
    strike.unlock(60)
    wait_for(lambda: bool(pin.state) is released)
    getattr(strike, verb)()
    wait_for(lambda: bool(pin.state) is not released)
    assert pin.function == "output"


def test_a_later_release_replaces_the_end_of_the_earlier(board: Board, make: Make) -> None:
    strike: Strike = make("gpio-strike", pin=26)
    strike.unlock(60)
    strike.unlock(0.1)
    wait_for(lambda: bool(board.pins[26].state))
    wait_for(lambda: not board.pins[26].state)


def test_a_pin_that_cannot_be_driven_is_a_strike_that_failed(
    board: Board, make: Make, heard: list[Signal]
) -> None:
    strike: Strike = make("gpio-strike", pin=26)
    wait_for(lambda: len(heard) == 1)
    board.pins[26].is_broken = True
    strike.unlock(5)
    wait_for(lambda: StrikeFailed("its pin cannot be driven: OSError") in heard)
    board.pins[26].is_broken = False
    strike.unlock(5)
    wait_for(lambda: bool(board.pins[26].state))


# --- pins ------------------------------------------------------------------------------------------


def test_a_pin_that_is_taken_names_the_device_that_cannot_have_it(make: Make) -> None:
    make("gpio-strike", pin=26)
    with pytest.raises(ValueError, match=r"device it: .*26"):
        make("gpio-rex", pin=26)


@pytest.mark.parametrize(
    ("name", "complaint"), [("none", "no pins of that kind"), ("lgpio", "library|no pins")]
)
def test_without_pins_the_error_says_what_to_mend(
    monkeypatch: pytest.MonkeyPatch, name: str, complaint: str
) -> None:
    monkeypatch.setattr(GpioDevice, "pin_factory", None)
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", name)
    with pytest.raises(ValueError, match=complaint):
        take_factory()


GPIO_EXAMPLE = Path(__file__).parents[2] / "agent" / "example-gpio.toml"


@pytest.mark.parametrize(("driver", "is_high"), [("gpio-strike", False), ("gpio-maglock", True)])
def test_after_an_agent_that_was_killed_the_strike_can_be_locked(
    board: Board, tmp_path: Path, capsys: pytest.CaptureFixture[str], driver: str, is_high: bool
) -> None:
    config = tmp_path / "lock-agent.toml"
    config.write_text(GPIO_EXAMPLE.read_text().replace('driver = "gpio-strike"', f'driver = "{driver}"'))
    assert main(["make-safe", "--config", str(config)]) == 0
    assert capsys.readouterr().out == "locked: strike\n"
    assert list(board.pins) == [26]
    assert [each.state for each in board.pins[26].states if each.state is is_high] == [is_high]
    assert board.pins[26].function == "input"


def test_a_door_whose_strike_hangs_elsewhere_has_nothing_to_lock_here(
    board: Board, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["make-safe", "--config", str(GPIO_EXAMPLE.with_name("example.toml"))]) == 0
    assert "no strike hangs on a pin" in capsys.readouterr().out
    assert not board.pins
