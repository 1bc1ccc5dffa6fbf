"""Codes of the wanted set that people remove at the door: put back by the lock, or gone, as the code says."""

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from cloud_sim import access_codes, code_sets, door_codes
from tests.cloud.device import manifest_of
from tests.cloud.door_journal import removed, restored
from tests.seam.lifecycle import change, codes_of, shown, status
from tests.seam.silent_cloud import NOON, Cloud

EXTERNAL = "external_modification_in_effect"
CONFLICT = "conflicting_external_modification"


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    made = Cloud(tmp_path / "cloud.db")
    made.status()
    made.confirm()
    yield made
    made.database.close()


def is_there(cloud: Cloud, access_code_id: str) -> bool:
    return access_codes.find(cloud.database, access_code_id) is not None


def told_of(cloud: Cloud) -> list[dict[str, Any]]:
    """The definitions that the lock is given."""
    return list(code_sets.bucket_parts(cloud.database, cloud.lock_id, 0)[0].rows)


def wanted_ids(cloud: Cloud) -> list[str]:
    return [one["access_code_id"] for one in told_of(cloud)]


def digests(cloud: Cloud) -> tuple[int, str]:
    """What the lock is to hold: the revision and its root."""
    root = code_sets.manifest(cloud.database, cloud.lock_id).root
    return code_sets.head(cloud.database, cloud.lock_id)[1], root


def test_a_managed_code_removed_at_the_door_is_in_conflict_until_the_lock_puts_it_back(cloud: Cloud) -> None:
    code = cloud.create(code="4711")
    cloud.confirm()
    cloud.told()
    cloud.happens(removed(code))
    view = shown(cloud, code)
    [error] = view["errors"]
    assert (error["error_code"], error["change_type"], error["modified_fields"]) == (CONFLICT, "removed", [])
    assert (view["status"], codes_of(view["pending_mutations"])) == ("setting", ["creating"])
    assert cloud.told()[-1] == "access_code.modified_external_to_seam"
    assert wanted_ids(cloud) == [code]
    cloud.happens(restored(code))
    view = shown(cloud, code)
    assert (view["errors"], view["status"], view["pending_mutations"]) == ([], "set", [])


def test_a_removal_that_is_allowed_is_honoured(cloud: Cloud) -> None:
    code = cloud.create(code="4711", ends_at=int(NOON) + 3600)
    cloud.confirm()
    cloud.told()
    cloud.happens(removed(code, stays=True))
    assert wanted_ids(cloud) == []
    cloud.confirm()
    view = shown(cloud, code)
    assert (view["status"], view["errors"], codes_of(view["warnings"])) == ("unset", [], [EXTERNAL])
    assert cloud.told()[-1] == "access_code.deleted_external_to_seam"
    assert change(cloud, code, ends_at=int(NOON) + 7200, code="4712") is None
    assert wanted_ids(cloud) == []
    cloud.delete(code)
    assert not is_there(cloud, code)
    assert cloud.told()[-2:] == ["access_code.changed", "access_code.deleted"]


def test_a_removal_of_a_code_of_another_generation_says_nothing(cloud: Cloud) -> None:
    code = cloud.create(code="4711")
    cloud.confirm()
    cloud.happens(removed(code, gen=2))
    assert status(cloud, code) == "set"


def test_the_conflict_ends_when_the_rows_that_would_end_it_are_lost(cloud: Cloud) -> None:
    code = cloud.create(code="4711")
    cloud.confirm()
    cloud.happens(removed(code))
    with cloud.database.transaction():
        door_codes.doubt(cloud.database, cloud.lock_id)
    assert (status(cloud, code), shown(cloud, code)["errors"]) == ("set", [])


def test_a_code_removed_at_the_door_can_be_deleted_here(cloud: Cloud) -> None:
    code = cloud.create(code="4711")
    cloud.confirm()
    cloud.happens(removed(code))
    cloud.delete(code)
    cloud.confirm()
    cloud.happens(restored(code))
    assert not is_there(cloud, code)


def test_a_lock_is_told_whether_a_code_may_be_removed_at_the_door(cloud: Cloud) -> None:
    code = cloud.create(code="4711", is_external_modification_allowed=True)
    assert told_of(cloud)[0]["is_external_modification_allowed"] is True
    before = digests(cloud)
    change(cloud, code, is_external_modification_allowed=0)
    assert "is_external_modification_allowed" not in told_of(cloud)[0]
    assert digests(cloud)[0] == before[0] + 1


def test_a_set_that_an_older_version_counted_without_that_becomes_a_new_revision(cloud: Cloud) -> None:
    cloud.create(code="4711", is_external_modification_allowed=True)
    before = digests(cloud)
    cloud.database.connection.executescript(files("cloud_sim").joinpath("schema/011.sql").read_text())
    after = digests(cloud)
    assert after[0] == before[0] + 1
    assert after[1] == manifest_of(told_of(cloud), cloud.lock_id, after[0], 1)
