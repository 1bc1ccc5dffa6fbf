"""A lock out of service: nothing in its name is believed any more, and new hardware may take its place."""

from pathlib import Path

import pytest

from tests.cloud.device import Device, enrol
from tests.cloud.site import Api, CloudProcess
from tests.waiting import wait_for


@pytest.fixture
def api(cloud: CloudProcess) -> Api:
    return cloud.api


def strangers(api: Api) -> int:
    found = api.get("/refused_messages").body["refused_messages"]
    return sum(each["count"] for each in found if each["reason"] == "unknown_device")


def test_a_retired_lock_is_a_stranger(api: Api, device: Device) -> None:
    device.status(door="open")
    path = f"/locks/{device.device_id}"
    wait_for(lambda: api.get(path).body["online"])
    assert api.post(f"{path}/retirement").body == {
        "ok": True,
        "lock_id": device.device_id,
        "had_keys": True,
    }
    before = strangers(api)
    device.status(door="closed")
    wait_for(lambda: strangers(api) > before)
    shown = api.get(path).body
    assert (shown["enrolled"], shown["online"], shown["door"]) == (False, False, None)
    events = api.get(f"{path}/events").body["events"]
    assert [(each["event_type"], each["detail"]) for each in events] == [("lock.retired", {"by": "operator"})]
    assert api.post(f"{path}/retirement").body["had_keys"] is False


def test_a_lock_that_says_so_itself_is_answered_first(api: Api, device: Device) -> None:
    device.say("request", {"type": "retire", "nonce": "n"})
    wait_for(lambda: device.last("heartbeat"))
    wait_for(lambda: not api.get(f"/locks/{device.device_id}").body["enrolled"])


def test_nobody_retires_a_lock_in_its_name(api: Api, device: Device, tmp_path: Path) -> None:
    other = enrol(api, tmp_path)
    raw = other.signer.sign("request", {"type": "retire", "nonce": "n"}, iat=1, id="x")
    device.publish("request", raw)
    wait_for(lambda: api.get(f"/locks/{device.device_id}").body["refused_messages"])
    assert api.get(f"/locks/{device.device_id}").body["enrolled"]
    assert api.get(f"/locks/{other.device_id}").body["enrolled"]


def test_new_hardware_takes_over_the_id_the_codes_and_none_of_the_old_keys(
    api: Api, device: Device, tmp_path: Path
) -> None:
    path = f"/locks/{device.device_id}"
    api.post(f"{path}/access_codes", name="Anna", code="493817")
    api.post(f"{path}/retirement")
    invitation = api.post("/invitations", device_id=device.device_id).body["invitation"]
    again = enrol(api, tmp_path / "again", invitation)
    assert again.answer.set_epoch == 1
    assert api.get(path).body["enrolled"]
    before = len(api.get(path).body["refused_messages"])
    device.status()
    wait_for(lambda: len(api.get(path).body["refused_messages"]) > before)
    device.close()
    again.connect()
    head = api.get(path).body["head_rev"]
    assert [row["code"] for row in again.bucket_rows(head, [0])] == ["493817"]
    again.close()
