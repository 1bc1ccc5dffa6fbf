"""Webhooks as clients keep them: create, get, list, update, delete, with the verbs of every SDK."""

from typing import Any

import pytest
from seam.exceptions import SeamHttpApiError, SeamHttpInvalidInputError
from seam.seam import Seam

from tests.cloud.site import CloudProcess
from tests.seam.raw import Raw
from tests.seam.receiver import listening
from tests.waiting import wait_for

NOBODY = "00000000-0000-4000-8000-000000000000"
URL = "https://example.com/hook"


@pytest.fixture
def seam(raw: Raw) -> Any:
    return Seam(api_key=raw.key, endpoint=raw.base_url)


def test_the_sdk_keeps_a_webhook_from_creation_to_deletion(seam: Any) -> None:
    made = seam.webhooks.create(url=URL, event_types=["lock.unlocked"])
    assert made.secret.startswith("whsec_")
    seam.webhooks.update(webhook_id=made.webhook_id, event_types=["lock.locked", "lock.unlocked"])
    found = seam.webhooks.get(webhook_id=made.webhook_id)
    assert (found.url, found.secret, found.event_types) == (
        URL,
        made.secret,
        ["lock.locked", "lock.unlocked"],
    )
    assert made.webhook_id in [one.webhook_id for one in seam.webhooks.list()]
    seam.webhooks.delete(webhook_id=made.webhook_id)
    with pytest.raises(SeamHttpApiError) as refused:
        seam.webhooks.get(webhook_id=made.webhook_id)
    assert refused.value.code == "webhook_not_found"


def test_a_webhook_is_told_everything_unless_it_says_otherwise(seam: Any) -> None:
    made = seam.webhooks.create(url=URL)
    assert made.event_types == ["*"]
    seam.webhooks.delete(webhook_id=made.webhook_id)


@pytest.mark.parametrize(
    ("read", "change", "remove"), [("POST", "POST", "POST"), ("GET", "PUT", "DELETE")], ids=["old", "new"]
)
def test_every_generation_of_verbs_is_understood(raw: Raw, read: str, change: str, remove: str) -> None:
    webhook_id = raw.post("/webhooks/create", url=URL).body["webhook"]["webhook_id"]
    answers = [
        raw.call(read, "/webhooks/get", webhook_id=webhook_id),
        raw.call(read, "/webhooks/list"),
        raw.call(change, "/webhooks/update", webhook_id=webhook_id, event_types=["*"]),
        raw.call(remove, "/webhooks/delete", webhook_id=webhook_id),
    ]
    assert [(answer.status, answer.body["ok"]) for answer in answers] == [(200, True)] * 4


@pytest.mark.parametrize(
    "url",
    ["", "ftp://example.com", "example.com/hook", "http://", "http://a b", "http://u:p@x/", "http://x:y/"],
)
def test_a_url_that_cannot_be_posted_to_is_refused(seam: Any, url: str) -> None:
    with pytest.raises(SeamHttpInvalidInputError) as refused:
        seam.webhooks.create(url=url)
    assert refused.value.get_validation_error_messages("url")


def test_a_missing_url_is_named(raw: Raw) -> None:
    error = raw.post("/webhooks/create").body["error"]
    assert error["validation_errors"]["url"] == {"_errors": ["Required"]}


def test_no_types_at_all_are_refused(raw: Raw) -> None:
    webhook_id = raw.post("/webhooks/create", url=URL).body["webhook"]["webhook_id"]
    answer = raw.post("/webhooks/update", webhook_id=webhook_id, event_types=[])
    assert (answer.status, answer.body["error"]["type"]) == (400, "invalid_input")
    raw.post("/webhooks/delete", webhook_id=webhook_id)


def test_webhooks_of_nobody_are_not_found(raw: Raw) -> None:
    for what in ("get", "delete"):
        assert raw.post(f"/webhooks/{what}", webhook_id=NOBODY).body["error"]["type"] == "webhook_not_found"


def test_a_webhook_is_told_what_happens_from_now_on(quiet_cloud: CloudProcess, raw: Raw) -> None:
    with listening() as receiver:
        webhook = raw.post("/webhooks/create", url=receiver.url).body["webhook"]
        quiet_cloud.api.post(f"/locks/{quiet_cloud.api.new_lock()}/access_codes")
        wait_for(lambda: len(receiver.requests) == 2, what="the events")
        raw.post("/webhooks/delete", webhook_id=webhook["webhook_id"])
    created, requested = receiver.verified(webhook["secret"])
    assert created.event_type == "access_code.created"
    assert requested.event_type == "access_code.mutations_requested"
