"""How both sides count a code set."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core import code_set
from agent.core.repeats import Repeats

ROW = {"access_code_id": "a", "gen": 1, "code_rev": 1, "kind": "standard"}


def test_digits_names_and_nulls_are_not_in_the_canonical_row() -> None:
    assert code_set.canonical(ROW | {"code": "1234", "name": "Anna", "ends_at": None}) == code_set.canonical(
        ROW
    )


def test_the_canonical_row_is_sorted_and_without_white_space() -> None:
    assert code_set.canonical(ROW) == '{"access_code_id":"a","code_rev":1,"gen":1,"kind":"standard"}'


@pytest.mark.parametrize(
    ("codes", "current", "buckets"), [(0, 1, 1), (32, 1, 1), (33, 1, 16), (512, 16, 16), (513, 16, 256)]
)
def test_more_codes_need_more_buckets(codes: int, current: int, buckets: int) -> None:
    assert code_set.bucket_count(codes, current) == buckets


@pytest.mark.parametrize(
    ("codes", "current", "buckets"), [(300, 256, 256), (256, 256, 16), (20, 16, 16), (16, 16, 1)]
)
def test_buckets_become_fewer_only_at_half_the_codes(codes: int, current: int, buckets: int) -> None:
    assert code_set.bucket_count(codes, current) == buckets


@given(st.uuids(), st.sampled_from(code_set.BUCKET_COUNTS))
def test_every_id_has_a_bucket(access_code_id: object, buckets: int) -> None:
    assert 0 <= code_set.bucket_of(str(access_code_id), buckets) < buckets


def test_one_changed_code_changes_one_bucket_and_the_root() -> None:
    before = {f"id-{n}": code_set.canonical(ROW | {"access_code_id": f"id-{n}"}) for n in range(100)}
    after = before | {"id-7": code_set.canonical(ROW | {"access_code_id": "id-7", "gen": 2})}
    old, new = code_set.bucket_digests(before, 16), code_set.bucket_digests(after, 16)
    assert code_set.differing(old, new) == [code_set.bucket_of("id-7", 16)]
    assert code_set.root("d", 1, 1, old) != code_set.root("d", 1, 1, new)


def test_the_root_names_device_epoch_and_revision_too() -> None:
    digests = code_set.bucket_digests({}, 1)
    roots = {code_set.root(*place, digests) for place in [("d", 1, 1), ("e", 1, 1), ("d", 2, 1), ("d", 1, 2)]}
    assert len(roots) == 4


def test_another_number_of_buckets_means_fetching_all() -> None:
    assert code_set.differing([b"x"], [b"y"] * 16) == list(range(16))


@given(st.sampled_from(code_set.BUCKET_COUNTS), st.binary(min_size=16, max_size=16))
def test_packed_digests_come_out_as_they_went_in(buckets: int, digest: bytes) -> None:
    assert code_set.unpack_digests(code_set.pack_digests([digest] * buckets)) == [digest] * buckets


@given(st.text(max_size=50))
def test_a_manifest_with_anything_else_is_refused_as_a_value_error(packed: str) -> None:
    with suppress(ValueError):
        assert len(code_set.unpack_digests(packed)) in code_set.BUCKET_COUNTS


def test_many_equal_things_are_reported_once_and_then_counted() -> None:
    repeats: Repeats[str] = Repeats(window_s=60.0)
    assert [repeats.is_first("a", now) for now in (0.0, 1.0, 59.0)] == [True, False, False]
    assert repeats.due(59.9) == []
    assert repeats.due(60.0) == [("a", 2)]
    assert repeats.is_first("a", 61.0)


def test_strangers_cannot_make_it_remember_without_end() -> None:
    repeats: Repeats[int] = Repeats(kinds=3)
    assert [repeats.is_first(kind, 0.0) for kind in range(5)] == [True, True, True, False, False]
