"""The board process: its control connection, its documentation, its end."""

import json
import os
import re
import signal
from pathlib import Path

import pytest

from firmware_sim.board_requests import REQUESTS
from tests.hal.board_process import BoardProcess, exchange
from tests.waiting import wait_for

pytestmark = pytest.mark.process

DOCUMENT = (Path(__file__).parents[2] / "docs/board.md").read_text()


def examples() -> list[str]:
    """The requests of the example session."""
    return re.findall(r"^> (\{.*\})$", DOCUMENT, re.MULTILINE)


def test_every_request_of_the_code_is_in_the_table_and_in_the_example_session() -> None:
    assert re.findall(r"^\| `(\w+)` \|", DOCUMENT, re.MULTILINE) == list(REQUESTS)
    assert {json.loads(line)["type"] for line in examples()} == set(REQUESTS)


def test_the_example_session_works(board: BoardProcess) -> None:
    with board.connected() as file:
        assert all(exchange(file, line)["ok"] for line in examples())


def test_the_documented_configuration_has_every_key_there_is() -> None:
    from firmware_sim.board import BoardConfig

    documented = json.loads(re.findall(r"```json\n(.*?)```", DOCUMENT, re.DOTALL)[0])
    assert set(documented) == set(BoardConfig.__struct_fields__)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('{"type": "dance"}', "dance"),
        ('{"type": "door"}', "open"),
        ('{"type": "door", "open": true, "wide": 1}', "wide"),
        ('{"type": "noise", "rate": 2}', "rate"),
        ('{"type": "keys", "keys": "12A"}', "keys"),
        ("hello", "JSON"),
        ("[1]", "object"),
    ],
)
def test_what_is_no_request_is_refused_with_the_reason_and_the_connection_stays(
    board: BoardProcess, line: str, why: str
) -> None:
    with board.connected() as file:
        answer = exchange(file, line)
        assert not answer["ok"]
        assert why in answer["error"]
        assert exchange(file, '{"type": "state"}')["ok"]


def test_refused_keys_are_not_repeated(board: BoardProcess) -> None:
    assert "8642" not in json.dumps(board.ask(type="keys", keys="8642x"))


def test_watch_tells_each_change(board: BoardProcess) -> None:
    with board.connected() as watch:
        assert exchange(watch, '{"type": "watch"}')["door"] == {"open": False}
        board.ask(type="door", open=True)
        assert json.loads(watch.readline())["door"] == {"open": True}


def test_keys_without_a_session_are_not_taken(board: BoardProcess) -> None:
    assert board.ask(type="keys", keys="1234#")["queued"] == 0
    state = board.ask(type="state")
    assert (state["keys_waiting"], state["keys_discarded"]) == (0, 5)


@pytest.mark.usefixtures("door")
def test_keys_at_an_interval_come_one_after_the_other(board: BoardProcess) -> None:
    assert board.ask(type="keys", keys="123", interval_ms=30)["queued"] == 3
    start_s = board.ask(type="state")["now_s"]
    wait_for(lambda: board.ask(type="state")["keys_waiting"] == 0)
    assert board.ask(type="state")["keys_queued_at_s"] >= start_s


@pytest.mark.usefixtures("door")
def test_no_digit_comes_out_of_the_board(board: BoardProcess) -> None:
    board.ask(type="line", cut=True)
    board.ask(type="keys", keys="86428642")
    assert "8642" not in json.dumps({**board.ask(type="state"), "now_s": 0, "keys_queued_at_s": 0})


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_board_and_takes_the_line_away(board: BoardProcess, number: int) -> None:
    assert board.line.is_symlink()
    assert board.end(number) == 0
    assert not board.line.is_symlink()


def test_a_line_left_behind_by_a_killed_board_is_replaced(board: BoardProcess) -> None:
    board.end(signal.SIGKILL)
    assert board.line.is_symlink()
    board.start()
    assert board.line.exists()


def test_the_line_may_be_opened_and_closed_without_an_agent(board: BoardProcess) -> None:
    for _ in range(20):
        descriptor = os.open(board.line, os.O_RDWR | os.O_NOCTTY)
        os.write(descriptor, os.urandom(50))
        os.close(descriptor)
    assert board.ask(type="state")["ok"]


@pytest.mark.parametrize("text", ["{", '{"line": "x"}', '{"lines": 1}'])
def test_a_wrong_configuration_is_named_and_nothing_is_started(tmp_path: Path, text: str) -> None:
    from click.testing import CliRunner

    from firmware_sim.board import main

    path = tmp_path / "board.json"
    path.write_text(text)
    result = CliRunner().invoke(main, ["--config", str(path)])
    assert result.exit_code == 1
    assert "board.json" in result.output
