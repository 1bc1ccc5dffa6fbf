"""Neither broker nor cloud: codes on the lock go on working, and what happened arrives afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from firmware_sim.site_processes import Site
from tests.process.doors import Door
from tests.waiting import wait_for

pytestmark = pytest.mark.process


@contextmanager
def nobody_there(site: Site) -> Iterator[None]:
    """Neither broker nor cloud."""
    site.kill_broker()
    site.kill_cloud()
    try:
        yield
    finally:
        site.start_broker()
        site.start_cloud()


def test_codes_work_without_network_and_events_arrive_once_and_in_order_afterwards(
    site: Site, door: Door
) -> None:
    door.start()
    host, courier = door.new_codes(1) + door.new_codes(1, is_one_time_use=True)
    with nobody_there(site):
        assert door.opens(host.digits)
        door.kill()
        door.start()  # a restart does not need anybody either
        assert door.opens(host.digits)
        assert door.opens(courier.digits)
        assert not door.opens(courier.digits)
        rows = door.rows()
    wait_for(lambda: len(door.events()) >= len(rows), 30, "the cloud to have all events")
    events = door.events()
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    unlocked = [event["access_code_id"] for event in events if event["event_type"] == "lock.unlocked"]
    assert unlocked == [host.access_code_id, host.access_code_id, courier.access_code_id]


def test_a_code_made_while_the_lock_was_off_reaches_it_when_it_comes_back(door: Door) -> None:
    door.start()
    door.new_codes(1)
    door.stop()
    (late,) = door.new_codes(1, wait=False)
    door.start()
    wait_for(door.has_newest_set, what="the lock to hold the newest code set")
    assert door.opens(late.digits)
