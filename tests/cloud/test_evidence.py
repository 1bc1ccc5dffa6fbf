"""What is shown of locks and codes as time passes and reports come or fail to."""

import msgspec
import pytest

from agent.jose import new_sealing_key, new_signing_key
from agent.messages import Codes, Status
from cloud_sim import access_codes, answers, code_sets, locks, reported
from cloud_sim.access_codes import NewAccessCode
from cloud_sim.database import Database
from cloud_sim.downlink import Downlink
from cloud_sim.fleet import Fleet
from cloud_sim.keyring import Keyring

DAY_S = 24 * 3600


def shown(database: Database, access_code_id: str, wall: float) -> tuple[str, str]:
    row = access_codes.find(database, access_code_id)
    assert row is not None
    proof = reported.evidence(database, row["lock_id"], wall)
    code = answers.access_code(row, proof, "owner", wall)
    return code["status"], code["state"]


def create(database: Database, door: str, wanted: NewAccessCode) -> str:
    created = access_codes.create(database, door, wanted, 0.0)
    assert isinstance(created, str)
    return created


def confirm(database: Database, door: str, rev: int) -> None:
    root = code_sets.manifest(database, door).root
    report = Codes(set_epoch=1, rev=rev, root=root, count=1, capacity=10, constraints={})
    reported.store_codes(database, door, report)


def is_online(database: Database, door: str, wall: float) -> bool:
    return bool(answers.lock(database, locks.find_lock(database, door) or {}, wall)["online"])


def test_a_code_goes_from_pending_over_active_to_ended(database: Database, door: str) -> None:
    code = create(database, door, NewAccessCode(code="1234", ends_at=100))
    assert shown(database, code, 50.0) == ("pending", "setting")
    confirm(database, door, 2)
    assert shown(database, code, 99.0) == ("active", "set")
    assert shown(database, code, 100.0) == ("ended", "set")


def test_a_one_time_code_has_ended_once_it_was_used(database: Database, door: str) -> None:
    code = create(database, door, NewAccessCode(code="1234", is_one_time_use=True))
    confirm(database, door, 2)
    reported.count_use(database, door, {"access_code_id": code, "gen": 1}, 1.0)
    assert shown(database, code, 2.0) == ("ended", "set")


def test_after_three_days_of_silence_the_state_is_unknown(database: Database, door: str) -> None:
    code = create(database, door, NewAccessCode(code="1234"))
    reported.store_status(database, door, Status(online=True, sid="s"), 0.0)
    confirm(database, door, 2)
    assert shown(database, code, 3.0 * DAY_S) == ("active", "set")
    assert shown(database, code, 3.0 * DAY_S + 1) == ("active", "unknown")


def test_a_lock_that_stops_repeating_its_status_is_not_online(database: Database, door: str) -> None:
    assert not is_online(database, door, 0.0)
    reported.store_status(database, door, Status(online=True, sid="s"), 1000.0)
    assert is_online(database, door, 1000.0 + 35 * 60)
    assert not is_online(database, door, 1001.0 + 35 * 60)
    reported.note_seen(database, door, 1001.0 + 35 * 60)
    assert is_online(database, door, 1001.0 + 35 * 60)


def test_a_lock_that_holds_nothing_yet_leaves_codes_setting(database: Database, door: str) -> None:
    code = create(database, door, NewAccessCode(code="1234"))
    report = Codes(set_epoch=1, rev=0, root="0" * 64, count=0, capacity=10, constraints={})
    reported.store_codes(database, door, report)
    assert shown(database, code, 0.0) == ("pending", "setting")


def test_a_report_of_another_set_epoch_confirms_nothing(database: Database, door: str) -> None:
    code = create(database, door, NewAccessCode(code="1234"))
    root = code_sets.manifest(database, door).root
    report = Codes(set_epoch=2, rev=2, root=root, count=1, capacity=10, constraints={})
    reported.store_codes(database, door, report)
    assert shown(database, code, 0.0) == ("pending", "setting")


@pytest.mark.parametrize("topic", ["lock/v1/stranger/up/status", "lock/v1/x/up/else", "else", ""])
def test_messages_of_strangers_are_counted_apart(database: Database, topic: str) -> None:
    def publish(topic: str, payload: bytes, *, retain: bool, expiry_s: int | None = None) -> int | None:
        raise AssertionError((topic, payload, retain, expiry_s))

    fleet = Fleet(
        database,
        Downlink(
            database, Keyring(new_signing_key(), new_sealing_key()), publish, lambda: 0.0, lambda *_: None
        ),
        lambda: 0.0,
        lambda _csr, device_id: device_id,
    )
    for _ in range(3):
        fleet.received(topic, msgspec.json.encode({}), is_retained=False)
    [entry] = answers.refused(database, "")
    assert entry["count"] == 3
    assert entry["reason"] in ("unknown_device", "unknown_topic")
