"""The agent is frozen or killed, or its line cut, while the door is released: the firmware locks by itself.

And a unit that is unplugged is a fault, while the others go on; it is back by itself. Only real processes.
"""

import os
import signal

import pytest

from firmware_sim.controller.peripheral import HOST_LOST_MS
from tests.process.conftest import NewDoor
from tests.process.doors import Door
from tests.waiting import wait_for

pytestmark = pytest.mark.process
LATE_S = 1.5
"""How long a machine at work may take to notice; the dead-man itself is exact in tests/firmware."""


@pytest.fixture
def released(new_door: NewDoor) -> Door:
    """A door that was just released for thirty seconds."""
    door = new_door(release_s=30.0)
    door.start(network=False)
    door.tell_board("rex")
    wait_for(lambda: door.see()["strike"]["released"], what="the release")
    return door


def lost_at_s(door: Door, how: str) -> float:
    """Take the host away; when that was, in seconds since boot."""
    assert door.agent is not None
    if how == "frozen":
        os.kill(door.agent.pid, signal.SIGSTOP)
    elif how == "killed":
        door.kill()
    else:
        door.tell_board("line", cut=True)
    return float(door.see()["now_s"])


@pytest.mark.parametrize("how", ["frozen", "killed", "cut"])
def test_without_its_host_the_relay_falls_within_the_dead_man(released: Door, how: str) -> None:
    began_s = lost_at_s(released, how)
    wait_for(lambda: not released.see()["strike"]["released"], what="the relay to fall")
    fell_s = released.see()["strike"]["locked_at_s"]
    assert fell_s - began_s <= HOST_LOST_MS / 1000 + LATE_S
    if how == "frozen":
        assert released.agent is not None
        os.kill(released.agent.pid, signal.SIGCONT)
    elif how == "killed":
        released.start(network=False)
    else:
        released.tell_board("line", cut=False)
    wait_for(released.is_served, 20, "the keypad to be served again")
    # An agent that wakes up within the release may try the bolt once more, for what is left of the release.
    assert how == "frozen" or (released.see()["strike"]["locked_at_s"], released.openings()) == (fell_s, 1)


@pytest.mark.parametrize("unit", ["outside", "inside"])
def test_a_unit_that_is_unplugged_is_a_fault_the_other_goes_on_and_it_comes_back(
    door: Door, unit: str
) -> None:
    door.start(network=False)
    door.tell_board("power", unit=unit, on=False)
    wait_for(lambda: f"link_{unit}" in door.status()["alarms"], what="the fault")
    other = {"outside": "inside", "inside": "outside"}[unit]
    assert door.status()["links"] == {unit: False, other: True}
    if unit == "outside":
        door.tell_board("rex")
        wait_for(lambda: door.openings() == 1, what="the way out")
    else:
        door.type("1234#")
        wait_for(lambda: "access_denied" in [row["kind"] for row in door.rows()], what="the keypad")
    door.tell_board("power", unit=unit, on=True)
    wait_for(door.is_served, 20, "the unit to be served again")
    assert f"link_{unit}" not in door.status()["alarms"]
    kinds = [row["kind"] for row in door.rows() if row["detail"].get("unit") == unit]
    assert kinds[-2:] == ["link_lost", "link_restored"]
