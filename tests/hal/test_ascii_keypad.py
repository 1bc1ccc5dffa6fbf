"""A keypad that sends text, on a real pseudo-terminal."""

import os
import pty
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from hal.ascii_keypad import ETX, STX, AsciiKeypad, AsciiOptions, Reading
from hal.ports import KeyPressed, KeysLost, LinkChanged, Signal
from tests.waiting import wait_for

FRAMED = AsciiOptions(port="", framing="stx-etx-lrc")


def framed(text: bytes) -> bytes:
    """STX, text, ETX, and the XOR of text and ETX."""
    check = ETX
    for byte in text:
        check ^= byte
    return bytes([STX, *text, ETX, check])


def test_each_byte_is_a_key_and_line_ends_enter() -> None:
    assert Reading(AsciiOptions(port="")).take(b"12*34#56\r\n\x1b") == [*"12*34#56#", "*"]


def test_a_byte_that_is_no_key_voids_the_code() -> None:
    assert Reading(AsciiOptions(port="")).take(b"1\xff2") == ["1", None, "2"]


def test_what_enters_and_what_is_ignored_can_be_chosen() -> None:
    reading = Reading(AsciiOptions(port="", enter="E", clear="C", ignored="A"))
    assert reading.take(b"1A2EC") == ["1", "2", "#", "*"]


def test_a_frame_is_a_whole_code() -> None:
    assert Reading(FRAMED).take(framed(b"0471")) == [*"*0471#"]
    assert Reading(FRAMED).take(framed(b"0471#")) == [*"*0471#"]


def test_a_frame_may_come_in_pieces() -> None:
    reading = Reading(FRAMED)
    assert [key for byte in framed(b"0471") for key in reading.take(bytes([byte]))] == [*"*0471#"]


@pytest.mark.parametrize("at", range(1, 7))
def test_no_changed_byte_of_a_frame_makes_a_key(at: int) -> None:
    changed = bytearray(framed(b"0471"))
    changed[at] ^= 0x10
    assert set(Reading(FRAMED).take(bytes(changed) + bytes(100))) <= {None}


def test_text_outside_of_a_frame_is_no_key() -> None:
    assert Reading(FRAMED).take(b"0471#") == [None] * 5


@pytest.fixture
def line(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """A pseudo-terminal: the keypad's end, and the name of ours."""
    keypad, ours = pty.openpty()
    tty.setraw(ours)
    link = tmp_path / "keypad"
    link.symlink_to(os.ttyname(ours))
    os.close(ours)
    yield keypad, link
    os.close(keypad)


@pytest.fixture
def heard() -> list[Signal]:
    return []


@pytest.fixture
def device(line: tuple[int, Path], heard: list[Signal]) -> Iterator[AsciiKeypad]:
    made = AsciiKeypad("it", AsciiOptions(port=str(line[1])), {}, heard.append)
    yield made
    made.close()


def keys(heard: list[Signal]) -> str:
    return "".join(each.key for each in heard if isinstance(each, KeyPressed))


def test_keys_on_the_line_are_posted_in_order(
    line: tuple[int, Path], device: AsciiKeypad, heard: list[Signal]
) -> None:
    device.start()
    wait_for(lambda: KeysLost("it") in heard)
    os.write(line[0], b"493817#")
    wait_for(lambda: keys(heard) == "493817#")


def test_what_was_typed_before_the_start_is_typed_for_nobody(
    line: tuple[int, Path], device: AsciiKeypad, heard: list[Signal]
) -> None:
    os.write(line[0], b"4938")
    device.start()
    wait_for(lambda: KeysLost("it") in heard)
    os.write(line[0], b"17#")
    wait_for(lambda: keys(heard) == "17#")


def test_a_port_that_is_not_there_is_told_once_and_found_when_it_comes(
    line: tuple[int, Path], tmp_path: Path, heard: list[Signal]
) -> None:
    link = tmp_path / "later"
    device = AsciiKeypad("it", AsciiOptions(port=str(link)), {}, heard.append)
    device.start()
    wait_for(lambda: [each.is_up for each in heard if isinstance(each, LinkChanged)] == [False])
    link.symlink_to(line[1].readlink())
    wait_for(lambda: heard[-1] == KeysLost("it"))
    os.write(line[0], b"5")
    wait_for(lambda: keys(heard) == "5")
    device.close()
    assert [each.is_up for each in heard if isinstance(each, LinkChanged)] == [False, True]
