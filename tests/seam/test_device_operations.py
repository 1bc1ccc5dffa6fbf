"""Devices and locks, with the real SDK and with the verbs of older ones."""

from typing import Any

import pytest
from seam.exceptions import SeamHttpApiError, SeamHttpInvalidInputError
from seam.seam import Seam

from tests.cloud.site import CloudProcess
from tests.seam.raw import Raw

NOBODY = "00000000-0000-4000-8000-000000000000"
REQUIRED = {
    *("device_id", "device_type", "display_name", "capabilities_supported", "properties"),
    *("connected_account_id", "workspace_id", "errors", "warnings", "created_at", "is_managed"),
    *("custom_metadata", "space_ids"),
}


@pytest.fixture
def seam(raw: Raw) -> Seam:
    return Seam(api_key=raw.key, endpoint=raw.base_url)


def test_a_device_has_every_required_field(raw: Raw, device_id: str) -> None:
    device = raw.post("/devices/get", device_id=device_id).body["device"]
    assert set(device) >= REQUIRED
    assert (device["device_id"], device["display_name"]) == (device_id, "Front door")
    assert device["properties"]["online"] is False
    assert device["properties"]["supported_code_lengths"] == [4, 5, 6, 7, 8]


def test_a_lock_that_never_came_says_so_and_what_to_do(seam: Seam, device_id: str) -> None:
    (error,) = seam.devices.get(device_id=device_id).errors
    assert error.error_code == "device_disconnected"
    assert "lock-agent enrol" in error.message


def test_nothing_is_guessed_that_a_lock_has_not_said(raw: Raw, device_id: str) -> None:
    properties = raw.post("/devices/get", device_id=device_id).body["device"]["properties"]
    assert {"locked", "door_open", "battery", "serial_number"} & set(properties) == set()


@pytest.mark.parametrize("verb", ["GET", "POST"])
def test_every_generation_gets_a_lock(raw: Raw, device_id: str, verb: str) -> None:
    body = raw.call(verb, "/locks/get", device_id=device_id).body
    assert body["ok"] is True
    assert (
        body["lock"] == body["device"] == raw.call(verb, "/devices/get", device_id=device_id).body["device"]
    )


@pytest.mark.parametrize("verb", ["GET", "POST"])
def test_every_generation_lists_locks(raw: Raw, device_id: str, verb: str) -> None:
    body = raw.call(verb, "/locks/list", device_ids=[device_id]).body
    assert [lock["device_id"] for lock in body["locks"]] == [device_id]
    assert body["devices"] == body["locks"]
    assert body["pagination"] == {"next_page_cursor": None, "has_next_page": False, "next_page_url": None}


def test_an_empty_post_lists_everything(raw: Raw, device_id: str) -> None:
    answer = raw.send("POST", "/devices/list", b"", "application/x-www-form-urlencoded")
    assert device_id in [device["device_id"] for device in answer.body["devices"]]


def test_the_sdk_finds_a_device_by_its_name(seam: Seam, quiet_cloud: CloudProcess) -> None:
    device_id = quiet_cloud.api.new_lock("Only one of this name")
    assert seam.devices.get(name="Only one of this name").device_id == device_id
    assert seam.locks.get(name="Only one of this name").device_id == device_id


def test_an_unknown_device_is_the_error_that_clients_know(seam: Seam) -> None:
    for ask in (seam.devices.get, seam.locks.get, seam.locks.unlock_door, seam.devices.simulate.connect):
        with pytest.raises(SeamHttpApiError) as refused:
            ask(device_id=NOBODY)
        assert (refused.value.status_code, refused.value.code) == (404, "device_not_found")


def test_an_id_that_is_no_uuid_is_named_in_the_validation_errors(seam: Seam) -> None:
    with pytest.raises(SeamHttpInvalidInputError) as refused:
        seam.devices.get(device_id="door")
    assert refused.value.get_validation_error_messages("device_id") == ["Invalid uuid"]


@pytest.mark.parametrize(
    "none",
    [
        {"device_type": "august_lock"},
        {"manufacturer": "august"},
        {"search": "no such door"},
        {"device_ids": [NOBODY]},
        {"connected_account_id": NOBODY},
        {"space_id": NOBODY},
        {"created_before": "2020-01-01T00:00:00Z"},
        {"custom_metadata_has": {"floor": "99"}},
    ],
)
def test_a_filter_that_nothing_fits_gives_an_empty_list(
    seam: Seam, device_id: str, none: dict[str, Any]
) -> None:
    assert seam.devices.get(device_id=device_id)
    assert seam.devices.list(**none) == []


def test_devices_are_chosen_by_what_they_can(raw: Raw, device_id: str) -> None:
    def found(**flags: list[str]) -> bool:
        return bool(raw.call("GET", "/devices/list", device_ids=[device_id], **flags).body["devices"])

    assert found(include_if=["can_remotely_unlock", "can_unlock_with_code"])
    assert not found(include_if=["can_remotely_unlock", "can_hvac_heat"])
    assert found(exclude_if=["can_hvac_heat"])
    assert not found(exclude_if=["can_remotely_unlock"])


def test_a_device_is_named_at_either_place(raw: Raw, device_id: str) -> None:
    def name() -> str:
        return str(raw.post("/devices/get", device_id=device_id).body["device"]["nickname"])

    raw.post("/devices/update", device_id=device_id, properties={"name": "Back"})
    assert name() == "Back"
    raw.post("/devices/update", device_id=device_id, properties={"name": "Back"}, name="Front")
    assert name() == "Front"
    refused = raw.post("/devices/update", device_id=device_id, properties={"name": 7})
    assert (refused.status, list(refused.body["error"]["validation_errors"])) == (
        400,
        ["_errors", "properties"],
    )


def test_pages_follow_each_other_without_gap_or_repetition(seam: Seam, quiet_cloud: CloudProcess) -> None:
    ids = [quiet_cloud.api.new_lock(f"Paged {number}") for number in range(5)]
    pages = seam.create_paginator(seam.devices.list, {"limit": 2, "search": "paged"})
    assert [device.device_id for device in pages.flatten_to_list()] == ids


def test_the_url_of_the_next_page_leads_there(raw: Raw, quiet_cloud: CloudProcess) -> None:
    ids = [quiet_cloud.api.new_lock("Followed") for _ in range(3)]
    first = raw.call("GET", "/devices/list", search="followed", limit=2).body
    path = first["pagination"]["next_page_url"].removeprefix(raw.base_url)
    second = raw.send("GET", path).body
    assert [device["device_id"] for device in first["devices"] + second["devices"]] == ids


def test_a_cursor_of_nobody_is_refused(raw: Raw) -> None:
    answer = raw.post("/devices/list", page_cursor="bm9ib2R5")
    assert (answer.status, list(answer.body["error"]["validation_errors"])) == (
        400,
        ["_errors", "page_cursor"],
    )


def test_a_device_is_renamed_and_noted_on(seam: Seam, device_id: str) -> None:
    seam.devices.update(device_id=device_id, name="Side door", custom_metadata={"floor": "2", "is_vip": True})
    seam.devices.update(device_id=device_id, custom_metadata={"floor": "", "wing": "B"})
    device = seam.devices.get(device_id=device_id)
    assert device.display_name == "Side door"
    assert dict(device.custom_metadata) == {"is_vip": True, "wing": "B"}
    found = seam.devices.list(custom_metadata_has={"wing": "B", "is_vip": True})
    assert [one.device_id for one in found] == [device_id]


@pytest.mark.parametrize("verb", ["POST", "PATCH"])
def test_every_generation_updates_a_device(raw: Raw, device_id: str, verb: str) -> None:
    assert raw.call(verb, "/devices/update", device_id=device_id, name="New").body == {"ok": True}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("is_managed", False),
        ("custom_metadata", {"a.b": "c"}),
        ("custom_metadata", {"a": 5}),
        ("custom_metadata", {str(number): "x" for number in range(51)}),
        ("name", "two\nlines"),
    ],
)
def test_a_refused_update_names_the_field_and_changes_nothing(
    raw: Raw, device_id: str, field: str, value: Any
) -> None:
    before = raw.post("/devices/get", device_id=device_id).body
    answer = raw.post(
        "/devices/update", **{"device_id": device_id, "custom_metadata": {"x": "y"}, field: value}
    )
    assert answer.status == 400
    assert field in answer.body["error"]["validation_errors"]
    assert raw.post("/devices/get", device_id=device_id).body == before


def test_connections_are_not_pretended(seam: Seam, device_id: str) -> None:
    simulations = (seam.devices.simulate.connect, seam.devices.simulate.disconnect)
    assert not seam.devices.get(device_id=device_id).can_simulate_disconnection
    for simulate in simulations:
        with pytest.raises(SeamHttpApiError) as refused:
            simulate(device_id=device_id)
        assert refused.value.code == "simulation_not_supported"


def test_auto_lock_cannot_be_switched_off_and_the_answer_names_passage(seam: Seam, device_id: str) -> None:
    with pytest.raises(SeamHttpApiError, match="passage") as refused:
        seam.locks.configure_auto_lock(device_id=device_id, auto_lock_enabled=False)
    assert refused.value.code == "auto_lock_not_configurable"


def test_auto_lock_of_a_lock_that_is_away_is_not_configured_for_later(
    raw: Raw, quiet_cloud: CloudProcess, device_id: str
) -> None:
    assert raw.post("/devices/get", device_id=device_id).body["device"]["can_configure_auto_lock"]
    fields = {"device_id": device_id, "auto_lock_enabled": True, "auto_lock_delay_seconds": 20}
    attempt = raw.post("/locks/configure_auto_lock", **fields).body["action_attempt"]
    assert (attempt["status"], attempt["error"]["type"]) == ("error", "device_disconnected")
    assert quiet_cloud.api.get(f"/locks/{device_id}").body["settings"]["wanted"] is None


@pytest.mark.parametrize("seconds", [0, 61, 2.5, "20"])
def test_auto_lock_takes_from_1_to_60_seconds(raw: Raw, device_id: str, seconds: object) -> None:
    fields = {"device_id": device_id, "auto_lock_enabled": True, "auto_lock_delay_seconds": seconds}
    refused = raw.post("/locks/configure_auto_lock", **fields)
    assert refused.status == 400
    assert "auto_lock_delay_seconds" in refused.body["error"]["validation_errors"]


def test_without_a_simulated_board_nobody_types(seam: Seam, device_id: str) -> None:
    with pytest.raises(SeamHttpApiError) as refused:
        seam.locks.simulate.keypad_code_entry(device_id=device_id, code="471199")
    assert refused.value.code == "simulation_not_supported"
    assert "471199" not in str(refused.value)


def test_an_action_attempt_of_nobody_is_not_found(seam: Seam) -> None:
    with pytest.raises(SeamHttpApiError) as refused:
        seam.action_attempts.get(action_attempt_id=NOBODY)
    assert refused.value.code == "action_attempt_not_found"


def test_the_workspace_is_that_of_every_device(seam: Seam, device_id: str) -> None:
    assert seam.workspaces.get().workspace_id == seam.devices.get(device_id=device_id).workspace_id


def test_health_is_answered_without_a_key(raw: Raw) -> None:
    assert Raw(raw.base_url, None).send("GET", "/health").body == {"ok": True}
