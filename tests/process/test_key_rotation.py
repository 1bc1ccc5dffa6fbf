"""The keys of a cloud are replaced under a real lock, which is killed again and again meanwhile."""

import pytest

from firmware_sim.site_processes import Site
from tests.process.doors import Door
from tests.waiting import wait_for

pytestmark = pytest.mark.process


def rotate(site: Site, purpose: str) -> str:
    """The name of the newest signing key."""
    return str(site.cloud.post("/keys/rotations", {"key": purpose})["signing"])


def wait_until_believed(door: Door, kid: str) -> None:
    wait_for(lambda: door.status()["cloud_kid"] == kid, what="the newest key at the lock")


def test_a_lock_that_is_killed_while_keys_are_replaced_ends_with_the_newest(site: Site, door: Door) -> None:
    door.start()
    codes = door.new_codes(1)
    for round_ in range(4):
        newest = rotate(site, "signing")
        codes += door.new_codes(1, wait=False)
        if round_ % 2:
            wait_until_believed(door, newest)
        door.kill()
        rotate(site, "sealing")
        door.start()
    wait_until_believed(door, newest)
    codes += door.new_codes(1)
    assert door.opens(codes[-1].digits)
    assert door.opens(codes[1].digits)
    refused = [row["detail"]["reason"] for row in door.rows() if row["kind"] == "message_refused"]
    # A cloud that has not heard yet what the killed lock took tells of the next change by an older key.
    assert set(refused) <= {"retiring_key", "stale_revision", "unknown_nonce"}
    assert any(row["kind"] == "keys_changed" for row in door.rows())
