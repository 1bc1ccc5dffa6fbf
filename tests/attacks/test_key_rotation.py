"""The keys of a cloud are replaced while it goes on talking to a lock, and whatever gets lost on the way."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.envelope import OKPKey, Signer, kid_of
from agent.messages import topic
from cloud_sim import duress, key_rotation
from cloud_sim.code_rules import Rules
from firmware_sim.enrolled import CLOUD_SIGNING, DEVICE_ID
from tests.complaints.pair import DAY_S, Pair


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    made = Pair(tmp_path)
    made.create("730411")
    made.exchange()
    yield made
    made.close()


def rotate(pair: Pair, purpose: key_rotation.Purpose = "signing") -> None:
    key_rotation.replace(pair.database, pair.fleet.downlink, purpose, pair.now)


def newest(pair: Pair) -> OKPKey:
    return pair.fleet.downlink.keyring.signing


def signer_at_lock(pair: Pair) -> str:
    return pair.site.ring.enrolment.terms.newest_signer


def is_settled(pair: Pair) -> bool:
    """Both know that the lock has the newest key, and the lock refused nothing on the way."""
    waiting = key_rotation.shown(pair.database, pair.fleet.downlink.keyring)["locks_with_an_older_key"]
    refused = [reason for reason in pair.site.refusals() if reason not in ("unknown_nonce", "stale_revision")]
    return (signer_at_lock(pair), waiting, refused) == (kid_of(newest(pair)), 0, [])


def finish(pair: Pair) -> None:
    pair.exchange()
    pair.say_status()
    pair.exchange()


def test_a_new_signing_key_reaches_the_lock_while_codes_are_made(pair: Pair) -> None:
    made = []
    for number in range(30):
        made.append(f"{902_000 + number * 7}")
        pair.create(made[-1])
        if number == 10:
            rotate(pair)
        if number % 3 == 0:
            pair.exchange_once()
    finish(pair)
    assert is_settled(pair), pair.site.refusals()
    assert pair.agree()
    assert all(pair.opens(digits) for digits in made)


def test_what_was_signed_with_the_old_key_and_comes_late_still_counts(pair: Pair) -> None:
    pair.create("902113")
    pair.fleet.downlink.restart()
    late, pair.to_lock = pair.to_lock, []
    rotate(pair)
    finish(pair)
    pair.to_lock = late
    pair.exchange()
    assert pair.opens("902113")
    assert is_settled(pair), pair.site.refusals()


@pytest.mark.parametrize("rotations", [1, 2, 5])
def test_a_lock_that_was_away_is_told_in_one_step(pair: Pair, rotations: int) -> None:
    for _ in range(rotations):
        rotate(pair)
        pair.lose_all()
    pair.restart_lock()
    pair.connect()
    finish(pair)
    assert is_settled(pair), pair.site.refusals()
    pair.create("902113")
    pair.exchange()
    assert pair.opens("902113")


def test_a_lock_that_was_away_for_a_year_is_told_as_well(pair: Pair) -> None:
    rotate(pair)
    pair.lose_all()
    with pair.lock_is_off():
        pair.clock.now_s += 365 * DAY_S
        pair.clock.wall_s += 365 * DAY_S
    pair.site.cloud_wall_s += 365 * DAY_S
    pair.connect()
    finish(pair)
    assert is_settled(pair), pair.site.refusals()


@pytest.mark.parametrize("when", ["before it is said", "on its way", "before the lock says so"])
def test_a_cloud_that_dies_in_the_middle_goes_on_where_it_was(pair: Pair, when: str) -> None:
    if when == "before it is said":
        pair.fleet.downlink.keyring.replace_signing()  # the file is new, and nothing else yet
    else:
        rotate(pair)
    if when == "before the lock says so":
        pair.exchange()
    pair.restart_cloud()
    finish(pair)
    pair.say_status()
    pair.exchange()
    assert is_settled(pair), pair.site.refusals()
    pair.create("902113")
    pair.exchange()
    assert pair.opens("902113")


def test_a_power_cut_between_the_two_files_leaves_one_key(pair: Pair) -> None:
    state = pair._state
    state.former_signing_keys.mkdir()
    shutil.copy(state.signing_key, state.former_signing_keys / f"{kid_of(CLOUD_SIGNING)}.pem")
    pair.restart_cloud()
    assert pair.fleet.downlink.keyring.former_signing == {}
    rotate(pair)
    finish(pair)
    assert is_settled(pair), pair.site.refusals()


def test_a_lock_that_dies_after_it_was_told_is_not_lost(pair: Pair) -> None:
    rotate(pair)
    pair.hear_cloud()
    pair.restart_lock()
    pair.connect()
    finish(pair)
    assert is_settled(pair), pair.site.refusals()


def test_the_old_key_is_of_no_use_once_it_is_revoked(pair: Pair) -> None:
    rotate(pair)
    finish(pair)
    key_rotation.revoke(pair.database, pair.fleet.downlink, kid_of(CLOUD_SIGNING))
    finish(pair)
    raw = Signer(DEVICE_ID, CLOUD_SIGNING).sign("ack", {"journal_epoch": "e", "upto": 1}, iat=1, id="x")
    pair._to_lock(topic(DEVICE_ID, "down", "ack"), raw)
    assert pair.site.refusals()[-1] == "unknown_key"
    assert pair.agree()


def test_nobody_revokes_the_newest_key(pair: Pair) -> None:
    with pytest.raises(key_rotation.UnknownKey):
        key_rotation.revoke(pair.database, pair.fleet.downlink, kid_of(newest(pair)))


def test_an_alarm_sealed_before_the_sealing_key_changed_can_be_read_after(pair: Pair) -> None:
    pair.create("661190", rules=Rules(kind="duress"))
    pair.exchange()
    assert pair.opens("661190")  # the row waits at the lock
    rotate(pair, "sealing")
    finish(pair)
    assert pair.opens("661190")
    pair.exchange()
    before, after = duress.events_after(pair.database, DEVICE_ID, 0, 10)
    assert "unreadable" not in before["detail"]
    assert "unreadable" not in after["detail"]


def test_a_cloud_restored_from_before_goes_on_above_what_its_locks_know(pair: Pair) -> None:
    backup = pair.back_up()
    for _ in range(3):
        rotate(pair)
        finish(pair)
    pair.restore(backup)  # the files with the keys were kept
    pair.cloud_connects()
    finish(pair)
    finish(pair)
    rotate(pair)
    finish(pair)
    finish(pair)
    assert signer_at_lock(pair) == kid_of(newest(pair))
