"""A use that was counted stays counted: complaints 36 to 38."""

import shutil

import pytest

from tests.complaints.pair import Pair


def spent(pair: Pair) -> str:
    """A one-time code that was used, and of which the cloud knows."""
    code = pair.create("493817", is_one_time_use=True)
    pair.exchange()
    assert pair.opens("493817")
    return code


@pytest.mark.parametrize("uses", [1, 3])
def test_complaint_36_n_uses_are_counted_down_at_the_lock_and_at_the_cloud(pair: Pair, uses: int) -> None:
    code = pair.create("493817", max_uses=uses)
    for used in range(uses):
        pair.exchange()
        assert (pair.status(code), pair.row(code)["uses"]) == ("set", used)
        assert pair.opens("493817")
    pair.exchange()
    assert (pair.opens("493817"), pair.row(code)["uses"], pair.status(code)) == (False, uses, "unset")
    assert pair.site.reasons() == ["used_up"]


def test_complaint_36_a_spent_code_stays_spent_over_restarts_of_everything(pair: Pair) -> None:
    code = spent(pair)
    pair.lose_all()  # the cloud has not heard of the use
    pair.restart_lock()
    assert not pair.opens("493817"), "before any network"
    pair.restart_cloud()
    pair.connect()
    assert (pair.opens("493817"), pair.row(code)["uses"]) == (False, 1)


def test_complaint_36_a_spent_code_stays_spent_when_its_set_is_fetched_again(pair: Pair) -> None:
    spent(pair)
    pair.site.command("resync")
    pair.exchange()
    for digits in ("246802", "135791"):
        pair.create(digits)
        pair.exchange()
    assert not pair.opens("493817")


def test_complaint_36_a_spent_code_that_is_edited_does_not_begin_to_count_anew(pair: Pair) -> None:
    code = spent(pair)
    pair.exchange()
    pair.change(code, code="246802", ends_at=int(pair.now) + 1000)
    pair.exchange()
    assert not pair.opens("246802")
    pair.change(code, max_uses=2)
    pair.exchange()
    assert (pair.opens("246802"), pair.opens("246802")) == (True, False)
    pair.exchange()
    assert pair.row(code)["uses"] == 2


@pytest.mark.parametrize("moment", ["before it was made", "before it was used"])
def test_complaint_36_a_cloud_restored_from_a_backup_does_not_bring_back_a_use(
    pair: Pair, moment: str
) -> None:
    earlier = pair.back_up()
    code = pair.create("493817", is_one_time_use=True)
    pair.exchange()
    backup = earlier if moment == "before it was made" else pair.back_up()
    assert pair.opens("493817")
    pair.exchange()
    pair.restore(backup)
    pair.cloud_connects()
    pair.exchange()
    assert pair.agree()
    assert (pair.opens("493817"), pair.is_known(code)) == (False, moment == "before it was used")


def test_complaint_36_a_code_that_left_and_came_back_has_its_uses_still(pair: Pair) -> None:
    """A cloud from a backup brings back a code that was deleted since: not its use."""
    code = pair.create("493817", is_one_time_use=True)
    pair.exchange()
    backup = pair.back_up()
    assert pair.opens("493817")
    pair.exchange()
    pair.delete(code)
    pair.exchange()
    pair.restore(backup)
    pair.cloud_connects()
    pair.exchange()
    assert (pair.agree(), pair.opens("493817")) == (True, False)


@pytest.mark.parametrize("memory", ["empty", "old"])
def test_complaint_36_a_lock_that_lost_its_memory_does_not_get_a_spent_code_again(
    pair: Pair, memory: str
) -> None:
    """A new card in the door, or one with an old copy of the database."""
    fresh = pair.create("246802")
    pair.exchange()
    with pair.lock_is_off() as state:
        shutil.copytree(state, pair.directory / "old")
    code = spent(pair)
    pair.exchange()
    with pair.lock_is_off() as state:
        shutil.rmtree(state)
        if memory == "old":
            shutil.copytree(pair.directory / "old", state)
        else:
            state.mkdir()
    pair.connect()
    assert pair.agree()
    assert (pair.opens("493817"), pair.opens("246802")) == (False, True)
    assert (pair.status(code), pair.status(fresh)) == ("unset", "set")


def test_complaint_37_a_one_time_code_needs_no_cloud_once_it_is_on_the_lock(pair: Pair) -> None:
    pair.create("493817", is_one_time_use=True)
    pair.exchange()
    pair.database.close()
    pair.lose_all()
    pair.restart_lock(boot="after a power cut")
    assert (pair.opens("493817"), pair.opens("493817")) == (True, False)
    pair.restart_cloud()


def test_complaint_38_each_code_of_one_person_keeps_its_own_window_and_uses(pair: Pair) -> None:
    now = int(pair.now)
    today = pair.create("493817", name="Ann", ends_at=now + 1000, max_uses=2)
    later = pair.create("246802", name="Ann", starts_at=now + 1000)
    pair.exchange()
    assert (pair.opens("493817"), pair.opens("246802")) == (True, False)
    pair.exchange()
    assert (pair.row(today)["uses"], pair.row(later)["uses"]) == (1, 0)
    pair.wait(1000)
    assert (pair.opens("493817"), pair.opens("246802")) == (False, True)
