"""The wanted set: its buckets, parts and roots are those that the lock would compute."""

import json

import pytest

from agent.core import code_set
from agent.core.access_code import AccessCode, parse_definition
from agent.messages import Codes
from agent.zones import zone_named
from cloud_sim import access_codes, code_sets, code_updates, reported
from cloud_sim.access_codes import NewAccessCode
from cloud_sim.database import Database
from tests.cloud.device import manifest_of


def fill(database: Database, door: str, count: int) -> None:
    for number in range(count):
        wanted = NewAccessCode(code=f"{number:08d}", starts_at=1_900_000_000, ends_at=1_900_086_400)
        access_codes.create(database, door, wanted, 0.0)


def sent_rows(database: Database, door: str, buckets: int) -> list[dict[str, object]]:
    parts = [part for index in range(buckets) for part in code_sets.bucket_parts(database, door, index)]
    return [row for part in parts for row in part.rows]


def test_an_empty_set_is_revision_one_with_one_empty_bucket(database: Database, door: str) -> None:
    manifest = code_sets.manifest(database, door)
    assert (code_sets.head(database, door), manifest.count) == ((1, 1), 0)
    assert manifest.root == manifest_of([], door, 1, 1)
    assert [part.rows for part in code_sets.bucket_parts(database, door, 0)] == [[]]


@pytest.mark.parametrize(("count", "buckets"), [(1, 1), (32, 1), (33, 16), (512, 16), (513, 256)])
def test_the_rows_sent_have_the_digests_of_the_manifest(
    database: Database, door: str, count: int, buckets: int
) -> None:
    fill(database, door, count)
    manifest = code_sets.manifest(database, door)
    assert len(code_set.unpack_digests(manifest.buckets)) == buckets
    rows = sent_rows(database, door, buckets)
    assert len(rows) == manifest.count == count
    assert manifest.root == manifest_of(rows, door, count + 1, buckets)


def test_buckets_become_fewer_only_at_half_of_what_made_them_more(database: Database, door: str) -> None:
    fill(database, door, 33)
    rows = access_codes.of_lock(database, door)
    for row in rows[:16]:
        access_codes.delete(database, row, 0.0)
    assert len(code_set.unpack_digests(code_sets.manifest(database, door).buckets)) == 16
    access_codes.delete(database, rows[16], 0.0)
    manifest = code_sets.manifest(database, door)
    assert manifest.root == manifest_of(sent_rows(database, door, 1), door, 51, 1)


def test_a_lock_that_counts_afresh_confirms_the_same_set(database: Database, door: str) -> None:
    fill(database, door, 33)
    for row in access_codes.of_lock(database, door)[:5]:
        access_codes.delete(database, row, 0.0)
    code_sets.manifest(database, door)  # the lock was told of it
    afresh = manifest_of(sent_rows(database, door, 16), door, 39, buckets=1)
    report = Codes(set_epoch=1, rev=39, root=afresh, count=28, capacity=99, constraints={})
    reported.store_codes(database, door, report)
    assert reported.evidence(database, door, 0.0).confirmed_rev == 39


def test_parts_hold_at_most_twelve_kibibytes_and_every_row_once(database: Database, door: str) -> None:
    fill(database, door, 512)
    database.run("UPDATE locks SET buckets = 1 WHERE lock_id = ?", door)
    parts = code_sets.bucket_parts(database, door, 0)
    assert [part.part for part in parts] == list(range(parts[0].parts))
    assert len(parts) > 5
    assert (
        max(len(json.dumps(part.rows, separators=(",", ":"))) for part in parts) <= code_set.PART_LIMIT_BYTES
    )
    assert len({row["access_code_id"] for part in parts for row in part.rows}) == 512


def test_the_lock_understands_every_rule_it_is_told(database: Database, door: str) -> None:
    wanted = NewAccessCode(
        name="Guest",
        code="0417",
        starts_at=1,
        ends_at=2_000_000_000,
        is_one_time_use=True,
        works_without_clock=True,
    )
    access_codes.create(database, door, wanted, 0.0)
    [row] = sent_rows(database, door, 1)
    understood = parse_definition(row, zone_named)
    assert isinstance(understood, AccessCode)
    assert (understood.starts_at, understood.ends_at, understood.max_uses) == (1, 2_000_000_000, 1)
    assert understood.works_without_clock
    assert (row["code"], "name" in row) == ("0417", False)


def offered(database: Database, door: str) -> tuple[list[bytes], list[dict[str, object]]]:
    """The digests of 40 codes that an enrolled lock was told of, and all rows behind them."""
    database.run("INSERT INTO device_keys VALUES (?, '{}', '{}', '', 0)", door)
    fill(database, door, 40)
    manifest = code_sets.manifest(database, door)
    return code_set.unpack_digests(manifest.buckets), sent_rows(database, door, 16)


def by_id(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    return sorted(rows, key=lambda row: str(row["access_code_id"]))


def test_a_revision_that_was_offered_is_still_sent_whole_while_codes_come_and_go(
    database: Database, door: str
) -> None:
    digests, before = offered(database, door)
    for row in access_codes.of_lock(database, door)[::4]:
        access_codes.delete(database, row, 0.0)
    access_codes.create(database, door, NewAccessCode(code="99999999"), 0.0)
    parts = [code_sets.bucket_parts_at(database, door, index, 41, digests) for index in range(16)]
    assert by_id([row for each in parts for part in each or () for row in part.rows]) == by_id(before)
    assert code_sets.bucket_parts_at(database, door, 16, 41, digests) == []


def test_what_it_was_before_a_change_is_not_made_up(database: Database, door: str) -> None:
    digests, _ = offered(database, door)
    changed = access_codes.of_lock(database, door)[0]
    with database.transaction():
        code_updates.update(database, changed, {"ends_at": 2_000_000_000}, 0.0)
    its_bucket = code_set.bucket_of(changed["access_code_id"], 16)
    parts = [code_sets.bucket_parts_at(database, door, index, 41, digests) for index in range(16)]
    assert [index for index, each in enumerate(parts) if each is None] == [its_bucket]


def test_a_bucket_that_is_not_there_has_no_parts(database: Database, door: str) -> None:
    assert code_sets.bucket_parts(database, door, 1) == []
    assert code_sets.bucket_parts(database, door, -1) == []
