"""What the cloud does not believe: it changes nothing, and it is counted where people can see it."""

import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.envelope import Signer
from agent.jose import new_signing_key
from agent.messages import topic
from tests.cloud.device import Device, enrol, journal_rows
from tests.cloud.site import Api, CloudProcess
from tests.waiting import wait_for

STATUS = {"online": True, "sid": "forged", "door": "open"}


@pytest.fixture
def api(cloud: CloudProcess) -> Api:
    return cloud.api


def claims() -> dict[str, Any]:
    return {"iat": int(time.time()), "id": str(uuid.uuid4())}


def forged(device: Device) -> bytes:
    return Signer(device.device_id, new_signing_key()).sign("status", STATUS, **claims())


def unsigned(_device: Device) -> bytes:
    return b'{"online": true, "sid": "forged", "door": "open"}'


def in_another_name(device: Device) -> bytes:
    return Signer(str(uuid.uuid4()), device.keys.identity).sign("status", STATUS, **claims())


def of_another_stream(device: Device) -> bytes:
    return device.signer.sign("codes", STATUS, **claims())


def over(device: Device) -> bytes:
    return device.signer.sign("status", STATUS, exp=int(time.time()) - 1, **claims())


def altered(device: Device) -> bytes:
    head, payload, signature = device.signer.sign("status", STATUS, **claims()).split(b".")
    return b".".join([head, payload, signature[:-4] + (b"AAAA" if signature[-4:] != b"AAAA" else b"BBBB")])


def oversized(device: Device) -> bytes:
    return device.signer.sign("status", STATUS | {"agent_version": "x" * 40_000}, **claims())


def with_a_wrong_body(device: Device) -> bytes:
    return device.signer.sign("status", {"online": "perhaps"}, **claims())


LIES: list[tuple[Callable[[Device], bytes], str]] = [
    (forged, "unknown_key"),
    (unsigned, "malformed"),
    (in_another_name, "wrong_device"),
    (of_another_stream, "wrong_stream"),
    (over, "expired"),
    (altered, "bad_signature"),
    (oversized, "oversized"),
    (with_a_wrong_body, "bad_body"),
]


@pytest.mark.parametrize(("lie", "reason"), LIES)
def test_a_message_that_is_not_the_locks_own_word_is_refused_and_counted(
    api: Api, device: Device, lie: Callable[[Device], bytes], reason: str
) -> None:
    path = f"/locks/{device.device_id}"
    device.publish("status", lie(device))
    refused = wait_for(lambda: api.get(path).body["refused_messages"])
    assert [(entry["stream"], entry["reason"], entry["count"]) for entry in refused] == [
        ("status", reason, 1)
    ]
    shown = api.get(path).body
    assert (shown["online"], shown["door"], shown["last_seen_at"]) == (False, None, None)


def test_rows_signed_by_another_lock_are_not_taken(api: Api, device: Device, tmp_path: Path) -> None:
    other = enrol(api, tmp_path)
    body: dict[str, object] = {"journal_epoch": "e" * 16, "rows": journal_rows(("boot", {}), epoch="e" * 16)}
    device.publish("events", other.signer.sign("events", body, **claims()))
    wait_for(lambda: api.get(f"/locks/{device.device_id}").body["refused_messages"])
    for lock_id in (device.device_id, other.device_id):
        assert api.get(f"/locks/{lock_id}/events").body == {"events": []}


def test_a_request_kept_by_the_broker_is_refused(device: Device, cloud: CloudProcess) -> None:
    assert device.client is not None
    raw = device.signer.sign("request", {"type": "time", "nonce": "kept"}, **claims())
    to = topic(device.device_id, "up", "request")
    device.client.publish(to, raw, qos=1, retain=True).wait_for_publish(10)
    cloud.restart()
    path = f"/locks/{device.device_id}"
    refused = wait_for(lambda: cloud.api.get(path).body["refused_messages"])
    device.client.publish(to, b"", qos=1, retain=True).wait_for_publish(10)
    assert ("request", "retained") in [(entry["stream"], entry["reason"]) for entry in refused]


BAD_REQUESTS: list[dict[str, Any]] = [
    {"type": "time"},
    {"type": "time", "nonce": "x" * 200},
    {"type": "buckets", "rev": 1},
    {"type": "buckets", "rev": 1, "need": [0] * 300},
    {"type": "unlock"},
    {},
]


@pytest.mark.parametrize("body", BAD_REQUESTS)
def test_a_request_that_makes_no_sense_is_refused(api: Api, device: Device, body: dict[str, Any]) -> None:
    device.say("request", body)
    refused = wait_for(lambda: api.get(f"/locks/{device.device_id}").body["refused_messages"])
    assert (refused[0]["stream"], refused[0]["reason"]) == ("request", "bad_body")
    assert device.last("heartbeat") is device.last("bucket") is None


def test_a_lock_enrolled_again_is_believed_by_its_new_keys_only(
    api: Api, device: Device, tmp_path: Path
) -> None:
    invitation = api.post("/invitations", device_id=device.device_id).body["invitation"]
    again = enrol(api, tmp_path / "again", invitation)
    device.status()
    wait_for(lambda: api.get(f"/locks/{device.device_id}").body["refused_messages"])
    device.publish("status", again.signer.sign("status", STATUS, **claims()))
    wait_for(lambda: api.get(f"/locks/{device.device_id}").body["online"])
