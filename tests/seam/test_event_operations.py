"""Events as clients ask for them, with the real SDK and with the verbs of older ones."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from seam.exceptions import SeamHttpApiError, SeamHttpInvalidInputError
from seam.seam import Seam

from tests.cloud.site import CloudProcess
from tests.seam.raw import Raw
from tests.waiting import wait_for

NOBODY = "00000000-0000-4000-8000-000000000000"
LONG_AGO = "2020-01-01T00:00:00Z"


@pytest.fixture
def seam(raw: Raw) -> Any:
    return Seam(api_key=raw.key, endpoint=raw.base_url)


@pytest.fixture
def code_id(quiet_cloud: CloudProcess, raw: Raw, device_id: str) -> str:
    """A code whose creation was told."""
    code_id = str(quiet_cloud.api.post(f"/locks/{device_id}/access_codes").body["access_code_id"])
    wait_for(lambda: raw.post("/events/list", since=LONG_AGO, access_code_id=code_id).body["events"])
    return code_id


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def test_the_sdk_lists_and_gets_an_event(seam: Any, device_id: str, code_id: str) -> None:
    event, requested = seam.events.list(since=LONG_AGO, device_id=device_id)
    assert requested.requested_mutations[0].mutation_code == "creating"
    assert (event.event_type, event.access_code_id) == ("access_code.created", code_id)
    assert seam.events.get(event_id=event.event_id).event_id == event.event_id
    found = seam.events.get(device_id=device_id, event_type="access_code.created")
    assert found.event_id == event.event_id


@pytest.mark.parametrize("verb", ["GET", "POST"])
def test_every_generation_lists_events(raw: Raw, device_id: str, code_id: str, verb: str) -> None:
    body = raw.call(verb, "/events/list", since=LONG_AGO, device_ids=[device_id]).body
    assert {event["access_code_id"] for event in body["events"]} == {code_id}
    assert set(body) == {"events", "ok"}


def test_no_event_is_about_what_there_is_none_of_here(raw: Raw, device_id: str, code_id: str) -> None:
    assert raw.post("/events/list", since=LONG_AGO, access_code_id=code_id).body["events"]
    for nobodys in ({"space_id": "x"}, {"access_grant_ids": ["x"]}, {"customer_key": "x"}):
        assert raw.post("/events/list", since=LONG_AGO, device_id=device_id, **nobodys).body["events"] == []


def test_between_takes_the_first_moment_and_not_the_last(seam: Any, device_id: str, code_id: str) -> None:
    event, _ = seam.events.list(since=LONG_AGO, access_code_id=code_id)
    at = datetime.fromisoformat(event.created_at)
    after, before = at + timedelta(milliseconds=1), at - timedelta(seconds=1)
    spans = [(before, at), (at, after), (after, after + timedelta(hours=1))]
    found = [
        len(seam.events.list(between=[start.isoformat(), end.isoformat()], device_id=device_id))
        for start, end in spans
    ]
    assert found == [0, 2, 0]


def test_since_takes_nothing_older(seam: Any, device_id: str, code_id: str) -> None:
    assert seam.events.list(since=iso(time.time() + 60), device_id=device_id) == []
    assert seam.events.list(since=LONG_AGO, device_id=device_id, access_code_id=code_id)


@pytest.mark.parametrize(
    "none",
    [
        {"event_type": "lock.unlocked"},
        {"event_types": ["lock.unlocked", "lock.locked"]},
        {"event_ids": [NOBODY]},
        {"connected_account_id": NOBODY},
        {"access_code_ids": [NOBODY]},
        {"device_ids": [NOBODY]},
    ],
)
def test_a_filter_that_nothing_fits_gives_an_empty_list(
    seam: Any, device_id: str, code_id: str, none: dict[str, Any]
) -> None:
    assert seam.events.list(since=LONG_AGO, access_code_id=code_id)
    assert seam.events.list(since=LONG_AGO, device_id=device_id, **none) == []


def test_the_limit_holds_and_the_oldest_come_first(
    seam: Any, quiet_cloud: CloudProcess, device_id: str, code_id: str
) -> None:
    quiet_cloud.api.send("DELETE", f"/access_codes/{code_id}")
    wait_for(lambda: len(seam.events.list(since=LONG_AGO, device_id=device_id)) == 4)
    (first,) = seam.events.list(since=LONG_AGO, device_id=device_id, limit=1)
    assert first.event_type == "access_code.created"
    newest = seam.events.list(since=LONG_AGO, device_id=device_id)[-1]
    assert newest.event_type == "access_code.deleted"


@pytest.mark.parametrize(
    "times",
    [
        {},
        {"since": LONG_AGO, "between": [LONG_AGO, LONG_AGO]},
        {"between": [LONG_AGO]},
        {"since": "yesterday"},
        {"since": LONG_AGO, "limit": 0},
    ],
)
def test_times_that_make_no_sense_are_refused(raw: Raw, times: dict[str, Any]) -> None:
    answer = raw.post("/events/list", **times)
    assert (answer.status, answer.body["error"]["type"]) == (400, "invalid_input")


def test_an_event_of_nobody_is_not_found(seam: Any) -> None:
    with pytest.raises(SeamHttpApiError) as refused:
        seam.events.get(event_id=NOBODY)
    assert (refused.value.status_code, refused.value.code) == (404, "event_not_found")


def test_half_a_question_for_an_event_is_refused(seam: Any, device_id: str) -> None:
    with pytest.raises(SeamHttpInvalidInputError):
        seam.events.get(device_id=device_id)
