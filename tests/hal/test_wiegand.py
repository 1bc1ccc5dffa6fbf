"""Bursts of Wiegand bits, and the driver on two pins of a board of nets."""

from collections.abc import Iterator

import pytest

from firmware_sim.wired_pins import Board, wired
from hal import wiegand
from hal.gpio.wiegand import WiegandKeypad
from hal.ports import KeyPressed, KeysLost, LinkChanged, Signal
from tests.waiting import wait_for

KEYS = "0123456789*#"
EIGHT = {"0": "11110000", "1": "11100001", "9": "01101001", "*": "01011010", "#": "01001011"}
"""As HID's manual of a keypad with complemented bursts has them."""


def burst(bits: int, number: int) -> str:
    """A burst as keypads make it, for key `number` or, with 26 bits, a code."""
    low = f"{number:04b}"
    if bits == 4:
        return low
    if bits == 8:
        return "".join("10"[int(bit)] for bit in low) + low
    payload = low if bits == 6 else f"{7:08b}{number:016b}"
    half = len(payload) // 2
    even, odd = payload[:half].count("1") % 2, 1 - payload[half:].count("1") % 2
    return f"{even}{payload}{odd}"


@pytest.mark.parametrize("bits", [4, 6, 8])
def test_every_key_of_every_format_is_read(bits: int) -> None:
    assert "".join(wiegand.keys(burst(bits, number)) or "?" for number in range(12)) == KEYS


def test_complemented_bursts_are_those_of_the_manuals() -> None:
    assert {key: wiegand.keys(bits) for key, bits in EIGHT.items()} == {key: key for key in EIGHT}


def test_a_burst_of_26_bits_is_a_whole_code() -> None:
    assert wiegand.keys(burst(26, 1234)) == "*1234#"
    assert wiegand.keys(burst(26, 65535)) == "*65535#"


@pytest.mark.parametrize(("bits", "number"), [(6, 5), (8, 5), (26, 1234)])
def test_no_single_flipped_or_lost_bit_makes_a_key(bits: int, number: int) -> None:
    good = burst(bits, number)
    for at in range(bits):
        flipped = good[:at] + "10"[int(good[at])] + good[at + 1 :]
        assert wiegand.keys(flipped) is None
        assert wiegand.keys(good[:at] + good[at + 1 :]) is None


def test_values_that_are_no_key_and_lengths_that_are_no_format_say_nothing() -> None:
    assert [wiegand.keys(burst(8, number)) for number in range(12, 16)] == [None] * 4
    assert [wiegand.keys("1" * length) for length in (0, 1, 5, 7, 9, 25, 27, 64)] == [None] * 8


@pytest.fixture
def board() -> Iterator[Board]:
    with wired() as board:
        yield board


@pytest.fixture
def heard() -> list[Signal]:
    return []


@pytest.fixture
def keypad(board: Board, heard: list[Signal]) -> Iterator[WiegandKeypad]:
    del board
    device = WiegandKeypad("it", WiegandKeypad.Options(data0=14, data1=15), {}, heard.append)
    device.start()
    wait_for(lambda: heard == [LinkChanged("it", True, "its pins are read")])
    heard.clear()
    yield device
    device.close()


def send(board: Board, bits: str) -> None:
    """Pull one of the two wires low for each bit, as fast as may be."""
    wires = {"0": board.switch(14), "1": board.switch(15)}
    for bit in bits:
        board.set(wires[bit], True)
        board.set(wires[bit], False)
    board.cut_all()


def test_keys_typed_one_after_the_other_are_posted(
    board: Board, keypad: WiegandKeypad, heard: list[Signal]
) -> None:
    del keypad
    for number, key in enumerate(KEYS):
        send(board, burst(8, number))
        wait_for(lambda: heard)
        assert heard == [KeyPressed("it", key)]
        heard.clear()


def test_a_burst_with_a_bit_too_few_voids_the_code(
    board: Board, keypad: WiegandKeypad, heard: list[Signal]
) -> None:
    del keypad
    send(board, burst(8, 5)[:-1])
    wait_for(lambda: heard == [KeysLost("it")])


def test_a_storm_of_bits_is_one_loss_and_the_keypad_works_on(
    board: Board, keypad: WiegandKeypad, heard: list[Signal]
) -> None:
    del keypad
    send(board, "10" * 1000)
    wait_for(lambda: KeysLost("it") in heard)
    for _ in range(2):  # the first may still be part of the storm
        heard.clear()
        send(board, burst(8, 5))
        wait_for(lambda: heard)
    assert heard == [KeyPressed("it", "5")]
