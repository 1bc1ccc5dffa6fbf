"""A lock is wiped: the cloud hears of it, nothing of its owner can be read, and another owner can have it."""

import subprocess
from pathlib import Path

import pytest

from firmware_sim.site_processes import Site
from tests.process.doors import AGENT, Door
from tests.waiting import wait_for

pytestmark = pytest.mark.process


def wipe(door: Door, typed: str, config: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [*AGENT, "wipe", "--config", str(config or door.files.config)]
    return subprocess.run(
        command, input=typed + "\n", capture_output=True, text=True, timeout=60, check=False
    )


def files(door: Door) -> list[Path]:
    return sorted(door.files.state.rglob("*"))


def is_enrolled(site: Site, door: Door) -> bool:
    return bool(site.cloud.get(f"/locks/{door.device_id}")["enrolled"])


def test_a_running_lock_is_not_wiped(door: Door) -> None:
    door.start()
    refused = wipe(door, door.device_id)
    assert refused.returncode == 78
    assert "running lock-agent" in refused.stderr


@pytest.mark.parametrize("typed", ["", "yes", "wipe"])
def test_nothing_happens_unless_the_id_of_the_lock_is_typed(door: Door, typed: str) -> None:
    before = files(door)
    refused = wipe(door, typed)
    assert (refused.returncode, "not confirmed" in refused.stderr) == (1, True)
    assert set(before) <= set(files(door))
    door.start()


def test_a_wiped_lock_holds_nothing_and_its_keys_count_no_more(site: Site, door: Door) -> None:
    door.start()
    door.new_codes(2)
    door.stop()
    secret = door.files.root_secret.read_bytes()
    done = wipe(door, door.device_id)
    assert (done.returncode, done.stdout) == (0, "wiped\n")
    assert files(door) == []
    assert not door.files.root_secret.exists() or secret not in door.files.root_secret.read_bytes()
    wait_for(lambda: not is_enrolled(site, door), what="the cloud to forget the keys")
    told = [each for each in door.events() if each["event_type"] == "lock.retired"]
    assert [each["detail"] for each in told] == [{"by": "lock"}]
    again = wipe(door, "wipe")
    assert (again.returncode, files(door)) == (0, [])
    assert "The cloud cannot be told" in again.stderr


def test_without_a_network_it_is_wiped_all_the_same_and_says_that_the_cloud_does_not_know(
    site: Site, door: Door
) -> None:
    door.start()
    door.stop()
    done = wipe(door, door.device_id, door.without_network)
    assert (done.returncode, files(door)) == (0, [])
    assert "The cloud does not know" in done.stdout
    assert is_enrolled(site, door)
    site.cloud.post(f"/locks/{door.device_id}/retirement", {})
    assert not is_enrolled(site, door)
