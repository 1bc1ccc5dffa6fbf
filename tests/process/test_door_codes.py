"""Codes made and removed at a real keypad, and what the cloud learns of them; killed in between, too."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, takewhile
from pathlib import Path
from typing import Any

import pytest

from firmware_sim.child import Child
from tests.process.doors import Code, Door
from tests.waiting import wait_for

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]

MORE_STEPS_THAN_AN_ACTION_HAS = 40
STEPS_AT_ONCE = 2
"""No more than there are before, between and after the two commits."""
NEW = "908172"


@pytest.fixture
def chief(door: Door) -> Code:
    """A programming code at a door whose agent runs."""
    door.start()
    (code,) = door.new_codes(1, kind="programming")
    return code


def rows(door: Door, *kinds: str) -> list[dict[str, Any]]:
    return [row["detail"] for row in door.rows() if row["kind"] in kinds]


def events(door: Door, kind: str) -> list[dict[str, Any]]:
    return [event for event in door.events() if event["event_type"] == kind]


def program(door: Door, chief: Code, keys: str) -> dict[str, Any]:
    """Type an action; the row it came to."""
    kinds = ("code_added_at_door", "code_removed_at_door", "programming_refused")
    before = len(rows(door, *kinds))
    door.type(f"{chief.digits}#{keys}")
    return wait_for(lambda: rows(door, *kinds)[before:], what="the action to end")[0]


def test_a_code_typed_at_the_keypad_opens_reaches_the_cloud_and_is_removed_there(
    door: Door, chief: Code
) -> None:
    made = program(door, chief, f"1{NEW}#{NEW}#")["access_code_id"]
    assert door.opens(NEW)
    told = wait_for(
        lambda: [each for each in door.events() if each["event_type"] == "lock.code_added_at_door"]
    )
    assert (told[0]["access_code_id"], told[0]["detail"]["by"]) == (made, chief.access_code_id)
    assert program(door, chief, f"2{NEW}#") == {
        "access_code_id": made,
        "gen": 1,
        "source": "keypad",
        "by": chief.access_code_id,
        "is_managed": False,
        "stays": True,
    }
    assert not door.opens(NEW)


def test_a_code_of_the_cloud_that_was_removed_without_network_is_back_with_it(
    door: Door, chief: Code
) -> None:
    (anna,) = door.new_codes(1)
    door.stop()
    door.start(network=False)
    program(door, chief, f"2{anna.digits}#")
    assert not door.opens(anna.digits)
    door.stop()
    door.start()
    wait_for(lambda: rows(door, "code_restored"), 20, "lock and cloud to compare their sets")
    assert door.opens(anna.digits)


def test_lockctl_makes_a_code_where_the_door_allows_it(door: Door) -> None:
    config = door.without_network
    config.write_text(config.read_text() + "\n[programming]\nlockctl = true\n")
    door.start(network=False)
    lockctl = [
        sys.executable,
        "-m",
        "agent.cli.lockctl",
        "--socket",
        str(door.files.control_socket),
        "--json",
    ]

    def run(*words: str, typed: str = "") -> Any:
        done = subprocess.run([*lockctl, *words], input=typed, capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    made = run("codes", "add", "--one-time", typed=f"{NEW}\n")["access_code_id"]
    assert [(code["access_code_id"], code["is_managed"]) for code in run("codes")["codes"]] == [(made, False)]
    assert door.opens(NEW) and not door.opens(NEW)
    run("codes", "remove", made)
    assert run("codes")["codes"] == []


def test_whatever_step_the_agent_is_killed_at_a_code_is_made_and_told_or_not_at_all(
    door: Door, chief: Code, tmp_path: Path
) -> None:
    door.stop()
    lives = list(takewhile(lambda life: life.was_killed, ever_longer_lives(door, chief, tmp_path)))
    outcomes = [(life.codes, life.told, life.tokens) for life in lives]
    # Nothing happened yet; the attempt counts; the code is there, told, and the attempt is forgiven.
    assert [outcome for outcome, _ in groupby(outcomes)] == [(0, 0, 5.0), (0, 0, 4.0), (1, 1, 5.0)]


@dataclass(frozen=True, slots=True)
class Life:
    """What one life of an agent came to."""

    was_killed: bool
    codes: int
    told: int
    tokens: float


def ever_longer_lives(door: Door, chief: Code, directory: Path) -> Iterator[Life]:
    """Make one code after the other, each in a life that is some statements longer than the last."""
    before = left_behind(door)
    for step in range(1, MORE_STEPS_THAN_AN_ACTION_HAS, STEPS_AT_ONCE):
        armed = directory / f"armed-{step}"
        agent = door.start("die-at-statement", f"{step}:{armed}", network=False)
        door.type(f"{chief.digits}#")
        wait_for(lambda: shows(door, "programming"), what="the session")
        armed.touch()
        digits = f"{700_100 + 17 * step}"
        door.type(f"1{digits}#{digits}#")
        was_killed = dies_of_action(door, agent)
        door.kill()
        after = left_behind(door)
        yield Life(was_killed, after[0] - before[0], after[1] - before[1], door.tokens())
        before = after
        door.refill()


def dies_of_action(door: Door, agent: Child) -> bool:
    """Whether the agent was killed before it showed that the code is there."""
    wait_for(lambda: agent.has_ended or shows(door, "granted"), what="the end of the action")
    return agent.has_ended


def shows(door: Door, pattern: str) -> bool:
    """What the keypad shows; to ask the agent would be one more statement."""
    return bool(door.see()["indicator"] == pattern)


def left_behind(door: Door) -> tuple[int, int]:
    """Of a dead agent: codes made at the door, and rows that tell of them."""
    with door.database() as db:
        codes = db.execute("SELECT count(*) FROM local_code").fetchone()[0]
    return codes, sum(row["kind"] == "code_added_at_door" for row in door.left_behind())
