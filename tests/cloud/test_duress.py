"""Complaint 60, at the cloud: an alarm is read by the cloud alone, and is in no ordinary list."""

import json
import time
from typing import Any

from agent.envelope import new_sealing_key, new_signing_key
from agent.messages import Events
from agent.sealing import Sealer
from cloud_sim import duress, events, journal
from cloud_sim.database import Database
from cloud_sim.keyring import Keyring
from tests.cloud.device import EPOCH, journal_rows
from tests.cloud.site import Api

IDENTITY, CLOUD = new_signing_key(), new_sealing_key()
GRANTED = {"access_code_id": "c", "gen": 1, "keypad": "outside"}


def jwk(key: Any, *, private: bool) -> dict[str, str]:
    return {name: str(value) for name, value in key.as_dict(private=private).items()}


def enrol(database: Database, door: str) -> None:
    """Pin the identity of a lock, as an enrolment does."""
    keys = [json.dumps(jwk(key, private=False)) for key in (IDENTITY, new_sealing_key())]
    database.run("INSERT INTO device_keys VALUES (?, ?, ?, 'PEM', 0)", door, *keys)


def sealed(door: str) -> dict[str, Any]:
    """The detail of a `duress` row of that lock."""
    sealer = Sealer(
        device_id=door, identity=jwk(IDENTITY, private=True), cloud_sealing=jwk(CLOUD, private=False)
    )
    return {"sealed": sealer.sealed("duress", GRANTED, int(time.time()))}


def take(database: Database, door: str, detail: dict[str, Any]) -> None:
    rows = journal_rows(("access_granted", GRANTED), ("duress", detail))
    journal.store(
        database,
        door,
        Events(journal_epoch=EPOCH, rows=rows),
        1_900_000_000.0,
        Keyring(new_signing_key(), CLOUD),
    )


def test_an_alarm_is_in_its_own_list_and_in_no_other(database: Database, door: str) -> None:
    enrol(database, door)
    take(database, door, sealed(door))
    (alarm,) = duress.events_after(database, door, 0, 10)
    assert (alarm["event_type"], alarm["access_code_id"]) == ("lock.duress", "c")
    assert (alarm["detail"], alarm["sequence"]) == (GRANTED, 1)
    assert [event["event_type"] for event in events.events_after(database, door, 0, 10)] == ["lock.unlocked"]


def test_an_alarm_that_cannot_be_read_is_an_alarm_all_the_same(database: Database, door: str) -> None:
    enrol(database, door)
    take(database, door, {"sealed": "nonsense"})
    (alarm,) = duress.events_after(database, door, 0, 10)
    assert (alarm["event_type"], alarm["detail"]) == ("lock.duress", {"unreadable": "malformed"})


def test_an_alarm_of_another_lock_is_not_believed(database: Database, door: str) -> None:
    enrol(database, door)
    take(database, door, sealed("another"))
    (alarm,) = duress.events_after(database, door, 0, 10)
    assert alarm["detail"] == {"unreadable": "wrong_device"}


def test_the_list_of_alarms_is_asked_for_like_events(api: Api, lock_id: str) -> None:
    assert api.get(f"/locks/{lock_id}/duress_events?after=0&limit=5").body == {"duress_events": []}
    assert api.get("/locks/nobody/duress_events").body["error_code"] == "LOCK_NOT_FOUND"


def test_an_alarm_sealed_before_the_lock_was_enrolled_again_can_be_read(
    database: Database, door: str
) -> None:
    detail = sealed(door)
    identity = json.dumps(jwk(IDENTITY, private=False))
    database.run("INSERT INTO former_identities VALUES (?, ?)", door, identity)
    later = json.dumps(jwk(new_signing_key(), private=False))
    database.run("INSERT INTO device_keys VALUES (?, ?, '{}', 'PEM', 0)", door, later)
    take(database, door, detail)
    (alarm,) = duress.events_after(database, door, 0, 10)
    assert alarm["access_code_id"] == "c"
