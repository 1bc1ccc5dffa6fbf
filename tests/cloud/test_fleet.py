"""Cloud and locks over a real broker: sets out, reports in, journals acknowledged, the time told."""

import json
import time
import uuid
from typing import Any

import msgspec
import pytest

from agent.core.constraints import Constraints
from agent.messages import MESSAGE_LIMIT_BYTES, Heartbeat
from tests.cloud.device import Device, journal_rows, manifest_of
from tests.cloud.site import Api, CloudProcess
from tests.waiting import wait_for


@pytest.fixture
def api(cloud: CloudProcess) -> Api:
    return cloud.api


def eventually(api: Api, path: str, **expected: Any) -> dict[str, Any]:
    """The object at `path` once it has these values."""
    found: list[dict[str, Any]] = []

    def matches() -> bool:
        found[:] = [api.get(path).body]
        return all(found[0].get(name) == value for name, value in expected.items())

    wait_for(matches, what=f"{expected} at {path}, last {found}")
    return found[0]


def new_code(api: Api, device: Device, **fields: Any) -> dict[str, Any]:
    answer = api.post(f"/locks/{device.device_id}/access_codes", **fields)
    assert answer.status == 201, answer.body
    code: dict[str, Any] = answer.body
    return code


def test_an_enrolled_lock_finds_a_manifest_and_both_sides_show_the_same_keys(
    api: Api, device: Device
) -> None:
    assert device.manifest(rev=1).count == 0
    shown = api.get(f"/locks/{device.device_id}").body
    kids = {"identity": device.keys.identity.thumbprint(), "sealing": device.keys.sealing.thumbprint()}
    assert (shown["enrolled"], shown["keys"]) == (True, kids)


def test_a_new_code_travels_sealed_and_becomes_active_when_the_lock_holds_it(
    api: Api, device: Device
) -> None:
    code = new_code(api, device, code="86420975", name="Cleaner")
    manifest = device.manifest(rev=2)
    rows = device.bucket_rows(2, [0])
    assert [(row["access_code_id"], row["code"]) for row in rows] == [(code["access_code_id"], "86420975")]
    assert manifest.root == manifest_of(rows, device.device_id, 2, 1)
    device.apply(rev=2)
    eventually(api, f"/access_codes/{code['access_code_id']}", status="active", state="set")
    assert api.get(f"/locks/{device.device_id}").body["applied_rev"] == 2


def test_a_deleted_code_is_removing_until_the_lock_confirms_and_then_gone(api: Api, device: Device) -> None:
    path = f"/access_codes/{new_code(api, device, code='1234')['access_code_id']}"
    device.apply(rev=2)
    eventually(api, path, status="active")
    api.send("DELETE", path)
    shown = api.get(path).body
    assert (shown["status"], shown["state"]) == ("pending", "removing")
    assert api.send("DELETE", path).body["ok"]
    device.apply(rev=3)
    wait_for(lambda: api.get(path).status == 404)
    assert api.get(f"/locks/{device.device_id}/access_codes").body == {"access_codes": []}


def test_a_root_that_is_not_ours_confirms_nothing(api: Api, device: Device) -> None:
    code = new_code(api, device)
    device.apply(rev=2, root="0" * 64)
    eventually(api, f"/access_codes/{code['access_code_id']}", status="pending", state="unknown")
    assert api.get(f"/locks/{device.device_id}").body["reported"]["is_wanted_set"] is False


def test_an_error_the_lock_reports_of_a_code_is_shown_with_it(api: Api, device: Device) -> None:
    code = new_code(api, device)
    detail = {"access_code_id": code["access_code_id"], "gen": 1, "state": "unset"}
    device.apply(rev=2)
    device.events(journal_rows(("code_state", detail | {"errors": ["digits_not_on_keypad"]})))
    shown = eventually(api, f"/access_codes/{code['access_code_id']}", status="pending", state="unset")
    assert shown["errors"][0]["error_code"] == "digits_not_on_keypad"


def test_a_set_of_many_buckets_travels_whole_in_messages_below_the_limit(api: Api, device: Device) -> None:
    for _ in range(120):
        new_code(api, device, ends_at="2090-01-01T00:00:00Z")
    manifest = device.manifest(rev=121)
    rows = device.bucket_rows(121, list(range(16)))
    assert manifest.root == manifest_of(rows, device.device_id, 121, 16)
    assert max(len(raw) for _, raw in device.raw) <= MESSAGE_LIMIT_BYTES


def test_buckets_of_a_revision_that_is_over_are_answered_by_the_manifest(api: Api, device: Device) -> None:
    new_code(api, device)
    device.manifest(rev=2)
    device.heard.clear()
    device.say("request", {"type": "buckets", "rev": 1, "need": [0]})
    assert device.manifest(rev=2).count == 1
    assert device.last("bucket") is None


def test_a_lock_that_is_ahead_gets_a_revision_above_its_own(api: Api, device: Device) -> None:
    manifest = device.manifest(rev=1)
    report = {"set_epoch": 1, "rev": 40, "root": manifest.root, "count": 0, "capacity": 9, "constraints": {}}
    device.say("codes", report)
    assert device.manifest(rev=41).count == 0
    assert api.get(f"/locks/{device.device_id}").body["head_rev"] == 41


def test_a_question_for_the_time_is_answered_with_its_nonce(device: Device) -> None:
    nonce = uuid.uuid4().hex
    device.say("request", {"type": "time", "nonce": nonce})
    message = wait_for(lambda: device.last("heartbeat"))
    assert message is not None
    heartbeat = msgspec.json.decode(message.body, type=Heartbeat)
    assert (heartbeat.nonce, heartbeat.head_rev) == (nonce, 1)
    assert abs(heartbeat.time - time.time()) < 10
    assert message.exp == message.iat + 60


def test_journal_rows_become_events_once_and_are_acknowledged(api: Api, device: Device) -> None:
    rows = journal_rows(("boot", {"version": "1"}), ("door_opened", {}), ("door_closed", {}))
    for batch in (rows[1:], rows[:2], rows, rows[1:]):
        device.events(batch)
    wait_for(lambda: device.acked() == 3)
    found = api.get(f"/locks/{device.device_id}/events").body["events"]
    assert [(event["sequence"], event["event_type"]) for event in found] == [
        (1, "lock.boot"),
        (2, "lock.door_opened"),
        (3, "lock.door_closed"),
    ]
    assert api.get(f"/locks/{device.device_id}/events?after=1&limit=1").body["events"] == [found[1]]


def test_a_broken_chain_is_not_acknowledged_past(api: Api, device: Device) -> None:
    rows = journal_rows(("boot", {}), ("door_opened", {}))
    device.events([rows[0], rows[1] | {"kind": "door_closed"}])
    wait_for(lambda: device.acked() == 1)
    kinds = [e["event_type"] for e in api.get(f"/locks/{device.device_id}/events").body["events"]]
    assert kinds == ["lock.boot", "lock.journal_broken"]


def test_a_status_is_shown_as_the_lock_tells_it(api: Api, device: Device) -> None:
    now = int(time.time())
    device.status(door="closed", strike="locked", clock="trusted", device_time=now, applied_rev=1)
    shown = eventually(api, f"/locks/{device.device_id}", online=True, door="closed", strike="locked")
    assert (shown["clock"], shown["applied_rev"], shown["head_rev"]) == ("trusted", 1, 1)
    assert shown["device_time"].endswith(".000Z")


def test_only_the_last_session_can_go_offline(api: Api, device: Device) -> None:
    device.status(sid="first")
    device.status(sid="second", door="open")
    device.status(online=False, sid="first")
    device.say("request", {"type": "time", "nonce": "after-it"})
    wait_for(lambda: device.last("heartbeat"))
    assert api.get(f"/locks/{device.device_id}").body["online"]
    device.status(online=False, sid="second")
    shown = eventually(api, f"/locks/{device.device_id}", online=False)
    assert shown["door"] == "open"


def test_no_digits_are_in_any_topic_message_or_log(api: Api, device: Device, cloud: CloudProcess) -> None:
    new_code(api, device, code="86420975")
    device.bucket_rows(2, [0])
    device.status()
    device.events(journal_rows(("boot", {})))
    wait_for(lambda: device.acked() == 1)
    seen = json.dumps([(to, raw.decode()) for to, raw in device.raw]) + cloud.log.read_text()
    seen += json.dumps(api.get(f"/locks/{device.device_id}").body)
    seen += json.dumps(api.get(f"/locks/{device.device_id}/events").body)
    assert "86420975" not in seen


def test_a_code_that_the_lock_says_it_does_not_take_is_refused_at_once_and_changes_nothing(
    api: Api, device: Device
) -> None:
    kept = new_code(api, device, code="4711")
    limits: dict[str, Any] = Constraints(code_lengths=(4, 6), digits="1234567").published()
    device.apply(rev=2, **limits)
    eventually(api, f"/access_codes/{kept['access_code_id']}", status="active")
    path = f"/locks/{device.device_id}/access_codes"
    for digits, constraint in (
        ("4718", "digits_not_on_keypad"),
        ("47115", "code_length"),
        ("2222", "code_weak"),
    ):
        answer = api.post(path, code=digits)
        refused = (answer.status, answer.body["error_code"], answer.body["constraint"])
        assert refused == (400, "CODE_CONSTRAINTS_VIOLATED", constraint)
        assert digits not in answer.body["message"]
        body = json.dumps({"code": digits, "name": "New"}).encode()
        headers = {"Content-Type": "application/json"}
        answer = api.send("PATCH", f"/access_codes/{kept['access_code_id']}", body, headers)
        assert answer.body["constraint"] == constraint
    assert api.get(path).body["access_codes"] == [api.get(f"/access_codes/{kept['access_code_id']}").body]
    drawn = new_code(api, device)["code"]
    assert len(drawn) == 6
    assert set(drawn) <= set("1234567")
