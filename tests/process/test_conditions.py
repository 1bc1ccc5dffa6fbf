"""Fire, power and a bolt that sticks, on a real board behind a real line."""

from functools import partial

import pytest

from firmware_sim.board_requests import in_words
from tests.process.doors import Door
from tests.waiting import wait_for

pytestmark = pytest.mark.process


def do(door: Door, words: str) -> None:
    """What `lock-sim do 1 ...` does."""
    kind, *fields = words.split()
    request = in_words(kind, dict(field.split("=") for field in fields))
    door.tell_board(request.pop("type"), **request)


def is_released(door: Door) -> bool:
    return bool(door.see()["strike"]["released"])


def shows(door: Door, pattern: str) -> bool:
    return bool(door.see()["indicator"] == pattern)


def test_a_fire_frees_the_door_and_a_bolt_that_sticks_afterwards_is_an_alarm_until_it_moves(
    door: Door,
) -> None:
    door.start()
    wait_for(lambda: door.status()["strike"] == "locked", what="the bolt to be known")
    do(door, "condition name=fire on=true")
    wait_for(lambda: is_released(door), what="the door to be free")
    assert door.status()["alarms"] == ["fire"]
    do(door, "jam jammed=true")
    do(door, "condition name=fire on=false")
    wait_for(lambda: not is_released(door), what="the relay to be off")
    assert door.status()["strike"] == "unconfirmed"
    wait_for(lambda: door.status()["alarms"] == ["bolt_jammed"], 15, "the third try")
    assert door.see()["indicator"] == "degraded"
    do(door, "jam jammed=false")
    wait_for(lambda: door.status()["strike"] == "locked", what="the bolt")
    assert door.status()["alarms"] == []
    kinds = [row["kind"] for row in door.rows() if row["kind"] in ("fire_alarm", "bolt_jammed", "bolt_free")]
    assert kinds == ["fire_alarm", "fire_alarm", "bolt_jammed", "bolt_free"]


def test_failed_mains_and_a_low_battery_are_told_and_the_door_works(door: Door) -> None:
    door.start()
    (code,) = door.new_codes(1)
    for condition, pattern in (("mains_failed", "degraded"), ("battery_low", "low_battery")):
        do(door, f"condition name={condition} on=true")
        wait_for(partial(shows, door, pattern), what=pattern)
    assert door.opens(code.digits)
    assert door.status()["alarms"] == ["mains_failed", "battery_low"]
