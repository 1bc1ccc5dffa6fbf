"""Actions over HTTP: to a lock that is there, at once or not at all, and what it answered."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from agent.commands import LIFE_S
from agent.envelope import Message, new_sealing_key, new_signing_key
from agent.messages import Events
from cloud_sim import commands, journal, locks
from cloud_sim.database import Database
from cloud_sim.downlink import Downlink
from cloud_sim.keyring import Keyring
from tests.cloud.device import Device, journal_rows
from tests.cloud.site import Api, CloudProcess
from tests.cloud.test_fleet import eventually
from tests.waiting import wait_for


@pytest.fixture
def api(cloud: CloudProcess) -> Api:
    return cloud.api


@pytest.fixture
def online(api: Api, device: Device) -> Iterator[Device]:
    """A lock whose status the cloud has."""
    device.status(mode="normal")
    eventually(api, f"/locks/{device.device_id}", online=True)
    yield device


def act(api: Api, device: Device, **fields: Any) -> dict[str, Any]:
    answer = api.post(f"/locks/{device.device_id}/actions", **fields)
    assert answer.status == 200, answer.body
    action: dict[str, Any] = answer.body
    return action


def heard(device: Device) -> Message:
    """The newest command the lock heard."""
    message = wait_for(lambda: device.last("command"), what="a command")
    assert message is not None
    return message


def answer(device: Device, action: dict[str, Any], **detail: Any) -> None:
    told = {"id": action["action_id"], "type": action["action"], **detail}
    device.events(journal_rows(("command_result", told)))


def test_an_action_is_signed_short_lived_for_this_session_and_not_kept(api: Api, online: Device) -> None:
    action = act(api, online, action="unlock", for_s=7, custom_id="mine")
    message = heard(online)
    assert (action["status"], action["custom_id"]) == ("pending", "mine")
    assert (message.id, message.sid) == (action["action_id"], online.sid)
    assert msgspec.json.decode(message.body) == {"type": "unlock", "args": {"for_s": 7}}
    assert 0 < (message.exp or 0) - message.iat <= LIFE_S


def test_a_lock_that_connects_later_hears_nothing_of_it(api: Api, online: Device) -> None:
    act(api, online, action="unlock")
    heard(online)
    online.close()
    before = len(online.heard)
    online.connect().manifest(rev=1)
    assert [message.stream for message in online.heard[before:]] == ["desired"]


def test_the_answer_in_the_journal_ends_the_action_and_becomes_events(api: Api, online: Device) -> None:
    action = act(api, online, action="unlock", custom_id="mine")
    answer(online, action, result="done")
    path = f"/locks/{online.device_id}/actions/{action['action_id']}"
    assert eventually(api, path, status="success")["result"] == "done"
    events = api.get(f"/locks/{online.device_id}/events").body["events"]
    kinds = {event["event_type"]: event for event in events}
    assert (kinds["lock.unlocked"]["method"], kinds["lock.action_completed"]["custom_id"]) == (
        "remote",
        "mine",
    )
    assert kinds["lock.unlocked"]["source"] == "cloud"
    assert len({event["event_id"] for event in events}) == 3


def test_a_refusal_ends_it_with_its_reason(api: Api, online: Device) -> None:
    action = act(api, online, action="mode", mode="lockdown")
    answer(online, action, result="refused", reason="forbidden")
    path = f"/locks/{online.device_id}/actions/{action['action_id']}"
    assert eventually(api, path, status="failed")["reason"] == "forbidden"


def test_a_lock_that_is_away_is_not_told_and_the_answer_says_so(api: Api, device: Device) -> None:
    away = api.post(f"/locks/{device.device_id}/actions", action="unlock")
    assert (away.status, away.body["error_code"]) == (409, "DEVICE_OFFLINE")
    assert device.last("command") is None


@pytest.mark.parametrize(
    ("fields", "error_code"),
    [
        ({}, "INVALID_ACTION"),
        ({"action": "explode"}, "INVALID_ACTION"),
        ({"action": "revoke", "ids": []}, "UNKNOWN_FIELD"),
        ({"action": "unlock", "for_s": 61}, "INVALID_ACTION"),
        ({"action": "lock", "mode": "normal"}, "INVALID_ACTION"),
        ({"action": "mode", "mode": "party"}, "INVALID_ACTION"),
        ({"action": "lock", "custom_id": 7}, "INVALID_CUSTOM_ID"),
    ],
)
def test_what_is_no_action_is_refused(
    api: Api, device: Device, fields: dict[str, Any], error_code: str
) -> None:
    refused = api.post(f"/locks/{device.device_id}/actions", **fields)
    assert (refused.status, refused.body["error_code"]) == (400, error_code)


def test_an_action_of_another_lock_or_of_none_is_not_found(api: Api, online: Device) -> None:
    action = act(api, online, action="identify")
    other = api.new_lock()
    assert api.get(f"/locks/{other}/actions/{action['action_id']}").status == 404
    assert api.get(f"/locks/nobody/actions/{action['action_id']}").status == 404


def test_deleting_a_code_tells_a_connected_lock_to_refuse_it_at_once(api: Api, online: Device) -> None:
    code = api.post(f"/locks/{online.device_id}/access_codes", code="86420975").body["access_code_id"]
    api.send("DELETE", f"/access_codes/{code}")
    assert msgspec.json.decode(heard(online).body) == {"type": "revoke", "args": {"ids": [code], "rev": 3}}


def test_a_command_that_somebody_had_the_broker_keep_is_forgotten_on_report(online: Device) -> None:
    online.events(journal_rows(("message_refused", {"stream": "command", "reason": "retained", "count": 1})))
    topic = f"lock/v1/{online.device_id}/down/command"
    wait_for(lambda: (topic, b"") in online.raw, what="the order to forget")


# --- without a broker -----------------------------------------------------------------------------------


def told(database: Database, door: str, *details: dict[str, Any]) -> None:
    """The journal of a lock with these answers reaches the cloud at second 100."""
    rows = journal_rows(*(("command_result", detail) for detail in details))
    journal.store(database, door, Events(journal_epoch="0123456789abcdef", rows=rows), 100.0)


def issued(database: Database, door: str, wall: float, *, is_heard: bool = True) -> str | commands.NotOnline:
    database.run("INSERT OR REPLACE INTO reported_status VALUES (?, 'sid', 1, '{}', 0)", door)
    sent: list[bytes] = []

    def publish(topic: str, payload: bytes, *, retain: bool, expiry_s: int | None = None) -> int | None:
        assert (topic, retain, expiry_s) == (f"lock/v1/{door}/down/command", False, 20)
        sent.append(payload)
        return 1 if is_heard else None

    downlink = Downlink(
        database, Keyring(new_signing_key(), new_sealing_key()), publish, lambda: wall, lambda *_: None
    )
    return commands.issue(database, downlink, door, "unlock", {}, wall)


def status(database: Database, command_id: object, wall: float) -> tuple[str, str | None]:
    row = commands.find(database, str(command_id), wall) or {}
    return row["status"], row["reason"]


def test_without_a_broker_nothing_is_issued(database: Database, door: str) -> None:
    assert issued(database, door, 50.0, is_heard=False) == commands.NotOnline()
    assert database.rows("SELECT * FROM commands") == []


def test_a_command_nobody_answers_expires_and_a_late_answer_counts(database: Database, door: str) -> None:
    command_id = issued(database, door, 50.0)
    assert status(database, command_id, 79.0) == ("pending", None)
    assert status(database, command_id, 80.0) == ("expired", None)
    told(database, door, {"id": command_id, "type": "unlock", "result": "done"})
    assert status(database, command_id, 101.0) == ("done", None)


def test_done_and_then_unknown_is_not_called_done(database: Database, door: str) -> None:
    answers = [{"id": issued(database, door, 50.0), "type": "unlock", "result": "done"}]
    answers.append(answers[0] | {"result": "unknown", "reason": "restarted"})
    told(database, door, *answers)
    assert status(database, answers[0]["id"], 101.0) == ("failed", "unknown")


def test_a_repeated_answer_makes_no_second_event_of_the_action(database: Database, door: str) -> None:
    detail = {"id": issued(database, door, 50.0), "type": "unlock", "result": "done"}
    told(database, door, detail, detail | {"duplicate": True})
    rows = database.rows("SELECT event FROM events ORDER BY sequence")
    kinds = [json.loads(row["event"])["event_type"] for row in rows]
    assert kinds.count("lock.action_completed") == kinds.count("lock.unlocked") == 1


def test_the_answer_of_another_lock_changes_nothing(database: Database, door: str) -> None:
    with database.transaction():
        other = locks.add_lock(database, None, 0.0)
    command_id = issued(database, door, 90.0)
    told(database, other, {"id": command_id, "type": "unlock", "result": "done"})
    assert status(database, command_id, 101.0) == ("pending", None)
