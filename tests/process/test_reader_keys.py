"""A reader that has lost its key, and one that is given another: real agent, board and control socket."""

import secrets

import pytest

from tests.process.doors import Door
from tests.waiting import wait_for

pytestmark = pytest.mark.process


@pytest.fixture
def open_door(door: Door) -> Door:
    """A door whose administrator may change its readers."""
    with door.without_network.open("a") as config:
        config.write("\n[provisioning]\nlockctl = true\n")
    door.start(network=False)
    return door


def steps(door: Door) -> list[tuple[str, str]]:
    details = [row["detail"] for row in door.rows() if row["kind"] == "reader_setup"]
    return [(detail["action"], detail["result"]) for detail in details]


def test_a_keypad_that_forgot_its_key_is_an_alarm_until_an_administrator_gives_it_its_own(
    open_door: Door,
) -> None:
    open_door.tell_board("forget_key", unit="outside")
    wait_for(lambda: "key_outside" in open_door.status()["alarms"], 20, "the alarm")
    open_door.ask("reader_install", {"reader": "outside", "for_s": 20})
    wait_for(open_door.is_served, what="the keypad to be served again")
    assert open_door.status()["alarms"] == []
    assert steps(open_door) == [("install", "begun"), ("install", "done")]


def test_a_key_is_changed_and_found_again_after_a_restart(open_door: Door) -> None:
    key_file = open_door.files.scbk("inside")
    before = key_file.read_text()
    following = key_file.with_name(key_file.name + ".next")
    following.touch(mode=0o600)
    following.write_text(secrets.token_hex(16))
    open_door.ask("reader_rekey", {"reader": "inside"})
    wait_for(open_door.is_served, what="the unit to be served again")
    assert open_door.ask("facts")["readers"]["next_key"] == ["inside"]
    assert following.read_text() not in open_door.log
    open_door.stop()
    # The board keeps its key in the file that the agent has been configured with: as if nobody had renamed.
    assert key_file.read_text().strip() == following.read_text()
    key_file.write_text(before)
    open_door.start(network=False)
    assert open_door.ask("facts")["readers"]["next_key"] == ["inside"]
