"""An operator voids every code set that was ever signed for a lock; people at the door notice nothing."""

import pytest

from cloud_sim import code_sets, key_rotation, offline_setups, told_keys
from firmware_sim.enrolled import DEVICE_ID
from tests.complaints.pair import Pair


def epoch_at_lock(pair: Pair) -> int:
    return pair.site.controller.codes.revision.set_epoch


def test_the_codes_stay_under_the_new_epoch(pair: Pair) -> None:
    pair.create("730411")
    pair.exchange()
    assert pair.fleet.downlink.void_sets(DEVICE_ID)[0] == 2
    assert pair.opens("730411")  # until the new set is whole
    pair.exchange()
    assert (epoch_at_lock(pair), pair.agree(), pair.opens("730411")) == (2, True, True)
    (row,) = pair.site.journal("set_epoch_raised")
    assert row["detail"] == {"from": 1, "to": 2}


def test_it_outlives_a_restart_and_later_codes_come_as_ever(pair: Pair) -> None:
    pair.fleet.downlink.void_sets(DEVICE_ID)
    pair.exchange()
    pair.restart_lock()
    pair.connect()
    pair.create("730411")
    pair.exchange()
    assert (epoch_at_lock(pair), pair.agree(), pair.opens("730411")) == (2, True, True)


def test_a_lock_that_was_away_hears_of_it_when_it_comes(pair: Pair) -> None:
    pair.create("730411")
    pair.exchange()
    for _ in range(3):
        pair.fleet.downlink.void_sets(DEVICE_ID)
        pair.lose_all()
    pair.connect()
    pair.exchange()
    assert (epoch_at_lock(pair), pair.agree()) == (4, True)


def test_a_lock_that_dies_between_the_manifest_and_the_codes_goes_on(pair: Pair) -> None:
    pair.create("730411")
    pair.exchange()
    pair.create("902113")
    pair.fleet.downlink.void_sets(DEVICE_ID)
    pair.hear_cloud()
    pair.restart_lock()
    pair.connect()
    pair.exchange()
    assert (epoch_at_lock(pair), pair.agree(), pair.opens("902113")) == (2, True, True)


def test_a_cloud_restored_from_before_it_goes_above_what_its_lock_has(pair: Pair) -> None:
    pair.create("730411")
    pair.exchange()
    backup = pair.back_up()
    pair.fleet.downlink.void_sets(DEVICE_ID)
    pair.exchange()
    pair.restore(backup)
    pair.cloud_connects()
    pair.connect()
    pair.exchange()
    assert code_sets.head(pair.database, DEVICE_ID)[0] == epoch_at_lock(pair) == 3
    assert pair.agree()
    assert pair.opens("730411")


def test_an_epoch_raised_by_a_cloud_that_forgot_revisions_reaches_the_lock_too(pair: Pair) -> None:
    backup = pair.back_up()
    for digits in ("730411", "902113", "661190"):
        pair.create(digits)
        pair.exchange()
    pair.restore(backup)
    pair.fleet.downlink.void_sets(DEVICE_ID)  # before anybody told it what the lock has
    pair.cloud_connects()
    pair.connect()
    pair.exchange()
    assert pair.agree()
    assert not pair.opens("730411")


@pytest.mark.parametrize(
    "said", [{"set_epoch": 2**32 - 1}, {"set_epoch": 2**40}, {"rev": 2**53}, {"highest_rev": 2**53}]
)
def test_a_lock_does_not_use_up_the_numbers_that_there_are(pair: Pair, said: dict[str, int]) -> None:
    """Whoever has the keys of one lock must not stop the cloud of all, nor spoil that one for ever."""
    pair.create("730411")
    pair.exchange()
    before = code_sets.head(pair.database, DEVICE_ID)
    codes = {"set_epoch": 1, "rev": 1, "root": "0" * 64, "count": 0, "capacity": 9, "constraints": {}}
    pair.from_lock("codes", codes | said)
    (refused,) = pair.database.rows(
        "SELECT reason, count FROM refused_messages WHERE device_id = ?", DEVICE_ID
    )
    assert refused == {"reason": "too_far_ahead", "count": 1}
    assert code_sets.head(pair.database, DEVICE_ID) == before
    pair.restart_cloud()
    pair.connect()
    assert pair.agree()


@pytest.mark.parametrize("said", [{"offline_rev": 2**53}, {"keys_rev": 2**53}])
def test_nor_those_of_its_offline_setup_and_of_keys(pair: Pair, said: dict[str, int]) -> None:
    offline_setups.replace(pair.database, DEVICE_ID, {"keys": [{"kid": 1, "root": "5a" * 32}]})
    pair.from_lock("status", {"online": True, "sid": pair.sid} | said, sid=pair.sid)
    offline_setups.replace(pair.database, DEVICE_ID, {"keys": [{"kid": 1, "root": "5a" * 32}]})
    key_rotation.replace(pair.database, pair.fleet.downlink, "signing", pair.now)
    assert (offline_setups.rev(pair.database, DEVICE_ID), told_keys.rev(pair.database, DEVICE_ID)) == (2, 1)
