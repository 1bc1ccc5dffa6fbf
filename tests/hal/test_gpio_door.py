"""A whole door on pins: the agent as its example for pins configures it, people at the switches."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from agent.asked import Answer, Asked
from agent.assemble import assemble, root_secret
from agent.config import load_config
from agent.controller import AnySignal, Stop
from agent.enrol import enrol
from agent.enrol_exchange import write_invitation
from agent.inbox import Inbox
from agent.secrets import create_root_secret_file
from firmware_sim.nets import Switch
from firmware_sim.wired_pins import Board, wired
from tests.docs.pages import ROOT
from tests.uplink.clouds import Cloud
from tests.waiting import wait_for

EXAMPLE = (ROOT / "agent/example-gpio.toml").read_text()
ROWS, COLUMNS, LAYOUT = (5, 6, 13, 19), (12, 16, 20), ("123", "456", "789", "*0#")
STRIKE, CONTACT, BOLT, REX, CASE, RED, GREEN = 26, 17, 4, 27, 22, 23, 24
CODE = "493817"


class GpioDoor:
    """The agent in a thread, and the switches that people close and open."""

    def __init__(self, directory: Path, board: Board) -> None:
        self.board = board
        self._inner = list(os.openpty())
        """The line of a second keypad, which sends text."""
        self.keys = {
            key: board.switch(row, column)
            for row, keys in zip(ROWS, LAYOUT, strict=True)
            for column, key in zip(COLUMNS, keys, strict=True)
        }
        self.contact = board.switch(CONTACT, is_closed=True)
        self.bolt = board.switch(BOLT, is_closed=True)
        self.rex = board.switch(REX)
        board.switch(CASE, is_closed=True)
        self._path = directory / "door.toml"
        secret = directory / "root-secret"
        create_root_secret_file(secret)
        extra = f'state_dir = "{directory}"\n'
        tables = "\n[uplink]\nenabled = false\n\n[programming]\nlockctl = true\n"
        tables += '\n[devices.inner]\ndriver = "ascii-keypad"\ndirection = "out"\n'
        tables += f'port = "{os.ttyname(self._inner[1])}"\n'
        self._path.write_text(extra + EXAMPLE.replace("/etc/lock-agent/root-secret", str(secret)) + tables)
        self._inbox: Inbox[AnySignal] = Inbox()
        self._thread = threading.Thread(target=self._live, name="the controller")

    def start(self) -> None:
        """Let it live, and give it a code."""
        self._thread.start()
        wait_for(lambda: all(self.status()["links"].get(each) for each in ("keypad", "strike", "contact")))
        assert self.ask("code_add", code=CODE)["ok"]

    def stop(self) -> None:
        """As SIGTERM does."""
        self._inbox.post(Stop())
        self._thread.join(10)
        self.tear_off_inner()

    def type_inside(self, keys: str) -> None:
        """At the second keypad."""
        os.write(self._inner[0], keys.encode())

    def tear_off_inner(self) -> None:
        """Nobody is at the other end of its line any more."""
        while self._inner:
            os.close(self._inner.pop())

    def _live(self) -> None:
        assemble(load_config(self._path), self._path, self._inbox).run()

    def ask(self, verb: str, **args: Any) -> dict[str, Any]:
        """Ask as `lockctl` does."""
        answers: SimpleQueue[dict[str, Any]] = SimpleQueue()
        self._inbox.post_later(Asked(verb, args, Answer(answers.put)))
        return answers.get(timeout=10)

    def status(self) -> dict[str, Any]:
        """What `lockctl status` shows."""
        shown: dict[str, Any] = self.ask("status")["result"]
        return shown

    def kinds(self) -> list[str]:
        """The kinds of the journal's rows, oldest first."""
        return [row["kind"] for row in self.ask("journal", limit=100, after=0)["result"]["rows"]]

    def type(self, keys: str) -> None:
        """Press and let go of one key after the other, each until the matrix has seen it."""
        for key in keys:
            self.press(self.keys[key])

    def press(self, switch: Switch) -> None:
        """Long enough to count, both ways."""
        for is_closed in (True, False):
            self.board.set(switch, is_closed)
            self._let_scans_pass()

    def _let_scans_pass(self) -> None:
        """So many looks at the pins that a key has counted."""
        contact = self.board.pins[CONTACT]
        enough = contact.reads + 12
        wait_for(lambda: contact.reads >= enough)

    def is_high(self, pin: int) -> bool:
        """Whether an output is on."""
        return bool(self.board.pins[pin].state)


@pytest.fixture
def door(tmp_path: Path) -> Iterator[GpioDoor]:
    with wired() as board:
        made = GpioDoor(tmp_path, board)
        _enrol(made, tmp_path)
        made.start()
        yield made
        made.stop()


def _enrol(door: GpioDoor, directory: Path) -> None:
    cloud = Cloud()
    server = cloud.serve()
    root = root_secret(load_config(door._path))
    enrol(directory, root, write_invitation(cloud.invitation()), 1, again=False)
    server.shutdown()
    server.server_close()


def until(condition: Callable[[], bool]) -> None:
    wait_for(condition)


def test_a_visit_at_a_door_on_pins_from_the_first_key_to_the_relock(door: GpioDoor) -> None:
    door.type(CODE + "#")
    until(lambda: door.is_high(STRIKE))
    door.board.set(door.bolt, False)
    door.board.set(door.contact, False)
    until(lambda: door.status()["door"] == "open")
    door.board.set(door.contact, True)
    until(lambda: not door.is_high(STRIKE))
    door.board.set(door.bolt, True)
    until(lambda: door.status()["strike"] == "locked")
    visit = ["access_granted", "door_opened", "door_closed", "relocked"]
    assert [kind for kind in door.kinds() if kind in visit] == [
        "door_closed",
        *visit,
    ]  # found closed at first
    assert door.status()["alarms"] == []
    assert door.board.shorts == 0


def test_a_wrong_code_at_a_door_on_pins_is_shown_red_and_moves_nothing(door: GpioDoor) -> None:
    door.type("111199#")
    until(lambda: door.is_high(RED) and not door.is_high(GREEN))
    assert "access_denied" in door.kinds()
    assert {bool(each.state) for each in door.board.pins[STRIKE].states} == {False}


def test_a_keypad_whose_pins_fail_comes_back_by_itself_and_the_way_out_is_open_meanwhile(
    door: GpioDoor,
) -> None:
    column = door.board.pins[COLUMNS[0]]
    column.is_broken = True
    until(lambda: "link_keypad" in door.status()["alarms"])
    door.press(door.rex)
    until(lambda: door.is_high(STRIKE))
    column.is_broken = False
    until(lambda: door.status()["links"]["keypad"])
    until(lambda: not door.is_high(STRIKE))
    door.type(CODE + "#")
    until(lambda: door.is_high(STRIKE))


def test_two_keypads_on_lines_of_their_own_open_one_door_and_one_that_is_torn_off_stops_no_other(
    door: GpioDoor,
) -> None:
    until(lambda: door.status()["links"].get("inner", False))
    door.type_inside(CODE + "#")
    until(lambda: door.is_high(STRIKE))
    details = [row["detail"] for row in door.ask("journal", limit=100)["result"]["rows"]]
    assert [each["keypad"] for each in details if each.get("direction") == "out"] == ["inner"]
    door.tear_off_inner()
    until(lambda: "link_inner" in door.status()["alarms"])
    until(lambda: not door.is_high(STRIKE))
    door.type(CODE + "#")
    until(lambda: door.is_high(STRIKE))
