"""Fixtures: a board process, and all drivers attached to it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hal.board_process import Attached, BoardProcess


@pytest.fixture
def board(tmp_path: Path) -> Iterator[BoardProcess]:
    """A board that runs."""
    board = BoardProcess(tmp_path)
    yield board
    if board.process.poll() is None:
        board.end()


@pytest.fixture
def door(board: BoardProcess) -> Iterator[Attached]:
    """Every driver on the board's line, with both sessions up."""
    door = Attached(str(board.line), board.readers())
    door.line.start()
    door.wait_until_up()
    yield door
    door.line.close()
