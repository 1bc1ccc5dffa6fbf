"""Killed in the middle of an entry: an attempt or a code may be lost, an opening is never gained."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, takewhile
from pathlib import Path

import pytest

from firmware_sim.site_processes import Site
from tests.process.doors import Code, Door
from tests.waiting import wait_for

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]

MORE_STEPS_THAN_AN_ENTRY_HAS = 40
GUESSES = 4


def test_an_agent_killed_before_the_strike_moves_leaves_the_record_and_no_opening(door: Door) -> None:
    door.start("die-before-the-strike", "")
    (courier,) = door.new_codes(1, is_one_time_use=True)
    door.type(f"{courier.digits}#")
    door.wait_for_death()
    assert (door.grants(courier), door.openings()) == (1, 0)
    door.start()
    assert not door.opens(courier.digits)
    door.new_codes(1)  # comes in the same bucket, with the used code once more
    assert not door.opens(courier.digits)
    denied = [row["detail"] for row in door.rows() if row["kind"] == "access_denied"]
    assert [detail["reason"] for detail in denied] == ["used_up"] * 2
    assert door.openings() == 0


def test_a_one_time_code_opens_once_whatever_step_the_agent_is_killed_at(door: Door, tmp_path: Path) -> None:
    door.start()
    couriers = door.new_codes(MORE_STEPS_THAN_AN_ENTRY_HAS, is_one_time_use=True)
    door.stop()
    lives = list(takewhile(lambda life: life.was_killed, lives_with_one_step_more(door, couriers, tmp_path)))
    assert all(life.openings <= life.grants for life in lives)
    # Nothing happened yet; the attempt counts; the code is spent and the attempt is forgiven. In this order.
    outcomes = [(life.grants, life.tokens) for life in lives]
    assert [outcome for outcome, _ in groupby(outcomes)] == [(0, 5.0), (0, 4.0), (1, 5.0)]
    door.start()
    door.new_codes(1)  # comes in the same bucket as all the others
    spent = [life.courier for life in lives if life.grants]
    for life in lives:
        if life.courier not in spent[GUESSES:]:  # a refusal costs one
            assert door.opens(life.courier.digits) is not bool(life.grants)


def test_an_offline_code_opens_once_whatever_step_of_its_first_use_the_agent_is_killed_at(
    site: Site, door: Door, tmp_path: Path
) -> None:
    door.start()
    couriers = offline_codes(site, door, MORE_STEPS_THAN_AN_ENTRY_HAS)
    door.stop()
    lives = list(takewhile(lambda life: life.was_killed, lives_with_one_step_more(door, couriers, tmp_path)))
    assert all(life.openings <= life.grants for life in lives)
    outcomes = [(life.grants, life.long_tokens) for life in lives]
    assert [outcome for outcome, _ in groupby(outcomes)] == [(0, 5.0), (0, 4.0), (1, 5.0)]
    spent = [life for life in lives if life.grants]
    door.start()
    for life in (*lives[: len(lives) - len(spent)], spent[0], spent[-1]):  # each refusal costs a guess
        assert door.opens(life.courier.digits) is not bool(life.grants)


def offline_codes(site: Site, door: Door, count: int) -> list[Code]:
    """One-time codes that the cloud issues and the lock, which has its keys, is never told of."""
    path = f"/locks/{door.device_id}"
    site.cloud.put(f"{path}/offline_setup", {"keys": [{"kid": 1, "root": "5a" * 32}]})
    wanted = {"is_offline_access_code": True, "is_one_time_use": True}
    codes = [site.cloud.post(f"{path}/access_codes", wanted) for _ in range(count)]
    last = f"/access_codes/{codes[-1]['access_code_id']}"
    wait_for(lambda: site.cloud.get(last)["status"] == "active", 20, "the lock to have its keys")
    return [Code(code["code"], code["access_code_id"]) for code in codes]


@dataclass(frozen=True, slots=True)
class Life:
    """What was left of one life of an agent."""

    courier: Code
    was_killed: bool
    openings: int
    grants: int
    tokens: float
    long_tokens: float


def lives_with_one_step_more(door: Door, couriers: list[Code], directory: Path) -> Iterator[Life]:
    """Enter one code after the other, each in a life that is one statement longer than the last."""
    for step, courier in enumerate(couriers, 1):
        armed = directory / f"armed-{step}"
        door.start("die-at-statement", f"{step}:{armed}", network=False)
        before = door.openings()
        armed.touch()
        was_killed = dies_of_entry(door, courier)
        door.kill()
        yield Life(
            courier,
            was_killed,
            door.openings() - before,
            door.grants(courier),
            door.tokens(),
            door.tokens("long"),
        )
        door.refill()


def dies_of_entry(door: Door, courier: Code) -> bool:
    """Enter a code that is good; whether that killed the agent before the door was locked again."""
    agent, before = door.agent, door.openings()
    assert agent is not None
    door.type(f"{courier.digits}#")
    wait_for(lambda: agent.has_ended or (door.openings() > before and door.is_locked()))
    return agent.has_ended
