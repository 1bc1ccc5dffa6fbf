"""Mode schedules over HTTP: wanted here for good, told to the lock until it reports that it has them."""

import json
import signal
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import msgspec
import pytest

from agent.changed_settings import canonical, digest_of
from agent.core.schedule_fields import MAX_HOLIDAYS, MAX_WEEKLY
from agent.envelope import new_sealing_key, new_signing_key
from agent.messages import Events, Status
from cloud_sim import journal, reported, settings_delivery, wanted_settings
from cloud_sim.database import Database
from cloud_sim.downlink import Downlink
from cloud_sim.keyring import Keyring
from cloud_sim.wanted_settings import Wanted
from tests.cloud.device import EPOCH, Device, journal_rows
from tests.cloud.site import Answer, Api, CloudProcess
from tests.cloud.test_fleet import eventually
from tests.waiting import wait_for

OFFICE: dict[str, Any] = {
    "weekly": [{"days": [1, 2, 3, 4, 5], "from": "08:00", "to": "18:00", "mode": "passage"}],
    "zone": "Europe/Berlin",
    "holidays": [{"date": "2090-12-25", "rule": "normal"}],
}
NOTHING = digest_of(canonical({}))
HAS_OFFICE = digest_of(canonical({"mode_schedule": OFFICE}))


@pytest.fixture
def api(cloud: CloudProcess) -> Iterator[Api]:
    yield cloud.api


def put(api: Api, lock_id: str, schedule: dict[str, Any]) -> Answer:
    headers = {"Content-Type": "application/json"}
    return api.send("PUT", f"/locks/{lock_id}/mode_schedule", json.dumps(schedule).encode(), headers)


def told(device: Device, count: int = 1) -> dict[str, Any]:
    """The newest of so many commands the lock heard."""

    def heard() -> list[dict[str, Any]]:
        return [msgspec.json.decode(each.body) for each in device.heard if each.stream == "command"]

    wait_for(lambda: len(heard()) >= count, what=f"{count} command(s)")
    assert len(heard()) == count
    return heard()[-1]


def test_a_lock_that_is_there_is_told_at_once_and_its_report_counts(api: Api, device: Device) -> None:
    path = f"/locks/{device.device_id}/mode_schedule"
    device.status(settings=NOTHING)
    eventually(api, f"/locks/{device.device_id}", online=True)
    assert (api.get(path).body["status"], api.get(path).body["mode_schedule"]) == ("none", None)
    answer = put(api, device.device_id, OFFICE)
    assert (answer.status, answer.body["status"], answer.body["mode_schedule"]) == (200, "pending", OFFICE)
    args = {"mode_schedule": OFFICE, "release_s": None}
    assert told(device) == {"type": "config", "args": args}
    device.status(settings=HAS_OFFICE, release_s=5.0)
    eventually(api, path, status="applied")
    lock = api.get(f"/locks/{device.device_id}").body
    assert (lock["release_s"], lock["settings"]) == (
        5.0,
        {"wanted": args, "status": "applied", "reason": None},
    )


def test_a_lock_that_was_away_gets_it_at_its_next_session(api: Api, device: Device) -> None:
    assert put(api, device.device_id, OFFICE).body["status"] == "pending"
    assert device.last("command") is None
    device.status(settings=NOTHING)
    assert told(device)["args"]["mode_schedule"] == OFFICE
    device.status(settings=NOTHING, sid="another")
    told(device, 2)
    device.status(settings=HAS_OFFICE, sid="another")
    eventually(api, f"/locks/{device.device_id}/mode_schedule", status="applied")
    told(device, 2)


def test_a_cloud_killed_before_the_lock_heard_of_it_still_tells_it(
    cloud: CloudProcess, device: Device
) -> None:
    put(cloud.api, device.device_id, OFFICE)
    cloud.restart(signal.SIGKILL)
    cloud.wait_for_broker()
    device.status(settings=NOTHING)
    assert told(device)["args"]["mode_schedule"] == OFFICE


def test_taking_it_back_is_told_like_any_other_wish(api: Api, device: Device) -> None:
    put(api, device.device_id, OFFICE)
    device.status(settings=HAS_OFFICE)
    path = f"/locks/{device.device_id}/mode_schedule"
    eventually(api, path, status="applied")
    taken = api.send("DELETE", path)
    assert (taken.body["mode_schedule"], taken.body["status"]) == (None, "pending")
    assert told(device)["args"] == {"mode_schedule": None, "release_s": None}


def test_a_refusal_is_shown_with_its_reason_and_not_repeated_in_the_session(api: Api, device: Device) -> None:
    device.status(settings=NOTHING)
    eventually(api, f"/locks/{device.device_id}", online=True)
    put(api, device.device_id, OFFICE)
    message = wait_for(lambda: device.last("command"), what="a command")
    assert message is not None
    refusal = {"id": message.id, "type": "config", "result": "refused", "reason": "forbidden"}
    device.events(journal_rows(("command_result", refusal)))
    path = f"/locks/{device.device_id}/mode_schedule"
    assert eventually(api, path, status="refused")["reason"] == "forbidden"
    device.status(settings=NOTHING, door="open")
    eventually(api, f"/locks/{device.device_id}", door="open")
    told(device)


@pytest.mark.parametrize(
    ("body", "error_code", "named"),
    [
        ({"zone": "UTC"}, "INVALID_SCHEDULE", "weekly and holidays are missing"),
        (OFFICE | {"zone": "Mars"}, "INVALID_SCHEDULE", "zone must be"),
        (OFFICE | {"mode": "passage"}, "UNKNOWN_FIELD", "unknown field 'mode'"),
        (OFFICE | {"weekly": [{"days": [1]}]}, "INVALID_SCHEDULE", "weekly[0] must be"),
        (
            OFFICE | {"weekly": [OFFICE["weekly"][0], OFFICE["weekly"][0] | {"mode": "lockdown"}]},
            "INVALID_SCHEDULE",
            "weekly[0] and weekly[1] overlap",
        ),
    ],
)
def test_a_schedule_that_is_none_changes_nothing(
    api: Api, device: Device, body: dict[str, Any], error_code: str, named: str
) -> None:
    put(api, device.device_id, OFFICE)
    refused = put(api, device.device_id, body)
    assert (refused.status, refused.body["error_code"]) == (400, error_code)
    assert named in refused.body["message"]
    assert api.get(f"/locks/{device.device_id}/mode_schedule").body["mode_schedule"] == OFFICE


def test_a_lock_that_is_not_there_has_no_schedule(api: Api) -> None:
    assert api.get("/locks/nobody/mode_schedule").body["error_code"] == "LOCK_NOT_FOUND"
    assert put(api, "nobody", OFFICE).status == 404


# --- without a broker -----------------------------------------------------------------------------------


class Line:
    """A cloud's way to one lock, which writes down what was said."""

    def __init__(self, database: Database, door: str) -> None:
        self.database, self.door, self.wall = database, door, 1000.0
        self.said = 0
        key = new_signing_key()
        self.downlink = Downlink(
            database, Keyring(key, new_sealing_key()), self._publish, lambda: self.wall, lambda *_: None
        )

    def _publish(self, topic: str, payload: bytes, *, retain: bool, expiry_s: int | None = None) -> int:
        assert (topic, bool(payload), retain, expiry_s) == (
            f"lock/v1/{self.door}/down/command",
            True,
            False,
            20,
        )
        self.said += 1
        return self.said

    def report(self, settings: str, sid: str = "one") -> None:
        status = Status(online=True, sid=sid, settings=settings)
        reported.store_status(self.database, self.door, status, self.wall)

    def tell(self) -> str | None:
        return settings_delivery.deliver(self.database, self.downlink, self.door, self.wall)

    def answer(self, command_id: str | None, result: str) -> None:
        rows = journal_rows(("command_result", {"id": command_id, "type": "config", "result": result}))
        journal.store(self.database, self.door, Events(journal_epoch=EPOCH, rows=rows), self.wall)

    def state(self) -> str:
        return str(wanted_settings.state(self.database, self.door)["status"])


@pytest.fixture
def line(database: Database, door: str) -> Line:
    """A lock that is there, and of which a release time of 20 s is wanted."""
    made = Line(database, door)
    made.report(NOTHING)
    wanted_settings.want(database, door, Wanted(release_s=20), made.wall)
    return made


def test_a_command_that_nobody_answers_is_said_again(line: Line) -> None:
    line.tell()
    line.wall += 15
    line.tell()
    assert line.said == 1
    line.wall += 20
    settings_delivery.deliver_all(line.database, line.downlink, line.wall)
    assert (line.said, line.state()) == (2, "pending")


def test_a_lock_that_never_answers_fills_no_database(line: Line) -> None:
    for _ in range(200):
        line.tell()
        line.wall += 45
        line.report(NOTHING)
    (row,) = line.database.rows("SELECT count(*) AS kept FROM commands")
    assert (line.said, row["kept"] <= 3600 // 45 + 2) == (200, True)


def test_the_largest_schedule_there_can_be_fits_into_one_message(line: Line) -> None:
    first = date(2090, 1, 1)
    holidays = [
        {"date": str(first + timedelta(n)), "rule": {"mode": "no_remote"}} for n in range(MAX_HOLIDAYS)
    ]
    entries = [
        {"days": [1, 2, 3, 4, 5, 6, 7], "from": f"{n // 2:02}:{n % 2 * 30:02}", "to": f"{n // 2:02}:59"}
        | {"mode": "no_remote"}
        for n in range(MAX_WEEKLY)
    ]
    schedule = {"zone": "America/Argentina/ComodRivadavia", "weekly": entries, "holidays": holidays}
    wanted_settings.want(line.database, line.door, Wanted(mode_schedule=schedule), line.wall)
    assert (line.tell() is not None, line.said) == (True, 1)


def test_done_without_the_settings_being_there_is_said_again(line: Line) -> None:
    line.answer(line.tell(), "done")
    line.report("")  # found altered on the disk
    line.tell()
    assert line.said == 2


def test_a_wish_that_is_taken_back_while_it_is_under_way_does_not_win(line: Line) -> None:
    wanted_settings.want(line.database, line.door, Wanted(release_s=20), line.wall)
    line.report(Wanted(release_s=20).digest)
    wanted_settings.want(line.database, line.door, Wanted(release_s=7), line.wall)
    first = line.tell()
    wanted_settings.want(line.database, line.door, Wanted(release_s=20), line.wall)
    second = line.tell()
    assert (first != second, line.said, line.state()) == (True, 2, "pending")
    line.answer(first, "done")
    assert line.state() == "applied"


def test_two_wishes_for_one_lock_do_not_undo_each_other(line: Line) -> None:
    wish = wanted_settings.wanted(line.database, line.door)
    assert wish == Wanted(release_s=20)
    wanted_settings.want(line.database, line.door, Wanted(mode_schedule=OFFICE, release_s=20), line.wall)
    line.report(digest_of(canonical({"mode_schedule": OFFICE, "release_s": 20})))
    assert (line.tell(), line.state()) == (None, "applied")


def test_a_refused_wish_is_tried_again_in_another_session(line: Line) -> None:
    line.answer(line.tell(), "refused")
    line.tell()
    assert (line.said, line.state()) == (1, "refused")
    line.report(NOTHING, sid="two")
    line.tell()
    assert (line.said, line.state()) == (2, "pending")
