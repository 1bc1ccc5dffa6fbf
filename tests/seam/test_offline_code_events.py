"""What is shown and told of an offline code from its creation to its end, each event once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.messages import Status
from cloud_sim import (
    offline_codes,
    offline_issuing,
    offline_revocation,
    offline_rotation,
    offline_setups,
    retention,
)
from cloud_sim import reported as reports
from cloud_sim.offline_issuing import WantedOfflineCode
from cloud_sim.offline_rotation import Rotated, WantedRotation
from cloud_sim.seam import code_view
from tests.cloud.device import EPOCH
from tests.seam.silent_cloud import NOON, Cloud
from tests.seam.test_guide_webhooks import listen, sent

KEY = {"kid": 1, "root": "5a" * 32}
START = NOON // 3600 * 3600
"""The full hour before noon."""
CREATED, ISSUED, SET, REMOVED = (
    f"access_code.{what}" for what in ("created", "issued", "set_on_device", "removed_from_device")
)


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    """Its lock has a setup and a journal, and is connected."""
    made = Cloud(tmp_path / "cloud.db")
    made.happens(("started", {}))
    offline_setups.replace(made.database, made.lock_id, {"keys": [KEY]})
    yield made
    made.database.close()


def lock_has(cloud: Cloud, rev: int) -> None:
    """The lock reports the revision of its setup."""
    reports.store_status(
        cloud.database, cloud.lock_id, Status(online=True, sid="s", offline_rev=rev), cloud.now
    )


def issue(cloud: Cloud, **wanted: Any) -> str:
    with cloud.database.transaction():
        made = offline_issuing.issue_code(
            cloud.database, cloud.lock_id, WantedOfflineCode(**wanted), cloud.now
        )
    assert isinstance(made, str), made
    return made


def shown(cloud: Cloud, access_code_id: str) -> dict[str, Any]:
    row = offline_codes.find(cloud.database, access_code_id)
    assert row is not None
    return code_view.access_code(cloud.database, row, cloud.now)


def status(cloud: Cloud, access_code_id: str) -> str:
    return str(shown(cloud, access_code_id)["status"])


def used(access_code_id: str) -> tuple[str, dict[str, Any]]:
    detail = {"access_code_id": access_code_id, "gen": 1, "keypad": "keypad", "method": "offline_code"}
    return "access_granted", detail


def connected(cloud: Cloud) -> list[str]:
    """Events but for those of the connection."""
    return [one for one in cloud.told() if not one.startswith("device.")]


def test_a_code_for_later_is_issued_at_once_and_set_when_its_time_comes(cloud: Cloud) -> None:
    lock_has(cloud, 1)
    code = issue(cloud, starts_s=START + 3600, ends_s=START + 3 * 3600)
    assert connected(cloud) == [CREATED, ISSUED]
    assert (status(cloud, code), shown(cloud, code)["is_scheduled_on_device"]) == ("unset", True)
    cloud.now = START + 3601
    assert connected(cloud)[2:] == [SET]
    assert status(cloud, code) == "set"
    cloud.now = START + 3 * 3600
    assert connected(cloud)[3:] == [REMOVED]
    assert status(cloud, code) == "unset"
    assert connected(cloud)[4:] == []


def test_a_lock_that_nobody_hears_of_for_a_week_opens_all_the_same(cloud: Cloud) -> None:
    lock_has(cloud, 1)
    cloud.told()
    cloud.wait(7 * 86_400)
    cloud.wait(90)
    code = issue(cloud, is_one_time_use=True)
    assert status(cloud, code) == "set"
    assert [error["error_code"] for error in shown(cloud, code)["errors"]] == ["device_disconnected"]


def test_it_is_set_once_the_lock_has_its_keys(cloud: Cloud) -> None:
    code = issue(cloud, is_one_time_use=True)
    assert (status(cloud, code), connected(cloud)) == ("setting", [CREATED])
    cloud.now += 900
    assert "failed_to_issue" in [error["error_code"] for error in shown(cloud, code)["errors"]]
    lock_has(cloud, 1)
    assert (status(cloud, code), connected(cloud)) == ("set", [CREATED, ISSUED, SET])


def test_a_lock_whose_journal_is_not_known_refuses_codes_and_is_not_called_ready(cloud: Cloud) -> None:
    lock_has(cloud, 1)
    code = issue(cloud, is_one_time_use=True)
    assert status(cloud, code) == "set"
    cloud.database.run("UPDATE offline_setups SET journal_epoch = 'another'")
    assert status(cloud, code) == "setting"
    offline_setups.replace(cloud.database, cloud.lock_id, {"keys": [KEY], "journal_epoch": EPOCH})
    assert status(cloud, code) == "setting"
    lock_has(cloud, 2)
    assert status(cloud, code) == "set"


def test_what_is_told_to_a_lock_of_others_leaves_a_code_as_it_is(cloud: Cloud) -> None:
    lock_has(cloud, 1)
    technicians = [{"slot": 42, "secret": "MFRGGZDFMZTWQ2LKNNWG23TPOBYXE43U"}]
    offline_setups.replace(cloud.database, cloud.lock_id, {"keys": [KEY], "technicians": technicians})
    assert status(cloud, issue(cloud, is_one_time_use=True)) == "set"
    later = {"kid": 2, "root": "6b" * 32, "first_slot": 10**6}
    offline_setups.replace(cloud.database, cloud.lock_id, {"keys": [KEY | {"last_slot": 10**6 - 1}, later]})
    assert status(cloud, issue(cloud, is_one_time_use=True)) == "set"
    offline_setups.replace(cloud.database, cloud.lock_id, {"keys": [KEY | {"policy": {"serials": 2}}, later]})
    assert status(cloud, issue(cloud, is_one_time_use=True)) == "setting"


def test_an_opening_names_the_code_and_its_digits_after_it_was_set(cloud: Cloud) -> None:
    lock_has(cloud, 1)
    code = issue(cloud, is_one_time_use=True)
    cloud.happens(used(code))
    assert connected(cloud) == [CREATED, ISSUED, SET, "lock.unlocked", REMOVED]
    opening = next(event for event in cloud.events() if event["event_type"] == "lock.unlocked")
    assert (opening["access_code_id"], opening["access_code_is_managed"]) == (code, True)
    assert opening["code"] == shown(cloud, code)["code"]
    assert status(cloud, code) == "unset"


def test_nothing_of_it_is_told_twice_after_a_restart(cloud: Cloud) -> None:
    lock_has(cloud, 1)
    cloud.happens(used(issue(cloud, is_one_time_use=True)))
    told = connected(cloud)
    cloud.restart()
    cloud.now += 1
    assert connected(cloud) == told


def test_a_code_that_was_not_used_in_time_is_over_once_the_lock_has_told_of_that_time(cloud: Cloud) -> None:
    lock_has(cloud, 1)
    code = issue(cloud, starts_s=START, ends_s=START + 5 * 86_400)
    cloud.now = START + 2 * 86_400
    assert status(cloud, code) == "set", "it may have been used"
    cloud.database.run(
        "UPDATE events SET event = json_set(event, '$.occurred_at', '2040-01-01T00:00:00.000Z')"
    )
    assert status(cloud, code) == "unset"


def test_a_used_code_is_warned_of_no_more(cloud: Cloud) -> None:
    lock_has(cloud, 1)
    code = issue(cloud, starts_s=START, ends_s=START + 5 * 86_400)
    assert len(shown(cloud, code)["warnings"]) == 1
    cloud.happens(used(code))
    assert shown(cloud, code)["warnings"] == []
    cloud.now = START + 2 * 86_400
    assert status(cloud, code) == "set"


def test_a_revoked_code_is_removing_until_the_lock_knows(cloud: Cloud) -> None:
    lock_has(cloud, 1)
    code = issue(cloud, is_one_time_use=True)
    connected(cloud)
    row = offline_codes.find(cloud.database, code)
    assert row is not None
    with cloud.database.transaction():
        offline_revocation.revoke(cloud.database, row, cloud.now)
    assert status(cloud, code) == "removing"
    cloud.now += 60
    warnings = [each["warning_code"] for each in shown(cloud, code)["warnings"]]
    assert warnings == ["being_deleted", "delay_in_removing_from_device"]
    assert REMOVED not in connected(cloud)
    lock_has(cloud, 2)
    cloud.now += 1
    assert (status(cloud, code), connected(cloud)[-1]) == ("unset", REMOVED)
    assert [error["error_code"] for error in shown(cloud, code)["errors"]] == ["access_code_inactive"]


def test_a_code_that_somebody_cancelled_at_the_door_is_over(cloud: Cloud) -> None:
    lock_has(cloud, 1)
    early, late = (
        issue(cloud, starts_s=START, ends_s=START + 9 * 3600),
        issue(cloud, starts_s=START + 3600, ends_s=START + 9 * 3600),
    )
    slot = (offline_codes.find(cloud.database, late) or {})["slot"]
    cloud.happens(("offline_codes_cancelled", {"kid": 1, "issuer": 0, "slot": slot, "q": 4095}))
    cloud.now = START + 3600
    assert (status(cloud, early), status(cloud, late)) == ("unset", "set")


def test_codes_of_a_key_that_goes_are_over_unless_they_were_used(cloud: Cloud) -> None:
    lock_has(cloud, 1)
    fresh, spent = (issue(cloud, starts_s=START, ends_s=START + 9 * 3600) for _ in range(2))
    cloud.happens(used(spent))
    offline_setups.replace(cloud.database, cloud.lock_id, {"keys": [KEY | {"kid": 2}]})
    offline_revocation.give_up_unreadable(cloud.database, cloud.lock_id, cloud.now)
    assert (status(cloud, fresh), status(cloud, spent)) == ("removing", "set")
    lock_has(cloud, 2)
    assert (status(cloud, fresh), status(cloud, spent)) == ("unset", "set")


@pytest.mark.parametrize("revokes_used", [False, True])
def test_what_ends_with_its_root_is_told_and_says_why(cloud: Cloud, revokes_used: bool) -> None:
    lock_has(cloud, 1)
    listen(cloud)
    fresh, spent = (issue(cloud, starts_s=START, ends_s=START + 9 * 3600) for _ in range(2))
    cloud.happens(used(spent))
    cloud.told()
    wanted = WantedRotation(when="now", revokes_used=revokes_used)
    with cloud.database.transaction():
        done = offline_rotation.rotate(cloud.database, cloud.lock_id, wanted, cloud.now)
    assert isinstance(done, Rotated)
    assert (status(cloud, fresh), status(cloud, spent)) == ("removing", "removing" if revokes_used else "set")
    lock_has(cloud, done.rev)
    cloud.now += 1
    told = connected(cloud)
    over = [fresh, spent] if revokes_used else [fresh]
    assert told.count(REMOVED) == len(over)
    gone = [one for one in of_codes(cloud) if one["event_type"] == "access_code.deleted"]
    assert [one["data"]["access_code"]["access_code_id"] for one in gone] == over
    for code in over:
        [error] = shown(cloud, code)["errors"]
        assert (error["error_code"], "key" in error["message"]) == ("access_code_inactive", True)


def test_a_code_is_forgotten_with_the_events_of_its_time(cloud: Cloud) -> None:
    lock_has(cloud, 1)
    issue(cloud, is_one_time_use=True)
    cloud.now = START + 86_400 + 10 * 86_400
    connected(cloud)
    retention.forget_some(cloud.database, 11, cloud.now)
    assert len(offline_codes.of_lock(cloud.database, cloud.lock_id)) == 1
    retention.forget_some(cloud.database, 9, cloud.now)
    assert offline_codes.of_lock(cloud.database, cloud.lock_id) == []


def test_webhooks_of_the_device_cloud_hear_of_it_too(cloud: Cloud) -> None:
    lock_has(cloud, 1)
    listen(cloud)
    code = issue(cloud, starts_s=START, ends_s=START + 9 * 3600)
    cloud.told()
    cloud.happens(used(code))
    created, opened = of_codes(cloud)
    assert (created["event_type"], opened["event_type"]) == ("access_code.created", "access_code.used")
    assert created["data"]["access_code"]["is_offline_access_code"] is True
    assert opened["data"]["access_code_id"] == code
    row = offline_codes.find(cloud.database, code)
    assert row is not None
    with cloud.database.transaction():
        offline_revocation.revoke(cloud.database, row, cloud.now)
    lock_has(cloud, 2)
    cloud.now += 1
    assert [one["event_type"] for one in of_codes(cloud)] == ["access_code.deleted"]


def of_codes(cloud: Cloud) -> list[dict[str, Any]]:
    """What webhooks of the device cloud are sent from here on, but for the connection."""
    return [one for one in sent(cloud) if one["event_type"].startswith("access_code.")]


def test_it_takes_no_place_in_the_set_of_the_lock(cloud: Cloud) -> None:
    before = cloud.database.rows("SELECT head_rev FROM locks")
    issue(cloud, is_one_time_use=True)
    assert cloud.database.rows("SELECT head_rev FROM locks") == before
    assert cloud.database.rows("SELECT * FROM access_codes") == []
