"""The real Seam SDK against lock-sim: what it asks happens at a door, what happens there it hears."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from seam.seam import Seam

from tests.cloud.site import Api
from tests.process.lock_sim import LockSim, running
from tests.seam.receiver import listening
from tests.waiting import wait_for

pytestmark = [pytest.mark.process, pytest.mark.timeout(180)]

LIFE = [
    "access_code.created",
    "access_code.set_on_device",
    "lock.unlocked",
    "access_code.removed_from_device",
    "access_code.deleted",
]
_digits = (f"{number:06d}" for number in itertools.count(310000, 7))


@pytest.fixture(scope="module")
def sim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LockSim]:
    with running(tmp_path_factory.mktemp("seam") / "site", "--disconnected-after", "1") as one:
        yield one


@pytest.fixture(scope="module")
def seam(sim: LockSim) -> Any:
    """The real SDK; Any, since what it returns is a union of everything there is."""
    return Seam(api_key=sim.ready["seam_api"]["api_key"], endpoint=sim.ready["seam_api"]["base_url"])


@pytest.fixture(scope="module")
def cloud(sim: LockSim) -> Api:
    return Api(sim.ready["device_cloud"]["base_url"], sim.ready["device_cloud"]["token"])


@pytest.fixture(scope="module")
def device_id(sim: LockSim) -> str:
    return str(sim.ready["doors"][0]["device_id"])


def new_code(cloud: Api, device_id: str) -> tuple[str, str]:
    """(id, digits) of a code that the lock holds."""
    digits = next(_digits)
    code_id = str(cloud.post(f"/locks/{device_id}/access_codes", code=digits).body["access_code_id"])
    path = f"/access_codes/{code_id}"
    wait_for(lambda: cloud.get(path).body["state"] == "set", 20, "the lock to hold the code")
    return code_id, digits


def types_of(seam: Any, **wanted: str) -> list[str]:
    return [event.event_type for event in seam.events.list(since="2020-01-01T00:00:00Z", **wanted)]


def test_both_locks_are_listed_online_with_what_they_report(seam: Any, sim: LockSim) -> None:
    wait_for(lambda: not any(device.errors for device in seam.devices.list()))
    devices = {device.device_id: device for device in seam.locks.list()}
    assert set(devices) == {door["device_id"] for door in sim.ready["doors"]}
    for device in devices.values():
        assert (device.properties.online, device.properties.locked) == (True, True)
        assert device.properties.max_active_codes_supported >= 10_000


def release_time(seam: Any, device_id: str) -> float:
    return float(seam.devices.get(device_id=device_id).properties.auto_lock_delay_seconds)


def set_release_time(seam: Any, device_id: str, **seconds: int) -> None:
    attempt = seam.locks.configure_auto_lock(device_id=device_id, auto_lock_enabled=True, **seconds)
    assert (attempt.status, attempt.action_type) == ("success", "CONFIGURE_AUTO_LOCK")


def test_the_release_time_is_set_through_the_api_and_taken_back(seam: Any, device_id: str) -> None:
    wait_for(lambda: not seam.devices.get(device_id=device_id).errors)
    before = release_time(seam, device_id)
    set_release_time(seam, device_id, auto_lock_delay_seconds=17)
    wait_for(lambda: release_time(seam, device_id) == 17)
    set_release_time(seam, device_id)
    wait_for(lambda: release_time(seam, device_id) == before)


def test_a_code_typed_through_the_api_opens_the_real_strike_and_is_told(
    seam: Any, sim: LockSim, cloud: Api, device_id: str
) -> None:
    code_id, digits = new_code(cloud, device_id)
    before = sim.strike(1)["releases"]
    assert seam.locks.simulate.keypad_code_entry(device_id=device_id, code=digits).status == "success"
    wait_for(lambda: sim.strike(1)["releases"] == before + 1)
    wait_for(lambda: "lock.unlocked" in types_of(seam, access_code_id=code_id))
    event = seam.events.get(device_id=device_id, event_type="lock.unlocked")
    assert (event.access_code_id, event.method, event.code) == (code_id, "keycode", digits)


def test_a_wrong_code_typed_through_the_api_is_denied_and_told(
    seam: Any, sim: LockSim, device_id: str
) -> None:
    before = sim.strike(1)["releases"]
    seam.locks.simulate.keypad_code_entry(device_id=device_id, code="99887766")
    wait_for(lambda: "lock.access_denied" in types_of(seam, device_id=device_id))
    event = seam.events.get(device_id=device_id, event_type="lock.access_denied")
    assert event.reason.reason_code == "unknown_code"
    assert sim.strike(1)["releases"] == before


def test_unlock_door_opens_the_real_strike_and_is_told_as_remote(
    seam: Any, sim: LockSim, device_id: str
) -> None:
    wait_for(lambda: not sim.strike(1)["released"], 20, "the release of an earlier test to end")
    before = sim.strike(1)["releases"]
    attempt = seam.locks.unlock_door(device_id=device_id)
    assert (attempt.status, attempt.result.was_confirmed_by_device) == ("success", True)
    assert sim.strike(1)["releases"] == before + 1
    wait_for(lambda: "action_attempt.unlock_door.succeeded" in types_of(seam, device_id=device_id))
    wait_for(lambda: types_of(seam, device_id=device_id, event_type="lock.unlocked"))
    event = seam.events.get(device_id=device_id, event_type="lock.unlocked")
    assert (event.method, event.action_attempt_id) == ("remote", attempt.action_attempt_id)


def test_lock_door_ends_a_release_and_is_told_as_remote(seam: Any, sim: LockSim, device_id: str) -> None:
    seam.locks.unlock_door(device_id=device_id)
    attempt = seam.locks.lock_door(device_id=device_id)
    assert attempt.status == "success"
    wait_for(lambda: not sim.strike(1)["released"])
    wait_for(lambda: seam.events.get(device_id=device_id, event_type="lock.locked").method == "remote")


def test_a_lock_that_is_cut_off_says_so_opens_all_the_same_and_comes_back(
    seam: Any, sim: LockSim, cloud: Api
) -> None:
    lock_id = str(sim.ready["doors"][1]["device_id"])
    code_id, digits = new_code(cloud, lock_id)

    def is_told_to_be_gone() -> list[bool]:
        """Of the device, and of its code."""
        shown = (seam.devices.get(device_id=lock_id), seam.access_codes.get(access_code_id=code_id))
        return ["device_disconnected" in [error.error_code for error in one.errors] for one in shown]

    flags = seam.devices.get(device_id=lock_id)
    assert (flags.can_simulate_disconnection, flags.can_simulate_removal) == (True, False)
    before = sim.strike(2)["releases"]
    seam.devices.simulate.disconnect(device_id=lock_id)
    wait_for(lambda: is_told_to_be_gone() == [True, True], 20)
    assert not seam.devices.get(device_id=lock_id).properties.online
    assert not any(device.errors for device in seam.devices.list() if device.device_id != lock_id)
    sim.verb("type", "2", f"{digits}#")
    wait_for(lambda: sim.strike(2)["releases"] == before + 1)
    assert types_of(seam, access_code_id=code_id)[-1] != "lock.unlocked"
    seam.devices.simulate.connect(device_id=lock_id)
    wait_for(lambda: is_told_to_be_gone() == [False, False], 60)
    wait_for(lambda: "lock.unlocked" in types_of(seam, access_code_id=code_id), 20)


def test_complaints_23_and_37_offline_codes_open_and_are_cancelled_while_their_lock_is_cut_off(
    seam: Any, sim: LockSim, cloud: Api, device_id: str
) -> None:
    assert seam.devices.get(device_id=device_id).can_program_offline_access_codes
    window = {"starts_at": in_hours(0), "ends_at": in_hours(9), "max_time_rounding": "1day"}
    with cut_off(seam, device_id):
        once = seam.access_codes.create(
            device_id=device_id, is_offline_access_code=True, is_one_time_use=True
        )
        assert once.status == "set"
        opens(sim, once.code)
        is_refused(sim, once.code, "used up")
        stays, *_, goes = (
            seam.access_codes.create(device_id=device_id, is_offline_access_code=True, **window)
            for _ in range(4)  # of three serials: the last one starts an hour earlier
        )
        opens(sim, goes.code)
        cancelling = cloud.post(f"/locks/{device_id}/offline_cancellation", before=stays.starts_at).body
        assert cancelling["hits"] == [goes.access_code_id]
        before = sim.strike(1)["releases"]
        sim.verb("type", "1", f"{cancelling['code']}#")
        is_refused(sim, goes.code, "revoked")
        assert sim.strike(1)["releases"] == before
        opens(sim, stays.code)
        assert "lock.unlocked" not in types_of(seam, access_code_id=once.access_code_id)
    begin = [f"access_code.{what}" for what in ("created", "issued", "set_on_device")] + ["lock.unlocked"]
    end = ["access_code.removed_from_device", "lock.access_denied"]
    for code in (once, goes):
        told = life_of(seam, code.access_code_id, 6)
        assert (told[:4], sorted(told[4:])) == (begin, end)
    now = [seam.access_codes.get(access_code_id=code.access_code_id) for code in (once, goes, stays)]
    assert [code.status for code in now] == ["unset", "unset", "set"]


def life_of(seam: Any, access_code_id: str, events: int) -> list[str]:
    """What was told of a code, once it is so much."""
    wait_for(lambda: len(types_of(seam, access_code_id=access_code_id)) == events, 30, "its whole life")
    return types_of(seam, access_code_id=access_code_id)


@contextmanager
def cut_off(seam: Any, device_id: str) -> Iterator[None]:
    """The lock has no network, and is told to have none."""
    seam.devices.simulate.disconnect(device_id=device_id)
    try:
        wait_for(lambda: seam.devices.get(device_id=device_id).errors, 20, "the lock to be gone")
        yield
    finally:
        seam.devices.simulate.connect(device_id=device_id)
        wait_for(lambda: not seam.devices.get(device_id=device_id).errors, 60, "the lock to be back")


def in_hours(hours: float) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat()


def opens(sim: LockSim, digits: str) -> None:
    """Type a code at door 1; its strike lets go once."""
    before = sim.strike(1)["releases"]
    sim.verb("type", "1", f"{digits}#")
    wait_for(lambda: sim.strike(1)["releases"] == before + 1, what="the strike")
    wait_for(lambda: not sim.strike(1)["released"], what="the strike to lock again")


def is_refused(sim: LockSim, digits: str, reason: str) -> None:
    """Type a code at door 1; the lock says why not, and the strike stays."""

    def times_said() -> int:
        return sim.lockctl(1, "journal", "--limit", "1000").stdout.count(reason)

    before, said = sim.strike(1)["releases"], times_said()
    sim.verb("type", "1", f"{digits}#")
    wait_for(lambda: times_said() > said, what=reason)
    assert sim.strike(1)["releases"] == before


def test_a_webhook_hears_of_a_code_from_its_creation_to_its_removal(
    seam: Any, cloud: Api, device_id: str
) -> None:
    with listening(500) as receiver:
        webhook = seam.webhooks.create(url=receiver.url, event_types=[*LIFE])
        # What it did not take comes again after 5 s, and before all else.
        code_id, digits = new_code(cloud, device_id)
        seam.locks.simulate.keypad_code_entry(device_id=device_id, code=digits)
        wait_for(lambda: "lock.unlocked" in types_of(seam, access_code_id=code_id))
        cloud.send("DELETE", f"/access_codes/{code_id}")
        wait_for(lambda: len(receiver.requests) == 1 + len(LIFE), 30)
        seam.webhooks.delete(webhook_id=webhook.webhook_id)
    heard = receiver.verified(webhook.secret)
    assert [event.event_type for event in heard] == [LIFE[0], *LIFE]
    assert {event.access_code_id for event in heard} == {code_id}


def test_what_the_webhook_heard_is_what_the_list_holds(seam: Any, cloud: Api, device_id: str) -> None:
    with listening() as receiver:
        webhook = seam.webhooks.create(url=receiver.url, event_types=["access_code.created"])
        code_id, _ = new_code(cloud, device_id)
        wait_for(lambda: receiver.requests)
        seam.webhooks.delete(webhook_id=webhook.webhook_id)
    listed = {event.event_id for event in seam.events.list(since="2020-01-01T00:00:00Z")}
    assert {event.event_id for event in receiver.verified(webhook.secret)} <= listed
    assert seam.events.get(event_id=receiver.ids[0]).access_code_id == code_id
