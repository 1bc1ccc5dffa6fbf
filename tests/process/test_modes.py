"""Operating modes and revocation on a real strike, by HTTP and by lockctl."""

from typing import Any

import pytest
from click.testing import CliRunner, Result

from agent.cli.lockctl import main
from firmware_sim.site_processes import Site
from tests.process.doors import Door
from tests.waiting import wait_for

pytestmark = pytest.mark.process


@pytest.fixture
def open_door(site: Site, door: Door) -> Door:
    """A running door that takes modes from lockctl too, and is known to the cloud with the time."""
    config = door.files.config
    config.write_text(config.read_text() + '\n[commands]\nlocal = ["mode"]\n')
    door.start()
    wait_for(lambda: site.cloud.get(f"/locks/{door.device_id}")["clock"] == "trusted", 20, "the time")
    return door


def act(site: Site, door: Door, **fields: Any) -> dict[str, Any]:
    """An action, once it has ended."""
    path = f"/locks/{door.device_id}/actions"
    action_id = site.cloud.post(path, fields)["action_id"]
    wait_for(lambda: site.cloud.get(f"{path}/{action_id}")["status"] != "pending", what="the answer")
    ended: dict[str, Any] = site.cloud.get(f"{path}/{action_id}")
    return ended


def is_released(door: Door) -> bool:
    return bool(door.see()["strike"]["released"])


def lockctl(door: Door, *words: str) -> Result:
    return CliRunner().invoke(main, ["--socket", str(door.files.control_socket), *words])


def test_passage_survives_a_power_cut_and_ends_when_told_so(site: Site, open_door: Door) -> None:
    assert act(site, open_door, action="mode", mode="passage")["status"] == "success"
    wait_for(lambda: is_released(open_door), what="the door to be free")
    open_door.kill()
    open_door.start()
    wait_for(lambda: open_door.status()["mode"] == "passage", what="passage again")
    wait_for(lambda: is_released(open_door), what="the door to be free again")
    assert lockctl(open_door, "mode", "normal").exit_code == 0
    wait_for(lambda: not is_released(open_door), what="the strike to lock")


def test_lockdown_by_lockctl_refuses_codes_and_lets_out(site: Site, open_door: Door) -> None:
    (code,) = open_door.new_codes(1)
    assert lockctl(open_door, "mode", "lockdown").exit_code == 0
    assert not open_door.opens(code.digits)
    assert act(site, open_door, action="unlock")["reason"] == "blocked_by_mode"
    open_door.tell_board("rex")
    wait_for(lambda: open_door.openings() == 1, what="the way out")
    wait_for(lambda: site.cloud.get(f"/locks/{open_door.device_id}")["mode"] == "lockdown")


def test_lockctl_may_not_open_unless_the_configuration_says_so(open_door: Door) -> None:
    done = lockctl(open_door, "unlock")
    assert (done.exit_code, "[commands] local" in done.output) == (1, True)
    assert open_door.openings() == 0


def test_a_deleted_code_is_refused_by_command_before_the_set_is_exchanged(
    site: Site, open_door: Door
) -> None:
    (code,) = open_door.new_codes(1)
    site.cloud.delete(f"/access_codes/{code.access_code_id}")
    wait_for(
        lambda: any(row["detail"].get("type") == "revoke" for row in open_door.rows()), what="the revocation"
    )
    assert not open_door.opens(code.digits)
