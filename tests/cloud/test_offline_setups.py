"""Setups for offline and rolling codes over HTTP: kept here, sealed to the lock, never a step back."""

import json
import signal
from typing import Any

import pytest

from agent.envelope import Message
from agent.messages import Status
from cloud_sim import locks, offline_setups, reported
from cloud_sim.database import Database
from tests.cloud.device import EPOCH, Device, journal_rows
from tests.cloud.site import Answer, Api, CloudProcess
from tests.cloud.test_fleet import eventually
from tests.waiting import wait_for

OTHER_EPOCH = "fedcba9876543210"
ROOT, SECRET = "5a" * 32, "MFRGGZDFMZTWQ2LKNNWG23TPOBYXE43U"
SETUP: dict[str, Any] = {
    "keys": [{"kid": 1, "root": ROOT, "policy": {"serials": 3}}],
    "technicians": [{"slot": 42, "secret": SECRET, "name": "Ana"}],
}


def put(api: Api, lock_id: str, **fields: Any) -> Answer:
    headers = {"Content-Type": "application/json"}
    return api.send("PUT", f"/locks/{lock_id}/offline_setup", json.dumps(fields).encode(), headers)


def heard(device: Device, rev: int) -> dict[str, Any]:
    """The setup of that revision as the lock opened it."""

    def newest() -> Message | None:
        return next(
            (one for one in reversed(device.heard) if (one.stream, one.rev) == ("offline", rev)), None
        )

    message = wait_for(newest, what=f"setup {rev}")
    assert message is not None
    document: dict[str, Any] = json.loads(bytes(message.body))
    return document


def test_a_lock_without_a_setup_has_none(api: Api, lock_id: str) -> None:
    assert api.get(f"/locks/{lock_id}/offline_setup").body == {
        "lock_id": lock_id,
        "status": "none",
        "rev": 0,
        "offline_setup": None,
        "retired_kids": [],
        "guess_chance": None,
        "is_guess_bound_met": True,
    }


def test_the_file_of_lockctl_is_taken_as_it_is_and_that_of_another_lock_is_refused(
    api: Api, lock_id: str
) -> None:
    refused = put(api, lock_id, **SETUP, device_id="6f0c3a52-8a3f-4f3e-9a51-7f1f0c8a2b11")
    assert (refused.status, refused.body["error_code"]) == (400, "INVALID_OFFLINE_SETUP")
    assert put(api, lock_id, **SETUP, device_id=lock_id).body["rev"] == 1


def test_secrets_go_in_and_never_come_out(api: Api, lock_id: str) -> None:
    answer = put(api, lock_id, **SETUP)
    assert (answer.status, answer.body["rev"], answer.body["status"]) == (200, 1, "pending")
    shown = api.get(f"/locks/{lock_id}/offline_setup").body
    assert shown == answer.body
    assert shown["offline_setup"] == {
        "keys": [{"kid": 1, "policy": {"serials": 3}}],
        "technicians": [{"slot": 42, "name": "Ana"}],
        "journal_epoch": "",
    }


@pytest.mark.parametrize(
    ("fields", "part"),
    [
        ({"keys": [{"kid": 1}]}, "keys[0]: needs either root or key"),
        ({"keys": [{"kid": 1, "key": "00" * 32}] * 2}, "the same kid and issuer"),
        ({"digits": 7}, "8, 9 or 10 digits"),
        ({"keys": 3}, "keys"),
        ({"technicians": [{"slot": 1, "secret": "1"}]}, "technicians[0]"),
        (
            {"technicians": [{"slot": n, "secret": SECRET, "name": "x" * 90} for n in range(100)]},
            "at most 12288",
        ),
    ],
)
def test_a_setup_that_no_lock_could_use_is_refused_and_the_old_one_stays(
    api: Api, lock_id: str, fields: dict[str, Any], part: str
) -> None:
    put(api, lock_id, **SETUP)
    answer = put(api, lock_id, **fields)
    assert (answer.status, answer.body["error_code"]) == (400, "INVALID_OFFLINE_SETUP")
    assert part in answer.body["message"]
    assert api.get(f"/locks/{lock_id}/offline_setup").body["rev"] == 1


def test_a_setup_reaches_the_lock_sealed_and_its_report_counts(cloud: CloudProcess, device: Device) -> None:
    path = f"/locks/{device.device_id}/offline_setup"
    put(cloud.api, device.device_id, **SETUP)
    assert heard(device, 1) == SETUP | {"device_id": device.device_id, "journal_epoch": ""}
    assert ROOT.encode() not in b"".join(raw for _, raw in device.raw)
    device.status(offline_rev=1)
    eventually(cloud.api, path, status="applied")
    put(cloud.api, device.device_id, keys=[])
    assert heard(device, 2)["keys"] == []
    eventually(cloud.api, path, status="pending")


def test_a_restarted_cloud_says_it_again(cloud: CloudProcess, device: Device) -> None:
    put(cloud.api, device.device_id, **SETUP)
    heard(device, 1)
    device.heard.clear()
    cloud.restart(signal.SIGKILL)
    cloud.wait_for_broker()
    assert heard(device, 1)["keys"] == SETUP["keys"]


def test_the_first_journal_is_known_and_another_only_when_it_is_named(
    cloud: CloudProcess, device: Device
) -> None:
    put(cloud.api, device.device_id, **SETUP)
    device.events(journal_rows(("boot", {})))
    assert heard(device, 2)["journal_epoch"] == EPOCH
    device.events(journal_rows(("boot", {}), epoch=OTHER_EPOCH), OTHER_EPOCH)
    wait_for(lambda: any(OTHER_EPOCH.encode() in bytes(one.body) for one in device.heard), what="its ack")
    put(cloud.api, device.device_id, **SETUP)
    assert heard(device, 3)["journal_epoch"] == EPOCH
    put(cloud.api, device.device_id, **SETUP, journal_epoch=OTHER_EPOCH)
    assert heard(device, 4)["journal_epoch"] == OTHER_EPOCH


def test_a_cloud_that_was_restored_counts_on_from_what_the_lock_has(database: Database, door: str) -> None:
    offline_setups.replace(database, door, SETUP)
    reported.store_status(database, door, Status(online=True, sid="s", offline_rev=7), 0.0)
    assert offline_setups.catch_up(database, door)
    kept = offline_setups.kept(database, door)
    assert kept is not None
    assert kept.rev == 8
    assert not offline_setups.catch_up(database, door)


def test_a_setup_shows_no_secret_where_it_is_printed(database: Database) -> None:
    with database.transaction():
        lock_id = locks.add_lock(database, "Door", 0.0)
    offline_setups.replace(database, lock_id, SETUP)
    assert repr(offline_setups.kept(database, lock_id)) == "Kept(rev=1)"
