"""Rolling codes whose clocks drift, and clocks that step back: complaint 35."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pyotp
import pytest

from firmware_sim.site import Site
from tests.controller.offline import again, set_up

ANA, BEN = (base64.b32encode(bytes([number] * 20)).decode() for number in (1, 2))
HOUR_S, STEP_S = 3600, 30


@pytest.fixture
def door(lock: Site) -> Iterator[Site]:
    """A lock that knows two technicians."""
    people = [{"slot": slot, "secret": secret} for slot, secret in ((41, ANA), (42, BEN))]
    set_up(lock, keys=[], technicians=people)
    yield lock


def shown(of: str, at_s: float) -> str:
    """What the phone of somebody shows when its clock says so."""
    return f"{41 if of == ANA else 42:03d}{pyotp.TOTP(of).at(int(at_s))}"


def opens(door: Site, digits: str) -> bool:
    before = door.strike.releases
    door.type(f"{digits}#")
    return door.strike.releases > before


def test_complaint_35_the_clock_of_each_phone_is_learned_for_itself_both_ways(door: Site) -> None:
    for steps in range(1, 5):
        for of, off in ((ANA, steps), (BEN, -steps)):
            door.wait(HOUR_S)
            assert opens(door, shown(of, door.cloud_wall_s + off * STEP_S))
    door.wait(HOUR_S)
    assert not opens(door, shown(BEN, door.cloud_wall_s + 4 * STEP_S)), "Ana's drift is not Ben's"


def test_complaint_35_a_phone_whose_clock_is_put_right_is_not_shut_out(door: Site) -> None:
    for steps in range(1, 5):
        door.wait(HOUR_S)
        assert opens(door, shown(ANA, door.cloud_wall_s + steps * STEP_S))
    door.wait(HOUR_S)
    assert opens(door, shown(ANA, door.cloud_wall_s))


def test_complaint_35_a_password_opens_once_within_its_window_also_after_a_restart(
    door: Site, tmp_path: Path
) -> None:
    digits = shown(ANA, door.cloud_wall_s)
    assert opens(door, digits)
    assert not opens(door, digits)
    restarted = again(door, tmp_path)
    assert not opens(restarted, digits)
    restarted.close()


def test_complaint_35_a_clock_that_steps_back_brings_no_password_back_and_shuts_nobody_out(
    door: Site,
) -> None:
    digits = shown(ANA, door.cloud_wall_s)
    assert opens(door, digits)
    door.wait(2 * STEP_S)
    door.clock.wall_s -= 2 * STEP_S
    door.wait(0)
    assert not opens(door, digits)
    assert opens(door, shown(ANA, door.cloud_wall_s)), "the lock counts on by a clock that never goes back"
