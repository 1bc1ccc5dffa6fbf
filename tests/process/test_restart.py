"""Stopped and started again: the strike rests locked, and one agent at a time has the door."""

import subprocess

import pytest

from tests.process.conftest import NewDoor
from tests.process.doors import AGENT, Door
from tests.waiting import wait_for

pytestmark = pytest.mark.process

LONGER_THAN_A_RESTART_S = 30.0


@pytest.fixture
def released(new_door: NewDoor) -> Door:
    """A door whose strike is released for a long time."""
    door = new_door(release_s=LONGER_THAN_A_RESTART_S)
    door.start()
    (code,) = door.new_codes(1)
    door.type(f"{code.digits}#")
    wait_for(lambda: door.see()["strike"]["released"], what="the strike to be released")
    return door


def test_starting_makes_no_pulse(door: Door) -> None:
    door.start()
    door.stop()
    assert door.see()["strike"]["released_at_s"] is None


def test_an_agent_killed_during_an_unlock_starts_locked_and_makes_no_pulse(released: Door) -> None:
    released.kill()
    assert released.see()["strike"]["released"]
    released.start()
    wait_for(lambda: not released.see()["strike"]["released"], 2.5, "the new agent to lock")
    assert (released.openings(), released.status()["strike"]) == (1, "locked")


def test_an_agent_asked_to_end_during_an_unlock_locks_first(released: Door) -> None:
    agent = released.agent
    released.stop()
    assert not released.see()["strike"]["released"]
    assert agent is not None and "stopped, the door is locked" in agent.output()


def test_a_second_agent_on_the_same_state_is_refused_and_the_first_goes_on(door: Door) -> None:
    first = door.start()
    (code,) = door.new_codes(1)
    command = [*AGENT, "run", "--config", str(door.files.config)]
    second = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert second.returncode == 78
    assert f"{door.files.state} belongs to a running lock-agent (process {first.pid})" in second.stderr
    assert door.opens(code.digits)
