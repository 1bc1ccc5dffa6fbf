"""Backup codes: on the lock before anybody needs them, tied to one code when pulled, never for ever."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud_sim import access_codes
from cloud_sim.seam import backup_pool
from tests.seam.lifecycle import DAY_S, codes_of, pool, pull, row, shown
from tests.seam.raw import Raw
from tests.seam.silent_cloud import NOON, Cloud

END = int(NOON) + 3600


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    made = Cloud(tmp_path / "cloud.db")
    made.status()
    made.confirm()
    yield made
    made.database.close()


def pool_codes(cloud: Cloud) -> list[str]:
    rows = access_codes.of_lock(cloud.database, cloud.lock_id)
    return [row["access_code_id"] for row in rows if row["is_backup"] and not row["is_pulled"]]


def test_a_pool_is_ordinary_codes_that_end_in_fourteen_days(cloud: Cloud) -> None:
    pool(cloud)
    rows = [row(cloud, code) for code in pool_codes(cloud)]
    assert len({one["code"] for one in rows}) == backup_pool.POOL_SIZE
    assert {one["ends_at"] for one in rows} == {int(NOON) + 14 * DAY_S}


def test_a_backup_is_available_once_the_lock_holds_it(cloud: Cloud) -> None:
    code = cloud.create(starts_at=int(NOON), ends_at=END)
    pool(cloud)
    assert not shown(cloud, code)["is_backup_access_code_available"]
    assert codes_of(shown(cloud, code)["errors"]) == ["empty_backup_access_code_pool"]
    assert pull(cloud, code) is None
    cloud.confirm()
    assert shown(cloud, code)["is_backup_access_code_available"]
    assert shown(cloud, code)["errors"] == []


def test_a_pulled_code_is_set_at_once_and_ends_with_its_original(cloud: Cloud) -> None:
    code = cloud.create(starts_at=int(NOON), ends_at=END)
    pool(cloud)
    cloud.confirm()
    backup_id = pull(cloud, code)
    assert backup_id is not None
    backup, original = shown(cloud, backup_id), shown(cloud, code)
    assert (backup["is_backup"], backup["status"]) == (True, "set")
    assert backup["ends_at"] == original["ends_at"]
    assert original["pulled_backup_access_code_id"] == backup_id
    assert codes_of(original["warnings"]) == ["using_backup_access_code"]


def test_the_pool_fills_again_after_a_pull_and_clients_are_told(cloud: Cloud) -> None:
    code = cloud.create(starts_at=int(NOON), ends_at=END)
    pool(cloud)
    cloud.confirm()
    backup_id = pull(cloud, code)
    assert len(pool_codes(cloud)) == backup_pool.POOL_SIZE
    cloud.told()
    [event] = [one for one in cloud.events() if one["event_type"] == "access_code.backup_access_code_pulled"]
    assert (event["access_code_id"], event["backup_access_code_id"]) == (code, backup_id)


def test_two_codes_never_pull_the_same_backup(cloud: Cloud) -> None:
    codes = [cloud.create(starts_at=int(NOON), ends_at=END + 30 * DAY_S) for _ in range(4)]
    pool(cloud)
    cloud.confirm()
    pulled = [pull(cloud, code) for code in codes]
    assert (len(set(pulled)), pulled[-1]) == (4, None)


def test_a_pulled_code_never_goes_back_into_the_pool(cloud: Cloud) -> None:
    code = cloud.create(starts_at=int(NOON), ends_at=END)
    pool(cloud)
    cloud.confirm()
    backup_id = pull(cloud, code)
    cloud.delete(code)
    cloud.confirm()
    assert access_codes.find(cloud.database, code) is None
    backup_pool.renew(cloud.database, cloud.now + 2 * DAY_S)
    assert backup_id is not None
    assert row(cloud, backup_id)["ends_at"] == END


def test_the_codes_of_a_pool_are_renewed_before_they_end(cloud: Cloud) -> None:
    pool(cloud)
    assert backup_pool.renew(cloud.database, cloud.now) == []
    cloud.now += 2 * DAY_S
    assert backup_pool.renew(cloud.database, cloud.now) == [cloud.lock_id]
    ends = {row(cloud, code)["ends_at"] for code in pool_codes(cloud)}
    assert ends == {int(cloud.now) + 14 * DAY_S}


def test_a_pool_can_be_switched_on_and_off(raw: Raw, device_id: str) -> None:
    for is_wanted in (True, False):
        switch = {"device_id": device_id, "backup_access_code_pool_enabled": is_wanted}
        assert raw.post("/devices/update", **switch).body == {"ok": True}
        properties = raw.post("/devices/get", device_id=device_id).body["device"]["properties"]
        assert properties["supports_backup_access_code_pool"] is True
        assert properties["backup_access_code_pool_enabled"] is is_wanted


def test_a_pulled_code_outlives_its_pool(cloud: Cloud) -> None:
    code = cloud.create(starts_at=int(NOON), ends_at=END)
    pool(cloud)
    cloud.confirm()
    backup_id = pull(cloud, code)
    backup_pool.turn_off(cloud.database, cloud.lock_id, cloud.now)
    cloud.confirm()
    rows = access_codes.of_lock(cloud.database, cloud.lock_id)
    assert {row["access_code_id"] for row in rows} == {code, backup_id}


def test_a_full_lock_has_as_many_backup_codes_as_fit(cloud: Cloud) -> None:
    for _ in range(7):  # it said that it holds nine
        cloud.create()
    pool(cloud)
    assert len(pool_codes(cloud)) == 2
