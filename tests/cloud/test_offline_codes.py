"""Offline codes over HTTP: the same codes as at the other face, and how they end before their time."""

import json
import time
from typing import Any

import pytest

from agent.core.offline_code import EPOCH_S, IssuerKey, Meaning, OfflineFormat, OfflineKind, derive_key, issue
from agent.messages import Status
from cloud_sim import offline_codes, offline_revocation, offline_setups, reported
from cloud_sim.database import Database
from cloud_sim.journal import row_hash
from cloud_sim.offline_issuing import WantedOfflineCode, issue_code
from tests.cloud.device import EPOCH, Device
from tests.cloud.site import Answer, Api, CloudProcess
from tests.cloud.test_offline_setups import ROOT, heard, put
from tests.waiting import wait_for

ONCE = {"is_offline_access_code": True, "is_one_time_use": True}


def create(api: Api, lock_id: str, **fields: Any) -> dict[str, Any]:
    answer = api.post(f"/locks/{lock_id}/access_codes", **fields)
    assert answer.status == 201, answer.body
    code: dict[str, Any] = answer.body
    return code


def get(api: Api, code: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"/access_codes/{code['access_code_id']}").body
    return found


def delete(api: Api, code: dict[str, Any]) -> Answer:
    return api.send("DELETE", f"/access_codes/{code['access_code_id']}")


def row_of_now(kind: str) -> dict[str, Any]:
    """The first row of a journal; what did not happen before it did not happen."""
    row = {"seq": 1, "boot": "b", "boottime_ms": 1, "wall_ms": int(time.time() * 1000), "clock": "trusted"}
    row |= {"kind": kind, "detail": {}}
    return {**row, "hash": row_hash(EPOCH, row)}


def in_hours(hours: float) -> str:
    at = time.time() // 3600 * 3600 + hours * 3600
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(at))


def test_a_code_is_issued_listed_and_got(api: Api, lock_id: str) -> None:
    put(api, lock_id, keys=[{"kid": 1, "root": ROOT}])
    table = create(api, lock_id)
    code = create(
        api, lock_id, is_offline_access_code=True, name="Ana", starts_at=in_hours(1), ends_at=in_hours(30)
    )
    assert (code["name"], code["starts_at"], code["ends_at"]) == ("Ana", in_hours(1), in_hours(30))
    assert (code["first_use_by"], code["is_offline_access_code"]) == (in_hours(25), True)
    assert (len(code["code"]), code["status"], code["state"]) == (10, "pending", "setting")
    listed = api.get(f"/locks/{lock_id}/access_codes").body["access_codes"]
    assert [each["access_code_id"] for each in listed] == [table["access_code_id"], code["access_code_id"]]
    assert [each["is_offline_access_code"] for each in listed] == [False, True]
    assert get(api, code) == code == listed[1]


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"code": "4711"}, "INVALID_FIELD"),
        ({"max_uses": 3}, "INVALID_FIELD"),
        ({"max_time_rounding": "1week"}, "INVALID_FIELD"),
        ({"starts_at": "2040-01-01T00:00:00Z"}, "INVALID_WINDOW"),
        ({"is_offline_access_code": False, "max_time_rounding": "1day"}, "INVALID_FIELD"),
        ({"is_offline_access_code": "yes"}, "INVALID_FLAG"),
    ],
)
def test_what_no_offline_code_can_be_is_refused(
    api: Api, lock_id: str, fields: dict[str, Any], error: str
) -> None:
    put(api, lock_id, keys=[{"kid": 1, "root": ROOT}])
    answer = api.post(f"/locks/{lock_id}/access_codes", **{"is_offline_access_code": True, **fields})
    assert (answer.status, answer.body["error_id"]) == (400, error)


def test_a_lock_without_a_setup_takes_none(api: Api, lock_id: str) -> None:
    for answer in (
        api.post(f"/locks/{lock_id}/access_codes", **ONCE),
        api.post(f"/locks/{lock_id}/offline_cancellation"),
    ):
        assert (answer.status, answer.body["error_id"]) == (409, "NO_OFFLINE_CODES")


def test_it_cannot_be_changed(api: Api, lock_id: str) -> None:
    put(api, lock_id, keys=[{"kid": 1, "root": ROOT}])
    code = create(api, lock_id, **ONCE)
    body = json.dumps({"name": "Other"}).encode()
    headers = {"Content-Type": "application/json"}
    answer = api.send("PATCH", f"/access_codes/{code['access_code_id']}", body, headers)
    assert (answer.status, answer.body["error_id"]) == (409, "OFFLINE_ACCESS_CODE")


def test_a_person_and_their_code_are_exported_and_erased(api: Api, lock_id: str) -> None:
    put(api, lock_id, keys=[{"kid": 1, "root": ROOT}])
    code = create(api, lock_id, **ONCE, person_id="guest-4711", name="Ana Perez")
    exported = api.get("/people/guest-4711/export").body
    assert [each["access_code_id"] for each in exported["access_codes"]] == [code["access_code_id"]]
    assert api.send("DELETE", "/people/guest-4711").body["access_codes"] == 1
    left = get(api, code)
    assert (left["name"], left["person_id"], left["code"]) == (None, None, code["code"])
    assert api.get("/people/guest-4711/export").status == 404


def test_complaint_23_a_code_is_revoked_by_what_its_lock_hears_next(
    cloud: CloudProcess, device: Device
) -> None:
    api = cloud.api
    device.events([row_of_now("started")])
    put(api, device.device_id, keys=[{"kid": 1, "root": ROOT}])
    journal = f"/locks/{device.device_id}/offline_setup"
    wait_for(lambda: api.get(journal).body["offline_setup"]["journal_epoch"], what="the journal")
    rev = api.get(journal).body["rev"]
    device.status(offline_rev=rev)
    code = create(api, device.device_id, **ONCE)
    wait_for(lambda: get(api, code)["status"] == "active", what="the lock to have its keys")
    assert delete(api, code).body["status"] == "pending"
    assert (get(api, code)["status"], get(api, code)["state"]) == ("pending", "removing")
    [denied] = heard(device, rev + 1)["denied"]
    slot, phase = denied["slot"], OfflineFormat(device.device_id)
    key = IssuerKey(1, 0, derive_key(bytes.fromhex(ROOT), 1, 0))
    assert issue(phase, key, EPOCH_S + slot * 3600, Meaning(OfflineKind.ONCE, 24, 0)) == code["code"]
    command = wait_for(lambda: device.last("command"), what="the command for a lock that took it before")
    assert command is not None
    assert code["access_code_id"] in bytes(command.body).decode()
    device.status(offline_rev=rev + 1)
    wait_for(lambda: get(api, code)["status"] == "ended", what="the lock's word")
    assert delete(api, code).status == 200
    assert api.get(journal).body["rev"] == rev + 1, "again changes nothing"


def test_complaint_23_what_is_revoked_stays_so_when_the_setup_is_replaced(
    database: Database, door: str
) -> None:
    keys, now = [{"kid": 1, "root": ROOT}], time.time()
    offline_setups.replace(database, door, {"keys": keys})
    with database.transaction():
        made = issue_code(database, door, WantedOfflineCode(is_one_time_use=True), now)
        assert isinstance(made, str)
        row = offline_codes.find(database, made)
        assert row is not None
        offline_revocation.revoke(database, row, now)
    listed = {"kid": 1, "issuer": 0, "slot": 5, "q": 5}
    offline_setups.replace(database, door, {"keys": keys, "denied": [listed]})
    kept = offline_setups.kept(database, door)
    assert kept is not None
    revoked = {name: row[name] for name in ("kid", "issuer", "slot", "q")}
    assert (kept.rev, kept.document(door)["denied"]) == (3, [listed, revoked])


def test_a_revoked_code_is_denied_until_the_lock_knows_and_could_take_it_no_more(
    database: Database, door: str
) -> None:
    now = time.time()
    offline_setups.replace(database, door, {"keys": [{"kid": 1, "root": ROOT}]})

    def revoked(at_s: float) -> list[Any]:
        """Issue a code then and revoke it; the slots that are denied."""
        with database.transaction():
            made = issue_code(database, door, WantedOfflineCode(is_one_time_use=True), at_s)
            assert isinstance(made, str)
            offline_revocation.revoke(database, offline_codes.find(database, made) or {}, at_s)
        kept = offline_setups.kept(database, door)
        assert kept is not None
        return [one["slot"] for one in kept.revoked]

    first = revoked(now)
    assert revoked(now + 4 * 86_400) == [*first, first[0] + 96], "the lock has said nothing"
    knows(database, door, 3)
    assert revoked(now + 8 * 86_400) == [first[0] + 192]
    knows(database, door, 4)
    assert revoked(now + 8 * 86_400 + 3600) == [first[0] + 192, first[0] + 193], (
        "it could still be used first"
    )


def knows(database: Database, door: str, rev: int) -> None:
    """The lock says which setup counts there."""
    status = Status(online=True, sid="s", offline_rev=rev)
    reported.store_status(database, door, status, time.time())


def test_complaint_23_a_code_that_cancels_says_what_it_hits(api: Api, lock_id: str) -> None:
    put(api, lock_id, keys=[{"kid": 1, "root": ROOT}])
    window = {"is_offline_access_code": True, "ends_at": in_hours(40)}
    now, later = (create(api, lock_id, **window, starts_at=in_hours(start)) for start in (0, 5))
    answer = api.post(f"/locks/{lock_id}/offline_cancellation", before=in_hours(3)).body
    assert (answer["hits"], answer["spares"]) == ([now["access_code_id"]], [])
    assert (answer["valid_from"], answer["valid_until"]) == (in_hours(3), in_hours(27))
    assert later["access_code_id"] not in answer["hits"]
    form, key = OfflineFormat(lock_id), IssuerKey(1, 0, derive_key(bytes.fromhex(ROOT), 1, 0))
    meaning = Meaning(OfflineKind.CANCEL, 24, 0)
    assert answer["code"] == issue(form, key, time.time() // 3600 * 3600 + 3 * 3600, meaning)


def test_a_code_that_cancels_is_for_a_time_at_which_it_can_be_typed(api: Api, lock_id: str) -> None:
    put(api, lock_id, keys=[{"kid": 1, "root": ROOT, "policy": {"may_cancel": False}}])
    path = f"/locks/{lock_id}/offline_cancellation"
    assert api.post(path).body["error_id"] == "NO_OFFLINE_CODES"
    put(api, lock_id, keys=[{"kid": 1, "root": ROOT}])
    assert api.post(path, before=in_hours(-30)).body["error_id"] == "INVALID_TIME"
    assert api.post(path, before="soon").body["error_id"] == "INVALID_TIME"
    assert api.post(path).status == 200


def test_a_key_that_is_taken_away_ends_the_codes_that_nobody_used(api: Api, lock_id: str) -> None:
    put(api, lock_id, keys=[{"kid": 1, "root": ROOT}])
    code = create(api, lock_id, **ONCE)
    put(api, lock_id, keys=[{"kid": 2, "root": ROOT}])
    assert get(api, code)["state"] == "removing"
