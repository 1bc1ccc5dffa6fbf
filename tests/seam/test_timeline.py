"""The timeline of a code: what happened to it, in order, page by page, also after its end."""

import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cloud_sim.seam import code_events, timeline
from tests.seam.raw import Raw
from tests.waiting import wait_for

NOBODY = "00000000-0000-4000-8000-000000000000"


def ask(raw: Raw, code_id: str, **more: Any) -> dict[str, Any]:
    return dict(raw.call("GET", "/access_codes/get_timeline", access_code_id=code_id, **more).body)


def has_told_changes(raw: Raw, code_id: str, so_many: int) -> bool:
    return types(ask(raw, code_id)).count("changed") == so_many


def types(answer: dict[str, Any]) -> list[str]:
    return [event["event_type"].removeprefix("access_code.") for event in answer["timeline_events"]]


@pytest.fixture
def code_id(raw: Raw, device_id: str) -> str:
    """A code that was created, and renamed five times."""
    created = raw.post("/access_codes/create", device_id=device_id, name="0").body
    code_id = str(created["access_code"]["access_code_id"])
    for name in range(1, 6):
        raw.post("/access_codes/update", access_code_id=code_id, name=str(name))
        wait_for(partial(has_told_changes, raw, code_id, name))
    return code_id


def test_it_tells_what_happened_by_whom_and_to_what(raw: Raw, device_id: str, code_id: str) -> None:
    answer = ask(raw, code_id)
    assert (types(answer)[0], types(answer).count("name_changed")) == ("created", 5)
    assert answer["pagination"] == {"has_more": False, "next_cursor": None, "prev_cursor": None}
    first = answer["timeline_events"][0]
    second = ask(raw, code_id, event_types=["access_code.changed"])["timeline_events"][0]
    assert (first["description"], first["actor"]) == ("The code was created", {"type": "api_key"})
    assert first["related_resource_ids"]["device_id"] == device_id
    [changed] = second["details"]["changed_properties"]
    assert (changed["property"], changed["from"], changed["to"]) == ("name", "0", "1")


def test_pages_forwards_miss_nothing_and_repeat_nothing(raw: Raw, code_id: str) -> None:
    whole = ask(raw, code_id)["timeline_events"]
    page = ask(raw, code_id, limit=2)
    found = page["timeline_events"]
    assert (len(found) >= 2, page["pagination"]["has_more"]) == (True, True)
    while page["pagination"]["next_cursor"] is not None:
        page = ask(raw, code_id, limit=2, after=page["pagination"]["next_cursor"])
        found += page["timeline_events"]
    assert found == whole


def test_pages_backwards_do_so_too(raw: Raw, code_id: str) -> None:
    whole = ask(raw, code_id)["timeline_events"]
    found: list[dict[str, Any]] = []
    before: str | None = "2999-01-01T00:00:00Z"
    while before is not None:
        page = ask(raw, code_id, limit=2, before=before)
        found = page["timeline_events"] + found
        before = page["pagination"]["prev_cursor"]
    assert found == whole


def test_types_are_chosen_and_others_are_not_there(raw: Raw, code_id: str) -> None:
    assert types(ask(raw, code_id, event_types=["access_code.created", "lock.unlocked"])) == ["created"]


def test_it_outlives_the_code_and_knows_nothing_of_nobody(raw: Raw, code_id: str) -> None:
    raw.post("/access_codes/delete", access_code_id=code_id)
    assert types(ask(raw, code_id))[:1] == ["created"]
    answer = raw.post("/access_codes/get_timeline", access_code_id=NOBODY)
    assert (answer.status, answer.body["error"]["type"]) == (404, "access_code_not_found")


def test_every_event_of_a_code_has_words() -> None:
    modules = Path(code_events.__file__).parent.glob("*.py")
    told = {one for file in modules for one in re.findall(r'"(access_code\.[a-z_.]+)"', file.read_text())}
    assert told == set(timeline.TOLD)
