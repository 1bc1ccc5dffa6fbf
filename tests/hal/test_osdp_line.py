"""The line's thread: opening, re-opening, ending, and drivers that fail."""

import threading
from pathlib import Path

import pytest

from hal.osdp import codec
from hal.osdp.events import Event
from hal.osdp.line import Line, Reader
from hal.ports import LinkChanged, Signal
from tests.hal.board_process import Attached, BoardProcess
from tests.waiting import wait_for


def lonely(tmp_path: Path, signals: list[Signal]) -> Line:
    """A line whose device does not exist."""
    reader = Reader("outside", 0, bytes(16))
    return Line(str(tmp_path / "nothing"), 115200, 0.02, [reader], signals.append)


def test_a_device_that_does_not_exist_is_told_once_and_tried_again(tmp_path: Path) -> None:
    signals: list[Signal] = []
    line = lonely(tmp_path, signals)
    line.start()
    [told] = wait_for(lambda: signals[:])
    line.close()
    assert isinstance(told, LinkChanged)
    assert "nothing" in told.reason
    assert not told.is_up


def test_commands_to_a_line_that_is_not_open_fail_and_do_not_raise(tmp_path: Path) -> None:
    failures: list[str] = []
    line = lonely(tmp_path, [])
    line.command("outside", codec.OUT, b"", 1.0, failures.append)
    line.start()
    line.command("outside", codec.OUT, b"", 1.0, failures.append)
    wait_for(lambda: len(failures) == 2)
    line.close()
    assert all(failures)


def test_listening_to_an_unknown_reader_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="outside"):
        lonely(tmp_path, []).listen("inside", print)


@pytest.mark.process
def test_a_board_that_starts_late_is_found(board: BoardProcess) -> None:
    board.end()
    door = Attached(str(board.line), board.readers())
    door.line.start()
    wait_for(lambda: len(door.heard()) >= 2)
    board.start()
    door.wait_until_up()
    door.line.close()


@pytest.mark.process
def test_a_line_starts_and_ends_as_often_as_one_likes(board: BoardProcess) -> None:
    door = Attached(str(board.line), board.readers())
    for times in (1, 2, 3):
        door.line.start()
        door.line.start()
        door.wait_until_up(times)
        door.line.close()
        door.line.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("osdp")]


@pytest.mark.process
def test_a_driver_that_raises_does_not_stop_the_others(board: BoardProcess) -> None:
    door = Attached(str(board.line), board.readers())
    calls: list[Event] = []

    def broken(event: Event) -> None:
        calls.append(event)
        raise RuntimeError("a bug")

    door.line.listen("inside", broken)
    door.line.start()
    door.wait_until_up()
    wait_for(lambda: len(calls) >= 2)
    door.line.close()


@pytest.mark.process
def test_a_second_program_on_the_same_line_is_kept_out(board: BoardProcess, door: Attached) -> None:
    second = Attached(str(board.line), board.readers())
    second.line.start()
    heard = wait_for(lambda: second.heard()[:])
    second.line.close()
    assert "lock" in repr(heard[0])
    assert len(door.heard()) < 20
