"""Offline codes through the Seam API: issued without the lock, seen like any code, and never changed."""

import json
import time
from typing import Any

import pytest
from seam.exceptions import SeamHttpApiError
from seam.seam import Seam

from tests.cloud.site import Answer, CloudProcess
from tests.docs.pages import page
from tests.seam.raw import Raw
from tests.seam.test_code_errors import refused
from tests.seam.test_code_object import SEED

KEY = {"kid": 1, "root": "5a" * 32}


def put_setup(cloud: CloudProcess, device_id: str, **fields: Any) -> Answer:
    headers = {"Content-Type": "application/json"}
    path = f"/locks/{device_id}/offline_setup"
    return cloud.api.send("PUT", path, json.dumps({"keys": [KEY]} | fields).encode(), headers)


@pytest.fixture
def lock(quiet_cloud: CloudProcess, device_id: str) -> str:
    """A lock with a setup, which it has not heard of."""
    assert put_setup(quiet_cloud, device_id).status == 200
    return device_id


@pytest.fixture
def seam(raw: Raw) -> Any:
    """The real SDK."""
    return Seam(api_key=raw.key, endpoint=raw.base_url)


def hours(from_now: float) -> str:
    """A full hour."""
    at = time.time() // 3600 * 3600 + from_now * 3600
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(at))


def test_a_code_is_issued_with_its_digits_and_the_window_they_say(seam: Any, raw: Raw, lock: str) -> None:
    code = seam.access_codes.create(
        device_id=lock, name="Guest", starts_at=hours(1), ends_at=hours(49), is_offline_access_code=True
    )
    assert (code.starts_at, code.ends_at, code.type) == (hours(1), hours(49), "time_bound")
    assert len(code.code) == 10 and code.code.isdigit()
    assert (code.is_offline_access_code, code.is_one_time_use, code.status) == (True, False, "unset")
    [warning] = code.warnings
    assert warning.warning_code == "offline_access_code_must_be_used_in_time"
    assert hours(25) in warning.message
    got = raw.post("/access_codes/get", access_code_id=code.access_code_id).body["access_code"]
    assert set(got) == SEED
    assert got == raw.post("/access_codes/get", device_id=lock, code=code.code).body["access_code"]


def test_the_creation_is_done_at_once_whether_the_lock_is_there_or_not(raw: Raw, lock: str) -> None:
    before = hours(0)
    answer = raw.post(
        "/access_codes/create",
        device_id=lock,
        use_offline_access_code=True,
        is_one_time_use=True,
        attempt_for_offline_device=False,
    ).body
    code, attempt = answer["access_code"], answer["action_attempt"]
    assert (attempt["status"], attempt["action_type"]) == ("success", "CREATE_ACCESS_CODE")
    assert attempt["result"]["access_code"]["access_code_id"] == code["access_code_id"]
    again = raw.post("/action_attempts/get", action_attempt_id=attempt["action_attempt_id"]).body
    assert again["action_attempt"]["status"] == "success"
    assert code["is_one_time_use"] is True
    assert before <= code["starts_at"] <= hours(0)


def test_a_lock_that_lacks_its_keys_is_not_called_ready(raw: Raw, lock: str) -> None:
    made = raw.post("/access_codes/create", device_id=lock, is_offline_access_code=True, is_one_time_use=True)
    code = made.body["access_code"]
    assert code["status"] == "setting"
    assert [each["mutation_code"] for each in code["pending_mutations"]] == ["creating"]


def test_it_is_listed_among_the_others_page_by_page_and_found_by_a_search(raw: Raw, lock: str) -> None:
    offline = {"is_offline_access_code": True, "is_one_time_use": True}
    names = ["first", "second", "third", "fourth"]
    for place, name in enumerate(names):
        raw.post("/access_codes/create", device_id=lock, name=name, **(offline if place % 2 else {}))
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        body = raw.post("/access_codes/list", device_id=lock, limit=1, **cursor).body
        seen += [code["name"] for code in body["access_codes"]]
        if not body["pagination"]["has_next_page"]:
            break
        cursor = {"page_cursor": body["pagination"]["next_page_cursor"]}
    assert sorted(seen) == sorted(names)
    found = raw.post("/access_codes/list", device_id=lock, search="FOURTH").body["access_codes"]
    assert [(code["name"], code["is_offline_access_code"]) for code in found] == [("fourth", True)]
    assert raw.post("/access_codes/unmanaged/list", device_id=lock).body["access_codes"] == []


def test_several_devices_get_a_code_each_if_that_is_allowed(
    raw: Raw, quiet_cloud: CloudProcess, lock: str
) -> None:
    other = quiet_cloud.api.new_lock()
    put_setup(quiet_cloud, other)
    wanted = {"device_ids": [lock, other], "is_offline_access_code": True, "is_one_time_use": True}
    refused(raw.post("/access_codes/create_multiple", **wanted), 400, "offline_access_codes_cannot_be_shared")
    allowed = {"behavior_when_code_cannot_be_shared": "create_random_code"}
    codes = raw.post("/access_codes/create_multiple", **wanted, **allowed).body["access_codes"]
    assert [code["device_id"] for code in codes] == [lock, other]
    assert len({code["code"] for code in codes}) == 2
    assert [code["common_code_key"] for code in codes] == [None, None]


def test_all_devices_get_one_or_none_does(raw: Raw, quiet_cloud: CloudProcess, lock: str) -> None:
    bare = quiet_cloud.api.new_lock()
    answer = raw.post(
        "/access_codes/create_multiple",
        device_ids=[lock, bare],
        is_offline_access_code=True,
        is_one_time_use=True,
        behavior_when_code_cannot_be_shared="create_random_code",
    )
    refused(answer, 400, "offline_access_codes_not_supported")
    assert raw.post("/access_codes/list", device_id=lock).body["access_codes"] == []


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"code": "4711"}, "code"),
        ({"common_code_key": "ours"}, "common_code_key"),
        ({"use_backup_access_code_pool": True}, "use_backup_access_code_pool"),
        ({"use_offline_access_code": False}, "use_offline_access_code"),
        ({"starts_at": hours(2)}, "ends_at"),
        ({"ends_at": hours(2)}, "starts_at"),
        ({"starts_at": hours(1), "ends_at": hours(41 * 24 + 3)}, "max_time_rounding"),
        ({"max_time_rounding": "1week"}, "max_time_rounding"),
    ],
)
def test_what_no_offline_code_can_be_is_refused_by_its_field(
    raw: Raw, lock: str, fields: dict[str, Any], field: str
) -> None:
    answer = raw.post("/access_codes/create", device_id=lock, is_offline_access_code=True, **fields)
    assert field in refused(answer, 400, "invalid_input")["validation_errors"]
    assert raw.post("/access_codes/list", device_id=lock).body["access_codes"] == []


def test_a_day_of_rounding_is_taken_where_it_is_allowed(raw: Raw, lock: str) -> None:
    answer = raw.post(
        "/access_codes/create",
        device_id=lock,
        is_offline_access_code=True,
        starts_at=hours(1),
        ends_at=hours(40 * 24 + 4),
        max_time_rounding="1d",
    )
    assert answer.body["access_code"]["ends_at"] == hours(41 * 24 + 1)


def test_when_all_are_issued_it_says_so(raw: Raw, lock: str) -> None:
    def once() -> Answer:
        return raw.post(
            "/access_codes/create",
            device_id=lock,
            is_offline_access_code=True,
            is_one_time_use=True,
            starts_at=hours(9),
        )

    assert {once().status for _ in range(48)} == {200}
    refused(once(), 400, "no_offline_access_code_left")


def test_it_cannot_be_changed_and_not_deleted_and_needs_no_backup(seam: Any, lock: str) -> None:
    code = seam.access_codes.create(device_id=lock, is_offline_access_code=True, is_one_time_use=True)
    about = {"access_code_id": code.access_code_id}
    for ask, fields, error in (
        (seam.access_codes.update, {"name": "Other"}, "offline_access_code_cannot_be_updated"),
        (seam.access_codes.delete, {}, "offline_access_code_cannot_be_deleted"),
        (seam.access_codes.pull_backup_access_code, {}, "no_backup_access_code_available"),
    ):
        with pytest.raises(SeamHttpApiError) as failed:
            ask(**about, **fields)
        assert failed.value.code == error
    assert seam.access_codes.get(**about).code == code.code


def test_another_code_does_not_become_one(raw: Raw, lock: str) -> None:
    code = raw.post("/access_codes/create", device_id=lock).body["access_code"]
    answer = raw.post(
        "/access_codes/update", access_code_id=code["access_code_id"], is_offline_access_code=True
    )
    assert "is_offline_access_code" in refused(answer, 400, "invalid_input")["validation_errors"]


def test_a_device_says_whether_it_takes_offline_codes_and_which(
    raw: Raw, quiet_cloud: CloudProcess, device_id: str
) -> None:
    def device() -> dict[str, Any]:
        found: dict[str, Any] = raw.post("/devices/get", device_id=device_id).body["device"]
        return found

    before = device()
    assert before["can_program_offline_access_codes"] is False
    assert before["properties"]["model"]["offline_access_codes_supported"] is False
    assert before["properties"]["offline_access_codes_enabled"] is False
    assert "offline_time_frame_options" not in before["properties"]
    put_setup(quiet_cloud, device_id, keys=[KEY | {"policy": {"start_hours": [14, 15], "longest_h": 960}}])
    after = device()
    assert after["can_program_offline_access_codes"] is True
    assert after["properties"]["model"]["offline_access_codes_supported"] is True
    hourly, daily = after["properties"]["offline_time_frame_options"]
    assert (hourly["min_duration"], hourly["max_duration"]) == ("PT1H", "PT672H")
    assert (daily["min_duration"], daily["max_duration"]) == ("P29D", "P40D")
    assert daily["matching_start_end_time"] is True
    assert hourly["start_date_recurrence_rule"] == "FREQ=DAILY;BYHOUR=14,15;BYMINUTE=0;BYSECOND=0"


def test_the_page_explains_its_warning_and_its_errors() -> None:
    text = page("seam-api.md")
    for word in (
        "offline_access_code_must_be_used_in_time",
        "offline_access_codes_cannot_be_shared",
        "offline_access_code_cannot_be_updated",
        "offline_access_code_cannot_be_deleted",
        "no_offline_access_code_left",
    ):
        assert f"`{word}`" in text
