"""Access codes through the real SDK, a real cloud and broker, and a lock that enrolled with real keys."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from seam.exceptions import SeamHttpApiError, SeamHttpInvalidInputError, SeamHttpUnauthorizedError
from seam.null import NULL
from seam.seam import Seam

from cloud_sim.authority import initialise
from cloud_sim.state_directory import StateDirectory
from tests.broker.brokers import start_builtin
from tests.cloud.device import Device, enrol, journal_rows
from tests.cloud.site import CloudProcess, tls_files
from tests.seam.raw import raw_client
from tests.waiting import wait_for

FROM, UNTIL, LATER = "2020-01-01T00:00:00.000Z", "2090-01-01T00:00:00.000Z", "2091-01-01T00:00:00.000Z"

JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudProcess]:
    state = StateDirectory(tmp_path_factory.mktemp("sdk"))
    initialise(state)
    broker = start_builtin(tls_files(state), tmp_path_factory.mktemp("broker"))
    running = CloudProcess(state, broker.url).start()
    running.wait_for_broker()
    yield running
    running.stop()
    broker.stop()


@pytest.fixture
def device(cloud: CloudProcess, tmp_path: Path) -> Iterator[Device]:
    enrolled = enrol(cloud.api, tmp_path).connect()
    enrolled.status()
    enrolled.apply(1)
    about = {"device_id": enrolled.device_id}
    client = raw_client(cloud)
    wait_for(lambda: client.post("/devices/get", **about).body["device"]["errors"] == [], what="the lock")
    yield enrolled
    enrolled.close()


@pytest.fixture
def seam(cloud: CloudProcess) -> Any:
    """The real SDK; Any, since what it returns is a union of everything there is."""
    client = raw_client(cloud)
    return Seam(api_key=client.key, endpoint=client.base_url)


def confirm(cloud: CloudProcess, device: Device) -> None:
    """The lock reports that it holds what is wanted of it now."""
    device.apply(cloud.api.get(f"/locks/{device.device_id}").body["head_rev"])


def status_becomes(seam: Any, access_code_id: str, status: str) -> Any:
    def code() -> Any:
        return seam.access_codes.get(access_code_id=access_code_id)

    wait_for(lambda: code().status == status, what=status)
    return code()


def test_a_code_lives_from_its_creation_to_its_deletion(
    seam: Any, cloud: CloudProcess, device: Device
) -> None:
    code = seam.access_codes.create(device_id=device.device_id, name="Guest", code="48151")
    assert (code.status, code.type, code.is_managed, code.errors) == ("setting", "ongoing", True, [])
    confirm(cloud, device)
    assert status_becomes(seam, code.access_code_id, "set").pending_mutations == []
    seam.access_codes.delete(access_code_id=code.access_code_id)
    assert seam.access_codes.get(access_code_id=code.access_code_id).status == "removing"
    confirm(cloud, device)
    wait_for(lambda: seam.access_codes.list(device_id=device.device_id) == [], what="the deletion")
    with pytest.raises(SeamHttpApiError) as gone:
        seam.access_codes.get(access_code_id=code.access_code_id)
    assert (gone.value.code, gone.value.status_code) == ("access_code_not_found", 404)


def test_the_lock_is_told_what_was_asked_for(seam: Any, cloud: CloudProcess, device: Device) -> None:
    code = seam.access_codes.create(
        device_id=device.device_id, code="48151", starts_at=FROM, ends_at=UNTIL, is_one_time_use=True
    )
    confirm(cloud, device)
    [row] = device.bucket_rows(2, [0])
    assert (row["access_code_id"], row["code"], row["max_uses"]) == (code.access_code_id, "48151", 1)
    assert (row["starts_at"], row["ends_at"]) == (1577836800, 3786912000)


def test_an_update_changes_what_is_given_and_keeps_the_rest(seam: Any, device: Device) -> None:
    code = seam.access_codes.create(device_id=device.device_id, name="Guest", starts_at=FROM, ends_at=UNTIL)
    seam.access_codes.update(access_code_id=code.access_code_id, ends_at=LATER)
    changed = seam.access_codes.get(access_code_id=code.access_code_id)
    assert (changed.name, changed.code, changed.starts_at) == ("Guest", code.code, FROM)
    assert changed.ends_at == LATER
    seam.access_codes.update(access_code_id=code.access_code_id, name=NULL, type="ongoing")
    changed = seam.access_codes.get(access_code_id=code.access_code_id)
    assert (changed.name, changed.type, changed.starts_at) == (None, "ongoing", None)
    seam.access_codes.update(access_code_id=code.access_code_id, starts_at=FROM, ends_at=UNTIL)
    assert seam.access_codes.get(access_code_id=code.access_code_id).type == "time_bound"


def test_new_digits_reach_the_lock_as_a_new_revision_of_the_code(
    seam: Any, cloud: CloudProcess, device: Device
) -> None:
    code = seam.access_codes.create(device_id=device.device_id, code="48151")
    confirm(cloud, device)
    status_becomes(seam, code.access_code_id, "set")
    seam.access_codes.update(access_code_id=code.access_code_id, code="62342")
    [mutation] = seam.access_codes.get(access_code_id=code.access_code_id).pending_mutations
    assert mutation.mutation_code == "updating_code"
    confirm(cloud, device)
    assert status_becomes(seam, code.access_code_id, "set").code == "62342"
    [row] = device.bucket_rows(3, [0])
    assert (row["code"], row["code_rev"], row["gen"]) == ("62342", 2, 1)


def test_a_code_is_found_by_its_digits_at_its_door(seam: Any, device: Device) -> None:
    code = seam.access_codes.create(device_id=device.device_id, code="48151")
    assert (
        seam.access_codes.get(device_id=device.device_id, code="48151").access_code_id == code.access_code_id
    )


def test_many_doors_share_a_code_that_moves_together(seam: Any, device: Device, device_id_2: str) -> None:
    codes = seam.access_codes.create_multiple(device_ids=[device.device_id, device_id_2], name="Guest")
    key = codes[0].common_code_key
    assert key.startswith("auto_set_by_create_multiple_")
    assert {(code.code, code.common_code_key) for code in codes} == {(codes[0].code, key)}
    seam.access_codes.update_multiple(common_code_key=key, name="Both", starts_at=FROM, ends_at=UNTIL)
    now = seam.access_codes.list(access_code_ids=[code.access_code_id for code in codes])
    assert {(code.name, code.ends_at) for code in now} == {("Both", UNTIL)}


def test_a_shared_code_that_one_door_cannot_take_is_created_nowhere(
    seam: Any, device: Device, device_id_2: str
) -> None:
    seam.access_codes.create(device_id=device_id_2, code="48151")
    with pytest.raises(SeamHttpApiError) as refused:
        seam.access_codes.create_multiple(device_ids=[device.device_id, device_id_2], code="48151")
    assert refused.value.code == "duplicate_access_code"
    assert seam.access_codes.list(device_id=device.device_id) == []


def test_a_door_that_cannot_share_is_given_digits_of_its_own_where_that_is_wanted(
    seam: Any, device: Device, device_id_2: str
) -> None:
    seam.access_codes.create(device_id=device_id_2, code="48151")
    first, second = seam.access_codes.create_multiple(
        device_ids=[device.device_id, device_id_2],
        code="48151",
        behavior_when_code_cannot_be_shared="create_random_code",
    )
    assert (first.code, first.common_code_key, second.common_code_key) == ("48151", None, None)
    assert second.code != "48151"


def test_pages_follow_each_other_and_miss_nothing(seam: Any, device: Device) -> None:
    wanted = {seam.access_codes.create(device_id=device.device_id).access_code_id for _ in range(7)}
    asked = {"device_id": device.device_id, "limit": 3}
    first, pagination = seam.create_paginator(seam.access_codes.list, asked).first_page()
    assert (len(first), pagination.has_next_page) == (3, True)
    assert "/seam/access_codes/list?" in pagination.next_page_url
    codes = seam.create_paginator(seam.access_codes.list, asked).flatten_to_list()
    assert (len(codes), {code.access_code_id for code in codes}) == (7, wanted)


def test_a_search_finds_names(seam: Any, device: Device) -> None:
    seam.access_codes.create(device_id=device.device_id, name="Äpfel & Cleaner")
    seam.access_codes.create(device_id=device.device_id)
    [found] = seam.access_codes.list(device_id=device.device_id, search="cleaner")
    assert found.name == "Äpfel & Cleaner"
    assert seam.access_codes.list(customer_key="somebody") == []


def test_lengths_are_honoured_and_the_shortest_stands_in(seam: Any, device: Device) -> None:
    def length(**wanted: Any) -> int:
        return len(seam.access_codes.create(device_id=device.device_id, **wanted).code)

    assert (length(), length(preferred_code_length=8), length(preferred_code_length=12)) == (6, 8, 4)
    seam.access_codes.report_device_constraints(device_id=device.device_id, min_code_length=7)
    assert (length(), length(preferred_code_length=4)) == (7, 7)
    assert len(seam.access_codes.generate_code(device_id=device.device_id).code) == 7


def test_a_code_that_breaks_the_constraints_says_so(seam: Any, device: Device) -> None:
    code = seam.access_codes.create(device_id=device.device_id, code="123456789012")
    [error] = code.errors
    assert (error.error_code, error.is_access_code_error) == ("code_constraints_violated", True)


def test_a_pulled_backup_opens_at_once_and_again_is_the_same(
    seam: Any, cloud: CloudProcess, device: Device
) -> None:
    code = seam.access_codes.create(
        device_id=device.device_id, starts_at=FROM, ends_at=UNTIL, use_backup_access_code_pool=True
    )
    confirm(cloud, device)
    wait_for(
        lambda: seam.access_codes.get(access_code_id=code.access_code_id).is_backup_access_code_available
    )
    assert len(seam.access_codes.list(device_id=device.device_id)) == 1
    backup = seam.access_codes.pull_backup_access_code(access_code_id=code.access_code_id)
    assert (backup.is_backup, backup.status, backup.ends_at) == (True, "set", UNTIL)
    again = seam.access_codes.pull_backup_access_code(access_code_id=code.access_code_id)
    assert again.access_code_id == backup.access_code_id
    original = seam.access_codes.get(access_code_id=code.access_code_id)
    assert original.pulled_backup_access_code_id == backup.access_code_id


def test_what_was_asked_ends_as_the_lock_says(cloud: CloudProcess, device: Device) -> None:
    client = raw_client(cloud)
    answer = client.post("/access_codes/create", device_id=device.device_id, code="48151").body
    attempt = answer["action_attempt"]
    assert (attempt["action_type"], attempt["status"]) == ("CREATE_ACCESS_CODE", "pending")
    assert (attempt["result"], attempt["error"]) == (None, None)
    confirm(cloud, device)

    def outcome() -> Any:
        now = client.post("/action_attempts/get", action_attempt_id=attempt["action_attempt_id"])
        return now.body["action_attempt"]

    wait_for(lambda: outcome()["status"] == "success", what="the attempt")
    assert outcome()["result"]["access_code"]["access_code_id"] == answer["access_code"]["access_code_id"]


def test_what_the_lock_refuses_fails_its_attempt(cloud: CloudProcess, device: Device) -> None:
    client = raw_client(cloud)
    answer = client.post("/access_codes/create", device_id=device.device_id, code="48151").body
    detail = {"access_code_id": answer["access_code"]["access_code_id"], "gen": 1, "state": "unset"}
    device.events(journal_rows(("code_state", {**detail, "errors": ["capacity_full"]})))
    confirm(cloud, device)
    asked = {"action_attempt_id": answer["action_attempt"]["action_attempt_id"]}
    wait_for(lambda: client.post("/action_attempts/get", **asked).body["action_attempt"]["status"] == "error")
    error = client.post("/action_attempts/get", **asked).body["action_attempt"]["error"]
    assert error["type"] == "no_space_for_access_code_on_device"


def test_now_or_never_works_while_the_lock_is_there(seam: Any, device: Device) -> None:
    assert seam.access_codes.create(device_id=device.device_id, attempt_for_offline_device=False).code


def test_the_errors_of_the_sdk_are_the_clouds(seam: Any, cloud: CloudProcess, device: Device) -> None:
    with pytest.raises(SeamHttpInvalidInputError) as wrong:
        seam.access_codes.create(device_id=device.device_id, code="12")
    assert wrong.value.get_validation_error_messages("code") == ["Must be 4 to 12 digits"]
    assert wrong.value.request_id
    stranger = Seam(api_key="seam_1234567_unknown", endpoint=raw_client(cloud).base_url)
    with pytest.raises(SeamHttpUnauthorizedError):
        stranger.access_codes.list(device_id=device.device_id)


def test_both_apis_show_the_same_code(seam: Any, cloud: CloudProcess, device: Device) -> None:
    made = cloud.api.post(f"/locks/{device.device_id}/access_codes", code="48151", name="Guest").body
    code = seam.access_codes.get(access_code_id=made["access_code_id"])
    assert (code.code, code.name, code.created_at) == (made["code"], made["name"], made["created_at"])
    other = seam.access_codes.create(device_id=device.device_id)
    assert cloud.api.get(f"/access_codes/{other.access_code_id}").body["code"] == other.code


def test_a_code_that_the_other_api_switches_off_is_unset_and_says_so(
    seam: Any, cloud: CloudProcess, device: Device
) -> None:
    code = seam.access_codes.create(device_id=device.device_id, code="48151")
    confirm(cloud, device)
    status_becomes(seam, code.access_code_id, "set")
    cloud.api.send("PATCH", f"/access_codes/{code.access_code_id}", b'{"enabled": false}', JSON)
    confirm(cloud, device)
    [error] = status_becomes(seam, code.access_code_id, "unset").errors
    assert error.error_code == "access_code_inactive"


def test_uses_that_the_other_api_counts_stay_counted(seam: Any, cloud: CloudProcess, device: Device) -> None:
    path = f"/locks/{device.device_id}/access_codes"
    code = cloud.api.post(path, code="48151", max_uses=3).body
    seam.client.post(
        "/access_codes/update", json={"access_code_id": code["access_code_id"], "is_one_time_use": False}
    )
    assert cloud.api.get(f"/access_codes/{code['access_code_id']}").body["max_uses"] == 3


@pytest.fixture
def device_id_2(cloud: CloudProcess) -> str:
    """Another door, which nobody has enrolled yet."""
    return cloud.api.new_lock("Back door")
