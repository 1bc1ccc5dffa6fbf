"""Rules of codes on real processes: from HTTP over the broker to the lock, the keypad, and back as events."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from firmware_sim.site_processes import Site
from tests.process.conftest import NewDoor
from tests.process.doors import Door
from tests.waiting import wait_for

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]


@pytest.fixture
def door(new_door: NewDoor) -> Iterator[Door]:
    """A door whose agent runs and knows the time."""
    made = new_door()
    made.start()
    wait_for(lambda: made.status()["clock"]["trust"] == "trusted", 20, "the lock to know the time")
    yield made


def reasons(door: Door) -> list[str]:
    return [row["detail"]["reason"] for row in door.rows() if row["kind"] == "access_denied"]


def hours_from(begins: datetime, ends: datetime) -> dict[str, Any]:
    """Hours of every day that are, today, between two instants."""
    days = [1, 2, 3, 4, 5, 6, 7]
    return {"weekly": [{"days": days, "from": f"{begins:%H:%M}", "to": f"{ends:%H:%M}"}], "zone": "UTC"}


def test_hours_holidays_and_the_switch_are_kept_by_the_lock(door: Door) -> None:
    now, hour = datetime.now(UTC), timedelta(hours=1)
    (inside,) = door.new_codes(1, wait=False, **hours_from(now - hour, now + 3 * hour))
    (outside,) = door.new_codes(1, wait=False, **hours_from(now + 3 * hour, now - 2 * hour))
    around = [(now + timedelta(days=day)).date().isoformat() for day in (-1, 0, 1)]
    holidays = [{"date": day, "rule": "deny"} for day in around]
    (holiday,) = door.new_codes(1, wait=False, zone="UTC", holidays=holidays)
    (disabled,) = door.new_codes(1, enabled=False)
    codes = (inside, outside, holiday, disabled)
    assert [door.opens(code.digits) for code in codes] == [True, False, False, False]
    assert reasons(door) == ["outside_schedule", "outside_schedule", "disabled"]
    wait_for(lambda: [event["reason"] for event in door.events() if "reason" in event] == reasons(door))


def test_an_end_after_the_first_use_survives_a_power_cut(door: Door) -> None:
    (code,) = door.new_codes(1, expires_after_first_use_s=3600, max_uses=2)
    assert door.opens(code.digits)
    door.kill()
    door.start()
    (listed,) = [each for each in door.ask("codes")["codes"] if each["uses"]]
    assert listed["over_at"] - listed["first_used_at"] == 3600
    assert abs(listed["first_used_at"] - time.time()) < 120
    assert [door.opens(code.digits), door.opens(code.digits)] == [True, False]
    assert reasons(door) == ["used_up"]


def test_complaint_60_duress_opens_as_ever_and_only_its_own_list_at_the_cloud_tells(
    door: Door, site: Site
) -> None:
    (code,) = door.new_codes(1, kind="duress")
    assert door.opens(code.digits)
    path = f"/locks/{door.device_id}/duress_events"
    (alarm,) = wait_for(lambda: site.cloud.get(path)["duress_events"], 20, "the alarm at the cloud")
    assert (alarm["event_type"], alarm["access_code_id"]) == ("lock.duress", code.access_code_id)
    kinds = {event["event_type"] for event in door.events()}
    assert ("lock.unlocked" in kinds, "lock.duress" in kinds) == (True, False)
    assert "duress" not in str(door.rows()) + str(door.ask("codes")) + door.log
