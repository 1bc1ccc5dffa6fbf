"""Codes and events of the Seam API when cloud or lock die: nothing is stuck, nothing is told twice."""

from collections import Counter
from typing import Any

import pytest
from seam.seam import Seam

from firmware_sim.faults import SimFault
from firmware_sim.site_processes import Site
from tests.cloud.site import Api
from tests.process.doors import Door
from tests.waiting import wait_for

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]


def seam_of(site: Site) -> Any:
    """The real SDK; Any, since what it returns is a union of everything there is."""
    ready = site.ready_document()["seam_api"]
    return Seam(api_key=ready["api_key"], endpoint=ready["base_url"])


def types_of(site: Site, door: Door) -> list[str]:
    """What was told of this door so far; nothing while the cloud does not answer."""
    events = seam_of(site).events.list(since="2020-01-01T00:00:00Z", device_id=door.device_id)
    return [event.event_type for event in events]


def delete(site: Site, access_code_id: str) -> None:
    Api(site.cloud.base_url, site.cloud.token).send("DELETE", f"/access_codes/{access_code_id}")


def restart_cloud(site: Site) -> None:
    """The cloud dies without a word and comes back on what it had written down."""
    site.kill_cloud()
    site.start_cloud()


def is_gone(site: Site, access_code_id: str) -> bool:
    try:
        site.cloud.get(f"/access_codes/{access_code_id}")
    except SimFault as fault:
        return "404" in str(fault)
    return False


def test_complaint_21_a_code_in_removing_goes_as_soon_as_lock_and_cloud_are_back(
    site: Site, door: Door
) -> None:
    door.start()
    (code,) = door.new_codes(1)
    door.kill()
    delete(site, code.access_code_id)
    assert site.cloud.get(f"/access_codes/{code.access_code_id}")["state"] == "removing"
    restart_cloud(site)
    door.start()
    wait_for(lambda: is_gone(site, code.access_code_id), 30, "the code to go")
    assert not door.opens(code.digits)


def test_complaint_22_a_removal_is_told_once_though_lock_and_cloud_died_meanwhile(
    site: Site, door: Door
) -> None:
    door.start()
    (code,) = door.new_codes(1)
    wait_for(lambda: "access_code.set_on_device" in types_of(site, door))
    restart_cloud(site)
    delete(site, code.access_code_id)
    restart_cloud(site)
    wait_for(lambda: "access_code.deleted" in types_of(site, door), 30, "the end of the code")
    restart_cloud(site)
    told = Counter(kind for kind in types_of(site, door) if kind.startswith("access_code."))
    names = ("created", "set_on_device", "removed_from_device", "deleted")
    assert told.pop("access_code.mutations_requested") == 2, "its creation and its deletion"
    assert told == {f"access_code.{name}": 1 for name in names}


def test_what_happened_while_the_cloud_was_away_is_told_once_it_is_back(site: Site, door: Door) -> None:
    door.start()
    (code,) = door.new_codes(1)
    site.kill_cloud()
    assert door.opens(code.digits)
    assert not door.opens("90909090")
    site.start_cloud()
    wait_for(lambda: "lock.access_denied" in types_of(site, door), 30, "the door's story")
    restart_cloud(site)
    wait_for(lambda: "device.connected" in types_of(site, door))
    told = Counter(types_of(site, door))
    assert (told["lock.unlocked"], told["lock.access_denied"]) == (1, 1)
    assert told["device.connected"] == 1
