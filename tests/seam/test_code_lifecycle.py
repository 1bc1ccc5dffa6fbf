"""An access code's status, errors, warnings and mutations, true at every moment of its life."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloud_sim.access_codes import Taken
from tests.seam.lifecycle import DAY_S, change, codes_of, row, shown, status
from tests.seam.silent_cloud import NOON, Cloud

START, END = int(NOON) + 3600, int(NOON) + 7200


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    made = Cloud(tmp_path / "cloud.db")
    made.status()
    made.confirm()
    yield made
    made.database.close()


def refuse(cloud: Cloud, access_code_id: str, error: str) -> None:
    detail = {"access_code_id": access_code_id, "gen": 1, "state": "unset", "errors": [error]}
    cloud.report(("code_state", detail))


def test_an_ongoing_code_is_setting_until_the_lock_holds_it(cloud: Cloud) -> None:
    code = cloud.create(code="4711")
    assert (status(cloud, code), codes_of(shown(cloud, code)["pending_mutations"])) == (
        "setting",
        ["creating"],
    )
    cloud.confirm()
    assert (status(cloud, code), shown(cloud, code)["pending_mutations"]) == ("set", [])
    assert not shown(cloud, code)["is_scheduled_on_device"]


def test_a_code_for_later_is_unset_and_scheduled_then_set_then_unset(cloud: Cloud) -> None:
    code = cloud.create(starts_at=START, ends_at=END)
    assert (status(cloud, code), shown(cloud, code)["is_scheduled_on_device"]) == ("unset", False)
    cloud.confirm()
    assert (status(cloud, code), shown(cloud, code)["is_scheduled_on_device"]) == ("unset", True)
    cloud.now = START
    assert status(cloud, code) == "set"
    cloud.now = END
    assert (status(cloud, code), shown(cloud, code)["is_scheduled_on_device"]) == ("unset", False)


def test_a_code_whose_time_has_come_and_that_the_lock_lacks_is_setting(cloud: Cloud) -> None:
    code = cloud.create(starts_at=START, ends_at=END)
    cloud.now = START
    assert status(cloud, code) == "setting"


def test_a_spent_code_is_unset(cloud: Cloud) -> None:
    code = cloud.create(is_one_time_use=True)
    cloud.confirm()
    assert (status(cloud, code), shown(cloud, code)["is_one_time_use"]) == ("set", True)
    cloud.report(("access_granted", {"access_code_id": code, "gen": 1, "keypad": "outside"}))
    assert status(cloud, code) == "unset"


def test_a_deletion_is_removing_until_the_lock_confirms(cloud: Cloud) -> None:
    code = cloud.create()
    cloud.confirm()
    cloud.delete(code)
    view = shown(cloud, code)
    assert (view["status"], codes_of(view["pending_mutations"])) == ("removing", ["deleting"])
    assert codes_of(view["warnings"]) == ["being_deleted"]
    cloud.wait(60)
    assert "delay_in_removing_from_device" in codes_of(shown(cloud, code)["warnings"])


def test_nothing_is_known_of_a_lock_that_was_silent_for_three_days(cloud: Cloud) -> None:
    code = cloud.create()
    cloud.confirm()
    cloud.now += 3 * DAY_S
    assert status(cloud, code) == "set"
    cloud.now += 1
    assert status(cloud, code) == "unknown"


def test_a_lock_that_is_away_is_an_error_of_its_codes_until_it_is_back(cloud: Cloud) -> None:
    code = cloud.create()
    cloud.confirm()
    cloud.told()
    cloud.status(online=False)
    cloud.wait(89)
    assert shown(cloud, code)["errors"] == []
    cloud.wait(91)
    [error] = shown(cloud, code)["errors"]
    assert (error["error_code"], error["is_device_error"]) == ("device_disconnected", True)
    cloud.status()
    cloud.wait(1)
    assert (shown(cloud, code)["errors"], status(cloud, code)) == ([], "set")


@pytest.mark.parametrize(
    ("reported", "error_code"),
    [
        ("duplicate_code", "duplicate_code_on_device"),
        ("capacity_full", "no_space_for_access_code_on_device"),
        ("digits_not_on_keypad", "code_constraints_violated"),
        ("code_length", "code_constraints_violated"),
        ("storage_error", "failed_to_set_on_device"),
        ("something_new", "failed_to_set_on_device"),
    ],
)
def test_what_the_lock_refuses_is_an_error_of_the_code(cloud: Cloud, reported: str, error_code: str) -> None:
    code = cloud.create()
    refuse(cloud, code, reported)
    cloud.confirm()
    view = shown(cloud, code)
    assert (view["status"], codes_of(view["errors"])) == ("setting", [error_code])
    assert view["errors"][0]["is_access_code_error"] is True


def test_a_length_that_the_door_does_not_take_is_known_before_the_lock_says_so(cloud: Cloud) -> None:
    code = cloud.create(code="123456789")
    assert codes_of(shown(cloud, code)["errors"]) == ["code_constraints_violated"]
    refuse(cloud, code, "code_length")
    cloud.confirm()
    assert codes_of(shown(cloud, code)["errors"]) == ["code_constraints_violated"]


def test_a_change_that_the_lock_does_not_confirm_for_a_minute_is_late(cloud: Cloud) -> None:
    code = cloud.create()
    assert shown(cloud, code)["warnings"] == []
    cloud.wait(60)
    assert codes_of(shown(cloud, code)["warnings"]) == ["delay_in_setting_on_device"]
    cloud.confirm()
    assert shown(cloud, code)["warnings"] == []


def test_new_digits_are_set_again_once_the_lock_has_them(cloud: Cloud) -> None:
    code = cloud.create(code="4711")
    cloud.confirm()
    change(cloud, code, code="4712")
    view = shown(cloud, code)
    [mutation] = view["pending_mutations"]
    assert (view["status"], mutation["mutation_code"]) == ("setting", "updating_code")
    assert (mutation["from"], mutation["to"]) == ({"code": "4711"}, {"code": "4712"})
    assert row(cloud, code)["code_rev"] == 2
    cloud.confirm()
    assert (status(cloud, code), shown(cloud, code)["pending_mutations"]) == ("set", [])


def test_a_code_that_opens_before_and_after_a_new_window_stays_set(cloud: Cloud) -> None:
    code = cloud.create(starts_at=int(NOON), ends_at=END)
    cloud.confirm()
    change(cloud, code, ends_at=END + 60)
    view = shown(cloud, code)
    [mutation] = view["pending_mutations"]
    assert (view["status"], mutation["mutation_code"]) == ("set", "updating_time_frame")
    assert mutation["from"]["ends_at"] < mutation["to"]["ends_at"]


def test_two_changes_on_their_way_are_told_from_what_the_lock_holds(cloud: Cloud) -> None:
    code = cloud.create(code="4711")
    cloud.confirm()
    change(cloud, code, code="4712")
    change(cloud, code, code="4713")
    [mutation] = shown(cloud, code)["pending_mutations"]
    assert (mutation["from"], mutation["to"]) == ({"code": "4711"}, {"code": "4713"})


def test_a_new_name_is_no_business_of_the_lock(cloud: Cloud) -> None:
    code = cloud.create(name="Old")
    cloud.confirm()
    rev = row(cloud, code)["changed_rev"]
    change(cloud, code, name="New")
    view = shown(cloud, code)
    assert (view["status"], view["pending_mutations"], view["appearance"]) == ("set", [], {"name": "New"})
    assert row(cloud, code)["changed_rev"] == rev


def test_an_ended_code_that_is_given_more_time_opens_again(cloud: Cloud) -> None:
    code = cloud.create(code="4711", starts_at=int(NOON), ends_at=START)
    cloud.now += 3 * DAY_S
    cloud.create()  # takes what ended long ago out of the set
    assert row(cloud, code)["is_in_set"] == 0
    change(cloud, code, ends_at=int(cloud.now) + 60)
    cloud.status()
    cloud.confirm()
    assert (row(cloud, code)["is_in_set"], status(cloud, code)) == (1, "set")


def test_a_change_that_leaves_an_ended_code_ended_does_not_reach_the_lock(cloud: Cloud) -> None:
    code = cloud.create(code="4711", ends_at=START)
    cloud.now += 3 * DAY_S
    cloud.create()  # takes what ended long ago out of the set
    rev = row(cloud, code)["changed_rev"]
    change(cloud, code, code="4712")
    now = row(cloud, code)
    assert (now["code"], now["is_in_set"], now["changed_rev"]) == ("4712", 0, rev)


def test_an_ended_code_does_not_come_back_with_the_digits_of_another(cloud: Cloud) -> None:
    old = cloud.create(code="4711", ends_at=START)
    cloud.now = START
    new = cloud.create(code="4711")
    assert change(cloud, old, ends_at=END) == Taken(new)


def test_digits_of_an_ended_code_can_be_taken_over_by_an_update(cloud: Cloud) -> None:
    old, new = cloud.create(code="4711", ends_at=START), cloud.create(code="4712")
    cloud.now = START
    assert change(cloud, new, code="4711") is None
    assert (row(cloud, old)["is_in_set"], row(cloud, new)["code"]) == (0, "4711")
    cloud.confirm()
    assert status(cloud, new) == "set"


def test_an_update_of_nothing_is_no_new_revision(cloud: Cloud) -> None:
    code = cloud.create(code="4711", name="Guest")
    before: dict[str, Any] = row(cloud, code)
    change(cloud, code, code="4711", name="Guest", starts_at=None)
    assert row(cloud, code) == before
