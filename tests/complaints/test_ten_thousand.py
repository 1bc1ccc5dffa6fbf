"""A lock with as many codes as it takes: all of them arrive, and one change stays a small one."""

from collections.abc import Iterator

import pytest

from agent.messages import MESSAGE_LIMIT_BYTES
from cloud_sim import access_codes
from cloud_sim.access_codes import NewAccessCode
from firmware_sim.enrolled import DEVICE_ID
from firmware_sim.virtual_parts import NOON
from tests.complaints.pair import Pair

WIRE_LIMIT_BYTES = 32 * 1024
COUNT = 10_000


def digits(number: int) -> str:
    return f"{10_000_000 + 37 * number}"


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Lock and cloud once 9,999 guests have codes for their days, made by a thousand at a time."""
    pair = Pair(tmp_path_factory.mktemp("full"))
    wanted = [
        NewAccessCode(code=digits(number), name=f"Guest {number}", starts_at=NOON - 60, ends_at=NOON + 86_400)
        for number in range(COUNT - 1)
    ]
    for first in range(0, COUNT, 1000):
        with pair.database.transaction():
            added = access_codes.add_all(pair.database, DEVICE_ID, wanted[first : first + 1000], pair.now)
            assert isinstance(added, list)
        pair.fleet.downlink.manifest(DEVICE_ID)
    pair.exchange()
    yield pair
    pair.close()


def test_ten_thousand_codes_arrive_in_small_messages_and_are_reported(full: Pair) -> None:
    assert full.agree()
    assert len(full.site.controller.codes.holding) == COUNT - 1
    assert full.opens(digits(0))
    assert full.opens(digits(COUNT - 2))
    assert max(full.sizes) <= MESSAGE_LIMIT_BYTES


def test_one_change_of_ten_thousand_codes_takes_at_most_32_kib_both_ways(full: Pair) -> None:
    for change in (
        lambda: full.create(digits(COUNT), starts_at=NOON - 60, ends_at=NOON + 86_400),
        lambda: full.change(full.id_of(digits(COUNT)), ends_at=NOON + 3600),
        lambda: full.delete(full.id_of(digits(COUNT))),
    ):
        full.exchange()
        full.sizes.clear()
        change()
        full.exchange()
        assert full.agree()
        assert sum(full.sizes) <= WIRE_LIMIT_BYTES, full.sizes


def test_a_changed_row_among_ten_thousand_is_found_and_repaired_by_its_bucket_alone(full: Pair) -> None:
    with full.site.store.database.transaction() as db:
        db.execute(
            "UPDATE access_code SET definition = replace(definition, ?, ?) WHERE access_code_id = ?",
            (str(NOON + 86_400), str(NOON + 999_999), full.id_of(digits(7))),
        )
    full.restart_lock()
    assert not full.opens(digits(7))
    full.sizes.clear()
    full.connect()
    assert full.agree()
    assert full.opens(digits(7))
    assert sum(full.sizes) <= WIRE_LIMIT_BYTES, full.sizes


def test_a_lock_whose_codes_never_stop_changing_gets_them_all_the_same(pair: Pair) -> None:
    for number in range(100):
        pair.create(digits(number))
        pair.exchange_once()
    assert pair.opens(digits(80)), "while the others are on their way"
    pair.exchange()
    assert pair.agree()
    assert pair.opens(digits(99))
