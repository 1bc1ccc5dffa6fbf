"""A genuine message of a lock, brought once more later on: the cloud has newer word, and says so."""

import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from agent.messages import Codes
from tests.cloud.device import Device, enrol
from tests.cloud.site import Api, CloudProcess
from tests.waiting import wait_for

LIFE, LATER_LIFE = "a" * 16, "b" * 16
CODES = Codes(set_epoch=1, rev=0, root="0" * 64, count=0, capacity=10, constraints={})
BODIES: dict[str, Any] = {
    "status": {"online": True, "sid": "s1", "door": "open"},
    "codes": CODES,
    "request": {"type": "time", "nonce": "n1"},
}


@pytest.fixture
def api(cloud: CloudProcess) -> Api:
    return cloud.api


def said(device: Device, stream: str, nth: int | None, life: str | None = LIFE, **changed: Any) -> bytes:
    body = BODIES[stream]
    told = {**body, **changed} if isinstance(body, dict) else body
    claims: dict[str, Any] = {"iat": int(time.time()), "id": str(uuid.uuid4())}
    return device.signer.sign(stream, told, **claims, life=life, nth=nth)


def refusals(api: Api, device: Device) -> dict[tuple[str, str], int]:
    shown = api.get(f"/locks/{device.device_id}").body["refused_messages"]
    return {(each["stream"], each["reason"]): each["count"] for each in shown}


def door(api: Api, device: Device) -> str | None:
    shown: str | None = api.get(f"/locks/{device.device_id}").body["door"]
    return shown


@pytest.mark.parametrize("stream", BODIES)
def test_an_older_message_of_a_lock_is_refused_and_counted(api: Api, device: Device, stream: str) -> None:
    older, newer = said(device, stream, nth=4), said(device, stream, nth=7)
    for raw in (older, newer, older):
        device.publish(stream, raw)
    wait_for(lambda: refusals(api, device) == {(stream, "replayed"): 1})


def test_an_older_status_changes_nothing(api: Api, device: Device) -> None:
    older = said(device, "status", nth=4, door="closed")
    device.publish("status", older)
    device.publish("status", said(device, "status", nth=5))
    wait_for(lambda: door(api, device) == "open")
    device.publish("status", older)
    wait_for(lambda: refusals(api, device))
    assert door(api, device) == "open"


def test_the_same_message_twice_is_a_broker_that_is_careful(api: Api, device: Device) -> None:
    for nth in (4, 4, 5):
        device.publish("status", said(device, "status", nth, door=f"closed {nth}"))
    wait_for(lambda: door(api, device) == "closed 5")
    assert refusals(api, device) == {}


def test_a_lock_that_began_a_new_journal_counts_anew_and_the_old_one_is_over(
    api: Api, device: Device
) -> None:
    before = said(device, "status", nth=900, door="closed")
    device.publish("status", before)
    device.publish("status", said(device, "status", nth=1, life=LATER_LIFE))
    wait_for(lambda: door(api, device) == "open")
    device.publish("status", before)
    device.publish("status", said(device, "status", nth=901))
    wait_for(lambda: refusals(api, device) == {("status", "replayed"): 2})
    assert door(api, device) == "open"


def test_a_message_without_a_number_is_older_than_all_that_have_one(api: Api, device: Device) -> None:
    device.publish("status", said(device, "status", nth=None, life=None, door="closed"))
    wait_for(lambda: door(api, device) == "closed")
    device.publish("status", said(device, "status", nth=1))
    device.publish("status", said(device, "status", nth=None, life=None, door="closed"))
    wait_for(lambda: refusals(api, device) == {("status", "replayed"): 1})
    assert door(api, device) == "open"


def test_what_was_heard_is_remembered_over_a_restart_of_the_cloud(
    cloud: CloudProcess, device: Device
) -> None:
    older = said(device, "codes", nth=4)
    device.publish("codes", older)
    device.publish("codes", said(device, "codes", nth=7))
    wait_for(lambda: cloud.api.get(f"/locks/{device.device_id}").body["reported"])
    cloud.restart()
    device.publish("codes", older)
    wait_for(lambda: ("codes", "replayed") in refusals(cloud.api, device))


def test_a_lock_enrolled_anew_begins_at_one(api: Api, device: Device, tmp_path: Path) -> None:
    device.publish("status", said(device, "status", nth=900))
    wait_for(lambda: door(api, device) == "open")
    invitation = api.post("/invitations", device_id=device.device_id).body["invitation"]
    again = enrol(api, tmp_path / "again", invitation)
    device.publish("status", said(again, "status", nth=1, door="closed"))
    wait_for(lambda: door(api, device) == "closed")
    assert refusals(api, device) == {}
