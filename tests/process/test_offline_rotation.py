"""Roots of offline codes are replaced under a real lock, while codes are typed, and it and its cloud die."""

from typing import Any

import pytest

from firmware_sim.site_processes import Site
from tests.process.doors import Door
from tests.waiting import wait_for

pytestmark = pytest.mark.process

ROOT = "5a" * 32


def issue(site: Site, door: Door) -> str:
    """A one-time code from now on."""
    asked = {"is_offline_access_code": True, "is_one_time_use": True}
    return str(site.cloud.post(f"/locks/{door.device_id}/access_codes", asked)["code"])


def setup(site: Site, door: Door) -> dict[str, Any]:
    answer: dict[str, Any] = site.cloud.get(f"/locks/{door.device_id}/offline_setup")
    return answer


def wait_until_told(site: Site, door: Door) -> None:
    wait_for(lambda: setup(site, door)["status"] == "applied", 20, "the lock to have its keys")


def rotate(site: Site, door: Door, **how: str) -> dict[str, Any]:
    answer: dict[str, Any] = site.cloud.post(f"/locks/{door.device_id}/offline_rotations", how)
    return answer


def wait_until_ready(site: Site, door: Door) -> None:
    """The lock has the newest keys and knows the time."""
    wait_until_told(site, door)
    wait_for(lambda: door.status()["clock"]["trust"] == "trusted", 20, "the time at the lock")


def test_roots_are_replaced_while_codes_are_typed_and_cloud_and_lock_are_killed(
    site: Site, door: Door
) -> None:
    site.cloud.put(f"/locks/{door.device_id}/offline_setup", {"keys": [{"kid": 1, "root": ROOT}]})
    door.start()
    wait_for(lambda: setup(site, door)["offline_setup"]["journal_epoch"], 20, "the cloud to know the lock")
    wait_until_ready(site, door)
    used, living, dead = (issue(site, door) for _ in range(3))
    assert door.opens(used)
    rotate(site, door)
    site.kill_cloud()
    site.start_cloud()
    assert door.opens(living)
    door.kill()
    kids = [rotate(site, door, when="now")["kid"] for _ in range(2)]
    newest = issue(site, door)
    site.kill_cloud()
    site.start_cloud()
    door.start()
    wait_until_ready(site, door)
    assert door.opens(newest)
    assert not door.opens(dead)
    told = [row["detail"]["rev"] for row in door.rows() if row["kind"] == "offline_setup"]
    shown = setup(site, door)
    assert told[-1] == shown["rev"], "what the broker kept was the newest"
    assert [key["kid"] for key in shown["offline_setup"]["keys"]] == [kids[-1]]
    for digits in (used, living, dead, newest):
        assert digits not in door.log
