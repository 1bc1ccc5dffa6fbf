"""What clients are told: every event of the guide for what locks report, each exactly once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud_sim import access_codes
from cloud_sim.code_rules import Rules
from cloud_sim.seam import backup_pool
from tests.seam.silent_cloud import NOON, Cloud


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    made = Cloud(tmp_path / "cloud.db")
    yield made
    made.database.close()


def test_a_code_is_told_from_its_creation_to_its_deletion(cloud: Cloud) -> None:
    code = cloud.create(code="4711")
    assert cloud.told() == ["access_code.created"]
    cloud.confirm()
    assert cloud.told()[1:] == ["access_code.set_on_device"]
    cloud.delete(code)
    assert cloud.told()[2:] == []
    cloud.confirm()
    assert cloud.told()[2:] == ["access_code.removed_from_device", "access_code.deleted"]
    assert {event["access_code_id"] for event in cloud.events()} == {code}
    assert [event.get("code") for event in cloud.events()] == [None, "4711", None, "4711"]


def test_a_code_for_later_is_scheduled_first_and_removed_at_its_end(cloud: Cloud) -> None:
    cloud.create(starts_at=int(NOON) + 60, ends_at=int(NOON) + 120)
    cloud.confirm()
    assert cloud.told() == ["access_code.created", "access_code.scheduled_on_device"]
    assert cloud.wait(59)[2:] == []
    assert cloud.wait(1)[2:] == ["access_code.set_on_device"]
    assert cloud.wait(59)[3:] == []
    assert cloud.wait(1)[3:] == ["access_code.removed_from_device"]
    assert cloud.wait(3600)[4:] == []


def test_a_code_that_the_lock_never_held_is_not_told_to_be_removed(cloud: Cloud) -> None:
    code = cloud.create()
    cloud.delete(code)
    cloud.confirm()
    assert cloud.told() == ["access_code.created", "access_code.deleted"]


def test_a_code_that_ended_before_the_lock_heard_of_it_was_never_set(cloud: Cloud) -> None:
    cloud.create(ends_at=int(NOON) + 10)
    cloud.now += 20
    cloud.confirm()
    assert cloud.told() == ["access_code.created"]


def test_a_spent_code_is_told_to_be_removed(cloud: Cloud) -> None:
    code = cloud.create(is_one_time_use=True)
    cloud.confirm()
    cloud.told()
    cloud.report(("access_granted", {"access_code_id": code, "gen": 1, "keypad": "outside"}))
    assert cloud.told()[2:] == ["lock.unlocked", "access_code.removed_from_device"]


def test_a_code_that_is_used_at_once_is_still_told_to_be_set_first(cloud: Cloud) -> None:
    code = cloud.create(is_one_time_use=True)
    cloud.confirm()
    cloud.report(("access_granted", {"access_code_id": code, "gen": 1, "keypad": "outside"}))
    assert cloud.told()[:2] == ["access_code.created", "access_code.set_on_device"]
    assert cloud.told()[2:] == ["lock.unlocked", "access_code.removed_from_device"]


def test_a_code_that_expires_after_its_first_use_is_told_to_be_removed(cloud: Cloud) -> None:
    code = cloud.create(rules=Rules(expires_after_first_use_s=60))
    cloud.confirm()
    cloud.report(("access_granted", {"access_code_id": code, "gen": 1, "keypad": "outside"}))
    assert cloud.told()[2:] == ["lock.unlocked"]
    used_at = cloud.database.row("SELECT first_used_ms AS ms FROM reported_access_codes")
    assert used_at is not None
    assert cloud.wait(used_at["ms"] / 1000 + 59 - cloud.now)[3:] == []
    assert cloud.wait(2)[3:] == ["access_code.removed_from_device"]


def test_backup_codes_are_nobodys_until_one_is_pulled(cloud: Cloud) -> None:
    with cloud.database.transaction():
        backup_pool.turn_on(cloud.database, cloud.lock_id, cloud.now)
    cloud.confirm()
    assert cloud.told() == []
    original = access_codes.find(cloud.database, cloud.create(ends_at=int(NOON) + 600))
    assert original is not None
    with cloud.database.transaction():
        assert backup_pool.pull(cloud.database, original, cloud.now)
    cloud.confirm()
    pulled = [kind for kind in cloud.told() if kind != "access_code.created"]
    assert sorted(pulled) == ["access_code.backup_access_code_pulled", *["access_code.set_on_device"] * 2]


def test_new_digits_are_told_as_a_change_and_as_set_anew(cloud: Cloud) -> None:
    code = cloud.create(code="4711")
    cloud.confirm()
    cloud.told()
    cloud.database.run("UPDATE access_codes SET code = '0815', code_rev = 2, name = 'x'")
    cloud.confirm()
    assert cloud.told()[2:] == ["access_code.changed", "access_code.set_on_device"]
    changed = cloud.events()[2]["changed_properties"]
    assert changed == [
        {"property": "name", "from": None, "to": "x"},
        {"property": "code", "from": "4711", "to": "0815"},
    ]
    assert cloud.events()[3]["access_code_id"] == code


def test_a_code_that_the_lock_cannot_use_is_told_with_the_reason(cloud: Cloud) -> None:
    code = cloud.create()
    cloud.confirm()
    cloud.report(
        ("code_state", {"access_code_id": code, "gen": 1, "state": "unset", "errors": ["capacity_full"]})
    )
    assert cloud.told()[1:] == ["access_code.failed_to_set_on_device"]
    (error,) = cloud.events()[1]["access_code_errors"]
    assert error["error_code"] == "no_space_for_access_code_on_device"


def test_what_happens_at_the_door_is_told_with_code_and_reason(cloud: Cloud) -> None:
    code = cloud.create(code="4711")
    cloud.told()
    cloud.report(
        ("access_granted", {"access_code_id": code, "gen": 1, "keypad": "outside"}),
        ("relocked", {"why": "time"}),
        ("access_denied", {"reason": "expired", "access_code_id": code, "keypad": "outside"}),
    )
    assert cloud.told()[1:] == ["lock.unlocked", "lock.locked", "lock.access_denied"]
    unlocked, locked, denied = cloud.events()[1:]
    assert (unlocked["method"], unlocked["access_code_id"], unlocked["code"]) == ("keycode", code, "4711")
    assert locked["method"] == "automatic"
    assert denied["reason"]["reason_code"] == "expired_code"
    assert {(each["source"], each["keypad"]) for each in (unlocked, denied)} == {("keypad", "outside")}


def test_every_event_has_what_the_guide_requires(cloud: Cloud) -> None:
    cloud.create()
    cloud.confirm()
    cloud.status()
    cloud.report(("access_denied", {"reason": "unknown_code", "keypad": "outside"}), ("door_opened", {}))
    cloud.told()
    required = {"event_id", "event_type", "workspace_id", "connected_account_id", "device_id"}
    required |= {"created_at", "occurred_at"}
    assert all(required <= set(event) for event in cloud.events())


def test_a_case_that_is_opened_is_told_and_one_that_is_closed_is_not(cloud: Cloud) -> None:
    opened, closed = ({"unit": "outside", "is_tampered": is_open} for is_open in (True, False))
    cloud.report(("tamper", opened), ("tamper", closed))
    assert cloud.told() == ["device.tampered"]


def test_a_battery_that_is_nearly_empty_is_told_and_a_charged_one_is_not(cloud: Cloud) -> None:
    cloud.report(("battery_low", {}), ("battery_restored", {}))
    assert cloud.told() == ["device.low_battery"]


def test_kinds_nobody_knows_are_not_told(cloud: Cloud) -> None:
    cloud.report(("duress", {"sealed": "x"}), ("clock", {}), ("code_set_applied", {}))
    assert cloud.told() == []


def test_a_lock_that_is_silent_for_90_s_is_told_to_be_gone_once(cloud: Cloud) -> None:
    cloud.status()
    assert cloud.told() == ["device.connected"]
    cloud.status(online=False)
    assert cloud.wait(1)[1:] == []
    assert cloud.wait(89)[1:] == []
    assert cloud.wait(2)[1:] == ["device.disconnected"]
    assert cloud.wait(3600)[2:] == []
    cloud.status(sid="t")
    assert cloud.wait(1)[2:] == ["device.connected"]


def test_a_lock_that_is_back_within_90_s_was_never_gone(cloud: Cloud) -> None:
    cloud.status()
    for _ in range(5):
        cloud.status(online=False)
        cloud.wait(60)
        cloud.status()
        cloud.wait(60)
    assert cloud.told() == ["device.connected"]


def test_a_cloud_without_its_broker_tells_of_no_lock_that_it_is_gone(cloud: Cloud) -> None:
    cloud.status()
    cloud.told()
    cloud.is_listening = False
    assert cloud.wait(7200)[1:] == []
    cloud.is_listening = True
    cloud.status()
    assert cloud.wait(1)[1:] == []


def test_a_restart_tells_nothing_twice_and_forgets_nothing(cloud: Cloud) -> None:
    code = cloud.create(starts_at=int(NOON) + 60, ends_at=int(NOON) + 120)
    cloud.status()
    cloud.confirm()
    cloud.told()
    cloud.report(("access_denied", {"reason": "not_yet_valid", "keypad": "outside"}))
    cloud.now += 300
    cloud.restart()
    cloud.status()
    told = cloud.told()
    cloud.restart()
    assert cloud.told() == told
    assert sorted(told) == sorted(
        [
            "access_code.created",
            "access_code.scheduled_on_device",
            "device.connected",
            "lock.access_denied",
            "access_code.removed_from_device",
        ]
    )
    assert access_codes.find(cloud.database, code) is not None


def test_the_same_batch_of_the_journal_again_tells_nothing_again(cloud: Cloud) -> None:
    for _ in range(3):
        cloud.report(("door_opened", {}), ("door_closed", {}))
        assert cloud.told() == ["lock.door_opened", "lock.door_closed"]


def test_an_event_keeps_the_id_of_the_row_it_tells_of(cloud: Cloud) -> None:
    cloud.report(("door_opened", {}))
    cloud.told()
    row = cloud.database.row("SELECT json_extract(event, '$.event_id') AS event_id FROM events")
    assert row == {"event_id": cloud.events()[0]["event_id"]}


def test_complaint_22_the_removal_of_a_code_is_told_even_if_the_cloud_dies_over_it(cloud: Cloud) -> None:
    code = cloud.create()
    cloud.confirm()
    cloud.told()
    cloud.delete(code)
    cloud.restart()
    cloud.confirm()
    cloud.restart()  # the lock's word is stored, and we die before anything is told
    assert cloud.told()[2:] == ["access_code.removed_from_device", "access_code.deleted"]


def test_complaint_45_somebody_who_tries_codes_is_told(cloud: Cloud) -> None:
    wrong = ("access_denied", {"reason": "unknown_code", "keypad": "outside"})
    throttled = ("access_denied", {"reason": "throttled", "keypad": "outside"})
    cloud.report(wrong, throttled, ("throttle_alarm", {"length_class": "short", "failures": 20}))
    assert cloud.told() == ["lock.access_denied", "lock.access_denied", "lock.throttle_alarm"]
    tried, refused, alarm = cloud.events()
    reasons = [event["reason"]["reason_code"] for event in (tried, refused)]
    assert reasons == ["unknown_code", "too_many_attempts"]
    assert alarm["detail"] == {"length_class": "short", "failures": 20}
