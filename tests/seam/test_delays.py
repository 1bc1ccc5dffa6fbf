"""Changes that a lock does not confirm: what the code shows, and what is told of it, each once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloud_sim import access_codes, code_updates
from cloud_sim.answers import iso
from cloud_sim.seam import backup_pool, code_delays, code_view
from tests.seam.silent_cloud import NOON, Cloud

MINUTE, QUARTER = 60, 900


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    made = Cloud(tmp_path / "cloud.db")
    made.status()
    yield made
    made.database.close()


def view(cloud: Cloud, access_code_id: str) -> dict[str, Any]:
    row = access_codes.find(cloud.database, access_code_id)
    assert row is not None
    return code_view.access_code(cloud.database, row, cloud.now)


def issues(cloud: Cloud, access_code_id: str) -> tuple[list[str], list[str]]:
    """(errors of the code itself, warnings)."""
    shown = view(cloud, access_code_id)
    errors = [each["error_code"] for each in shown["errors"] if each.get("is_access_code_error")]
    return errors, [each["warning_code"] for each in shown["warnings"]]


def change(cloud: Cloud, access_code_id: str, **values: Any) -> None:
    row = access_codes.find(cloud.database, access_code_id)
    assert row is not None
    with cloud.database.transaction():
        assert code_updates.update(cloud.database, row, values, cloud.now) is None


def delays(cloud: Cloud) -> list[str]:
    """What is told beyond the ordinary life of a code."""
    cloud.told()
    return [
        event["event_type"]
        for event in cloud.events()
        if event["event_type"] in code_delays.EVENT_TYPES.values()
    ]


def later(cloud: Cloud, seconds: float) -> list[str]:
    """Time passes, and the lock goes on saying how it is."""
    cloud.now += seconds
    cloud.status()
    return delays(cloud)


def test_a_new_code_is_late_after_a_minute_and_not_issued_after_a_quarter_of_an_hour(cloud: Cloud) -> None:
    code = cloud.create()
    assert later(cloud, MINUTE - 1) == []
    assert issues(cloud, code) == ([], [])
    assert later(cloud, 1) == ["access_code.delay_in_setting_on_device"]
    assert issues(cloud, code) == ([], ["delay_in_setting_on_device"])
    assert later(cloud, QUARTER - MINUTE - 1) == ["access_code.delay_in_setting_on_device"]
    assert later(cloud, 1)[1:] == ["access_code.failed_to_issue"]
    assert issues(cloud, code) == (["failed_to_issue"], ["delay_in_setting_on_device"])
    assert view(cloud, code)["errors"][0]["created_at"] == iso(NOON + QUARTER)
    cloud.confirm()
    assert later(cloud, 3600)[2:] == []
    assert issues(cloud, code) == ([], [])


def test_a_code_for_later_is_not_issued_a_quarter_of_an_hour_after_its_start(cloud: Cloud) -> None:
    code = cloud.create(starts_at=int(NOON) + 3600, ends_at=int(NOON) + 9000)
    assert later(cloud, 3600 + QUARTER - 1) == ["access_code.delay_in_setting_on_device"]
    assert issues(cloud, code)[0] == []
    assert later(cloud, 1)[1:] == ["access_code.failed_to_issue"]
    assert issues(cloud, code)[0] == ["failed_to_issue"]


def test_a_change_that_does_not_arrive_is_late_then_failed_and_the_next_one_anew(cloud: Cloud) -> None:
    code = cloud.create(code="4711")
    cloud.confirm()
    cloud.told()
    change(cloud, code, ends_at=int(NOON) + 9000)
    assert later(cloud, QUARTER) == ["access_code.delay_in_setting_on_device", "access_code.failed_to_update"]
    assert issues(cloud, code) == (["failed_to_update"], ["delay_in_setting_on_device"])
    change(cloud, code, code="0815")
    assert issues(cloud, code) == ([], [])
    assert later(cloud, MINUTE)[2:] == ["access_code.delay_in_setting_on_device"]


def test_a_deletion_that_is_not_confirmed_is_late_then_failed(cloud: Cloud) -> None:
    code = cloud.create()
    cloud.confirm()
    cloud.told()
    cloud.delete(code)
    assert later(cloud, MINUTE) == ["access_code.delay_in_removing_from_device"]
    assert issues(cloud, code) == ([], ["being_deleted", "delay_in_removing_from_device"])
    assert later(cloud, QUARTER - MINUTE)[1:] == ["access_code.failed_to_remove_from_device"]
    assert issues(cloud, code)[0] == ["failed_to_remove_from_device"]
    cloud.confirm()
    assert later(cloud, 3600)[2:] == []


def test_each_is_told_once_also_over_restarts_and_a_clock_set_back(cloud: Cloud) -> None:
    cloud.create()
    told = later(cloud, QUARTER)
    assert len(told) == 2
    for _ in range(3):
        cloud.restart()
        assert later(cloud, 10) == told
    cloud.now -= 300
    assert later(cloud, 1) == told


def test_an_event_says_what_the_code_shows(cloud: Cloud) -> None:
    code = cloud.create()
    later(cloud, QUARTER)
    event = cloud.events()[-1]
    shown = view(cloud, code)
    assert event["event_type"] == "access_code.failed_to_issue"
    assert event["access_code_errors"] == shown["errors"]
    assert event["access_code_warnings"] == shown["warnings"]
    assert event["occurred_at"] == shown["errors"][0]["created_at"]


def test_a_lock_that_goes_puts_its_error_on_each_code_and_takes_it_away_when_it_is_back(cloud: Cloud) -> None:
    code = cloud.create()
    cloud.confirm()
    cloud.told()
    cloud.status(online=False)
    cloud.wait(1)
    cloud.wait(91)
    (error,) = view(cloud, code)["errors"]
    assert (error["error_code"], error["is_device_error"]) == ("device_disconnected", True)
    assert error["created_at"]
    cloud.now += 1
    cloud.status(sid="next")
    assert view(cloud, code)["errors"] == []


def test_nobody_is_told_of_codes_of_the_pool(cloud: Cloud) -> None:
    with cloud.database.transaction():
        backup_pool.turn_on(cloud.database, cloud.lock_id, cloud.now)
    assert later(cloud, 2 * QUARTER) == []


def test_more_than_fits_in_one_turn_is_told_in_the_next(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(code_delays, "AT_ONCE", 3)
    for _ in range(8):
        cloud.create()
    cloud.told()
    cloud.now += MINUTE
    counts = [len(delays(cloud)) for _ in range(4)]
    assert counts == [3, 6, 8, 8]


def test_every_request_to_a_lock_is_told_as_what_it_is(cloud: Cloud) -> None:
    code = cloud.create(code="4711", name="Anna")
    cloud.confirm()
    cloud.told()
    change(cloud, code, code="0815", name="Ben", ends_at=int(NOON) + 600)
    cloud.confirm()
    cloud.delete(code)
    cloud.told()
    told = [event for event in cloud.all_events() if event not in cloud.events()]
    assert [event["event_type"].removeprefix("access_code.") for event in told] == [
        "mutations_requested",
        "name_changed",
        "code_changed",
        "time_frame_changed",
        "mutations_requested",
        "mutations_requested",
    ]
    assert (told[1]["from"], told[1]["to"]) == ({"name": "Anna"}, {"name": "Ben"})
    assert (told[2]["from"], told[2]["to"]) == ({"code": "4711"}, {"code": "0815"})
    assert told[3]["to"]["ends_at"] == view(cloud, code)["ends_at"]
    assert all(event["description"] for event in told[1:4])
    requested = [each["mutation_code"] for event in told for each in event.get("requested_mutations", ())]
    assert requested == ["creating", "updating_code", "updating_time_frame", "deleting"]


def test_a_new_name_asks_nothing_of_the_lock(cloud: Cloud) -> None:
    code = cloud.create(name="Anna")
    before = len(cloud.told()) + 1
    change(cloud, code, name="Ben")
    cloud.told()
    told = [event["event_type"] for event in cloud.all_events()][before:]
    assert told == ["access_code.changed", "access_code.name_changed"]
