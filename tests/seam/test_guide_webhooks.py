"""The events of the guide for device clouds: told to its webhooks, each once, in its own shape."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloud_sim import access_codes, code_updates, guide_events, people
from cloud_sim.seam import webhooks
from tests.cloud.site import CloudProcess
from tests.seam.receiver import listening
from tests.seam.silent_cloud import NOON, Cloud

NOWHERE = "http://127.0.0.1:9/"


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    made = Cloud(tmp_path / "cloud.db")
    yield made
    made.database.close()


def listen(cloud: Cloud, *types: str) -> str:
    with cloud.database.transaction():
        guide_events.begin(cloud.database)
        return webhooks.create(cloud.database, NOWHERE, types or ["*"], cloud.now, guide_events.FACE)


def sent(cloud: Cloud) -> list[dict[str, Any]]:
    """Everything that the webhooks of the guide are sent from here on."""
    cloud.told()
    bodies = []
    while due := webhooks.due(cloud.database, cloud.now):
        for delivery in due:
            bodies.append(json.loads(delivery.body))
            webhooks.delivered(cloud.database, delivery)
    return bodies


def types(events: list[dict[str, Any]]) -> list[str]:
    return [event["event_type"] for event in events]


def change(cloud: Cloud, access_code_id: str, **values: Any) -> None:
    row = access_codes.find(cloud.database, access_code_id)
    assert row is not None
    with cloud.database.transaction():
        assert code_updates.update(cloud.database, row, values, cloud.now) is None


def test_the_life_of_a_code_is_told_as_the_lock_confirms_it(cloud: Cloud) -> None:
    listen(cloud)
    code = cloud.create(code="4711", name="Visitor")
    assert sent(cloud) == []
    cloud.confirm()
    (created,) = sent(cloud)
    assert (created["event_type"], created["device_id"]) == ("access_code.created", cloud.lock_id)
    assert created["data"]["status"] == "success"
    told = created["data"]["access_code"]
    assert (told["access_code_id"], told["code"], told["status"]) == (code, "4711", "active")
    change(cloud, code, ends_at=int(NOON) + 600)
    assert sent(cloud) == []
    cloud.confirm()
    assert types(sent(cloud)) == ["access_code.updated"]
    cloud.delete(code)
    cloud.confirm()
    (deleted,) = sent(cloud)
    assert (deleted["event_type"], deleted["data"]["access_code"]["access_code_id"]) == (
        "access_code.deleted",
        code,
    )
    cloud.restart()
    assert sent(cloud) == []


def test_a_code_that_the_lock_refuses_is_told_as_failed(cloud: Cloud) -> None:
    listen(cloud)
    code = cloud.create()
    cloud.report(
        ("code_state", {"access_code_id": code, "gen": 1, "state": "unset", "errors": ["capacity_full"]})
    )
    cloud.confirm()
    (event,) = sent(cloud)
    assert event["data"]["status"] == "failed"
    assert event["data"]["access_code"]["errors"][0]["error_code"] == "capacity_full"


def test_what_happens_at_the_door_is_told_without_the_digits_that_were_typed(cloud: Cloud) -> None:
    listen(cloud)
    code = cloud.create()
    cloud.confirm()
    cloud.report(
        ("access_granted", {"access_code_id": code, "gen": 1, "keypad": "outside"}),
        ("access_denied", {"reason": "unknown_code", "keypad": "outside"}),
        ("access_denied", {"reason": "expired", "access_code_id": code, "keypad": "outside"}),
    )
    created, used, wrong = sent(cloud)
    assert created["event_type"] == "access_code.created"
    assert (used["event_type"], used["data"]["access_code_id"]) == ("access_code.used", code)
    assert wrong["event_type"] == "access_code.incorrect_attempt"
    assert wrong["data"].keys() == {"lock_id", "occurred_at"}


def test_a_battery_that_is_nearly_empty_is_told(cloud: Cloud) -> None:
    listen(cloud)
    cloud.report(("battery_low", {}), ("battery_restored", {}))
    (low,) = sent(cloud)
    assert low["event_type"] == "device.low_battery"
    assert low["data"].keys() == {"lock_id", "occurred_at"}


def test_a_lock_that_comes_and_goes_is_told(cloud: Cloud) -> None:
    listen(cloud)
    cloud.status()
    assert types(sent(cloud)) == ["device.online"]
    cloud.status(online=False)
    cloud.wait(1)
    cloud.wait(91)
    assert types(sent(cloud)) == ["device.offline"]


def test_a_new_webhook_is_told_nothing_of_the_past_and_everything_from_then_on(cloud: Cloud) -> None:
    code = cloud.create()
    cloud.confirm()
    cloud.told()
    listen(cloud)
    assert sent(cloud) == []
    change(cloud, code, ends_at=int(NOON) + 600)
    cloud.confirm()
    assert types(sent(cloud)) == ["access_code.updated"]


def test_a_webhook_gets_the_types_it_asked_for_and_each_api_its_own(cloud: Cloud) -> None:
    listen(cloud, "access_code.deleted")
    webhooks.create(cloud.database, NOWHERE, ["access_code.created"], cloud.now)
    code = cloud.create()
    cloud.confirm()
    cloud.delete(code)
    cloud.confirm()
    shapes = [(event["event_type"], "workspace_id" in event) for event in sent(cloud)]
    assert sorted(shapes) == [("access_code.created", True), ("access_code.deleted", False)]
    assert "data" not in str([event.keys() for event in cloud.all_events()]), "not in /events/list either"


def test_who_is_erased_is_erased_from_what_waits_here_too(cloud: Cloud) -> None:
    listen(cloud)
    cloud.create(code="4711", name="Grace Hopper")
    cloud.confirm()
    cloud.told()
    people.erase(cloud.database, "Grace Hopper", cloud.now)
    (created,) = sent(cloud)
    assert created["data"]["access_code"]["name"] == people.ERASED


def test_webhooks_are_made_listed_and_deleted_over_http(quiet_cloud: CloudProcess) -> None:
    api = quiet_cloud.api
    with listening() as receiver:
        made = api.post("/webhooks", url=receiver.url, events=["access_code.created"])
        assert (made.status, made.body["status"], made.body["events"]) == (
            201,
            "active",
            ["access_code.created"],
        )
        assert made.body in api.get("/webhooks").body["webhooks"]
        path = f"/webhooks/{made.body['webhook_id']}"
        assert api.send("DELETE", path).body == {"ok": True, "webhook_id": made.body["webhook_id"]}
    assert api.send("DELETE", path).body["error_code"] == "WEBHOOK_NOT_FOUND"
    for bad in ({"url": "ftp://x"}, {}, {"url": 5}):
        assert api.post("/webhooks", **bad).body["error_code"] == "INVALID_URL"
    wrong: tuple[Any, ...] = ([], ["door.opened"], "access_code.used", [[]])
    for events in wrong:
        answer = api.post("/webhooks", url=NOWHERE, events=events)
        assert answer.body["error_code"] == "INVALID_EVENTS"
