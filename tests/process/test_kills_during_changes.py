"""Cloud, broker and lock killed at random moments while codes are made, changed, removed and used: all agree
afterwards, without anybody's help. A fifth of LOCK_TEST_KILLS is how often each of them dies."""

import http.client
import json
import logging
import os
import random
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from firmware_sim.site_processes import Site
from tests.cloud.site import Answer, Api
from tests.process.doors import Code, Door
from tests.waiting import wait_for

log = logging.getLogger(__name__)

KILLS = max(1, int(os.environ.get("LOCK_TEST_KILLS", "20")) // 5)
"""Of each part."""
LATEST_KILL_S = 0.25
MOST_CODES = 40

pytestmark = [pytest.mark.process, pytest.mark.timeout(120 + 60 * KILLS)]


@dataclass(slots=True)
class People:
    """Those who ask the cloud for codes, and remember what it confirmed."""

    site: Site
    device_id: str
    wanted: dict[str, set[str]] = field(default_factory=dict)
    """Code -> the digits it may have: more than one where the cloud died over a change."""
    gone: set[str] = field(default_factory=set)
    unsure: set[str] = field(default_factory=set)
    """Codes over whose removal the cloud died."""
    answers: Counter[str] = field(default_factory=Counter)

    def ask(self, method: str, path: str, **fields: Any) -> Answer | None:
        """What the cloud answered; None if it did not."""
        cloud = self.site.cloud
        kind = {"Content-Type": "application/json"}
        try:
            answer = Api(cloud.base_url, cloud.token).send(method, path, json.dumps(fields).encode(), kind)
        except (OSError, http.client.HTTPException, ValueError):  # the last: half an answer
            self.answers[f"{method} without an answer"] += 1
            return None
        self.answers[f"{method} {answer.status}"] += 1
        return answer

    def create(self, **rules: Any) -> Code | None:
        answer = self.ask("POST", f"/locks/{self.device_id}/access_codes", **rules)
        if answer is None:
            return None
        made = Code(answer.body["code"], answer.body["access_code_id"])
        self.wanted[made.access_code_id] = {made.digits}
        return made

    def change_something(self) -> None:
        """One wish of a random kind."""
        settled = [each for each in self.wanted if each not in self.unsure]
        wish = random.choice(["create", "update", "delete"])
        if len(settled) > MOST_CODES:
            wish = "delete"
        if wish == "create" or len(settled) < 3:
            self.create()
        elif wish == "update":
            self._update(random.choice(settled))
        else:
            self._delete(random.choice(settled))

    def _update(self, access_code_id: str) -> None:
        digits = f"{random.randrange(10**6, 10**7)}"
        answer = self.ask("PATCH", f"/access_codes/{access_code_id}", code=digits)
        if answer is None:
            self.wanted[access_code_id].add(digits)
        elif answer.status == 200:
            self.wanted[access_code_id] = {digits}

    def _delete(self, access_code_id: str) -> None:
        if self.ask("DELETE", f"/access_codes/{access_code_id}") is None:
            self.unsure.add(access_code_id)
        else:
            del self.wanted[access_code_id]
            self.gone.add(access_code_id)

    def listed(self) -> dict[str, dict[str, Any]]:
        """The codes of the lock as the cloud tells them, by id."""
        answer = self.ask("GET", f"/locks/{self.device_id}/access_codes")
        assert answer is not None
        return {code["access_code_id"]: code for code in answer.body["access_codes"]}

    def compare(self) -> dict[str, dict[str, Any]]:
        """What was confirmed is so; of what was not, what became of it is what counts from now on."""
        listed = self.listed()
        assert self.gone.isdisjoint(listed), "a removed code is back"
        lost = self.wanted.keys() - listed.keys()
        assert lost <= self.unsure, "a confirmed code is lost"
        assert all(listed[each]["code"] in self.wanted[each] for each in self.wanted.keys() - lost)
        self.gone |= lost
        self.unsure.clear()
        self.wanted = {each: {code["code"]} for each, code in listed.items()}
        return listed


def test_kills_of_cloud_broker_and_lock_lose_no_code_bring_none_back_and_forget_no_use(
    site: Site, door: Door
) -> None:
    door.start()
    people = People(site, door.device_id)
    couriers: list[Code] = []
    for _ in range(KILLS):
        courier = people.create(is_one_time_use=True)
        assert courier is not None
        couriers.append(courier)
        wait_for(lambda: agree(people, door), 60, "cloud and lock to agree")
        for victim in random.sample([cloud_dies, broker_dies, lock_dies], 3):
            killer = threading.Timer(random.uniform(0, LATEST_KILL_S), lambda kill=victim: kill(site, door))
            killer.start()
            door.type(f"{courier.digits}#")
            while killer.is_alive():
                people.change_something()
            bring_back(site, door)
        wait_for(lambda: agree(people, door), 60, "cloud and lock to agree")
        people.compare()
        assert all(grants(door, each) <= 1 for each in couriers[-3:])
    log.info("after %d kills of each: %s", KILLS, dict(people.answers))
    every_event_is_at_the_cloud_once(door)
    everything_is_as_it_is_told(people, door, couriers)


def cloud_dies(site: Site, _: Door) -> None:
    site.kill_cloud()


def broker_dies(site: Site, _: Door) -> None:
    site.kill_broker()


def lock_dies(_: Site, door: Door) -> None:
    door.kill()


def bring_back(site: Site, door: Door) -> None:
    """What systemd does. Whoever stands at the door has time for new guesses meanwhile."""
    if "broker" not in site.children:
        site.start_broker()
    if "cloud" not in site.children:
        site.start_cloud()
    if door.agent is None:
        door.refill()
        door.start()


def agree(people: People, door: Door) -> bool:
    """The wanted set, the set of the lock, and what the cloud says of each code."""
    answer = people.ask("GET", f"/locks/{door.device_id}")
    if answer is None:
        return False
    lock = answer.body
    listed = people.listed()
    held = {code["access_code_id"] for code in door.ask("codes")["codes"]}
    return (
        lock["applied_rev"] == lock["head_rev"]
        and lock["reported"] is not None
        and lock["reported"]["is_wanted_set"]
        and held == {each for each, code in listed.items() if code["state"] == "set"}
        and all(code["state"] == "set" or code["status"] == "ended" for code in listed.values())
        and len(cloud_journal(door)) == door.status()["journal"]["last_seq"]
    )


def lock_journal(door: Door) -> list[dict[str, Any]]:
    """All rows of the running agent."""
    return in_pages(lambda last: door.rows(last["seq"] if last else 0))


def cloud_journal(door: Door) -> list[dict[str, Any]]:
    """All events of this lock that are rows of its journal."""
    return in_pages(lambda last: door.events_after(last["sequence"] if last else 0))


def in_pages(page: Callable[[dict[str, Any] | None], list[dict[str, Any]]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while more := page(found[-1] if found else None):
        found += more
    return found


def grants(door: Door, code: Code) -> int:
    rows = [row["detail"] for row in lock_journal(door) if row["kind"] == "access_granted"]
    return sum(row["access_code_id"] == code.access_code_id for row in rows)


def every_event_is_at_the_cloud_once(door: Door) -> None:
    rows = lock_journal(door)
    wait_for(lambda: len(cloud_journal(door)) >= len(rows), 30, "the cloud to have all events")
    assert [event["seq"] for event in cloud_journal(door)][: len(rows)] == [row["seq"] for row in rows]


def everything_is_as_it_is_told(people: People, door: Door, couriers: list[Code]) -> None:
    """No opening without its row, used codes are over at the cloud too, and codes open by what it says."""
    used = [code for code in couriers if grants(door, code)]
    opened = [row for row in lock_journal(door) if row["kind"] == "access_granted"]
    assert door.openings() <= len(opened)
    listed = people.compare()
    for code in used:
        assert code.access_code_id not in listed or listed[code.access_code_id]["status"] == "ended"
    door.kill()
    door.refill()
    door.start()
    living = [code for code in listed.values() if not code["is_one_time_use"]]
    assert all(door.opens(code["code"]) for code in random.sample(living, min(3, len(living))))
    assert not any(door.opens(code.digits) for code in random.sample(used, min(2, len(used))))
