"""A door with a keypad on each side of the wall."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.keypads import Keypad
from firmware_sim.site import Site, code_row
from hal.ports import KeyPressed, KeysLost, LinkChanged, Pattern

ANNA = "11111111-1111-4111-8111-111111111111"
BOSS = "33333333-3333-4333-8333-333333333333"
KEYPADS = {"outer": Keypad("in", "indicator"), "inner": Keypad("out", "inner_light")}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Anna's code, and one that begins programming."""
    door = Site(tmp_path, keypads=KEYPADS)
    door.connect()
    door.install(code_row(ANNA, "493817"), code_row(BOSS, "246802", kind="programming"))
    yield door
    door.close()


def lights(site: Site) -> list[Pattern]:
    """Of the outer and the inner keypad."""
    return [site.indicators[name].pattern for name in ("indicator", "inner_light")]


def test_two_people_type_at_once_and_each_is_heard(site: Site) -> None:
    for outer, inner in zip("493817#", "493816#", strict=True):
        site.say(KeyPressed("outer", outer))
        site.say(KeyPressed("inner", inner))
    assert (len(site.journal("access_granted")), site.reasons()) == (1, ["unknown_code"])


def test_each_entry_says_at_which_keypad_and_which_way(site: Site) -> None:
    site.type("493817#", "outer")
    site.type("493817#", "inner")
    site.type("111199#", "inner")
    told = [row["detail"] for row in site.journal("access_granted", "access_denied")]
    assert [(row["keypad"], row["direction"]) for row in told] == [
        ("outer", "in"),
        ("inner", "out"),
        ("inner", "out"),
    ]


def test_an_answer_shows_where_it_was_typed_and_nowhere_else(site: Site) -> None:
    site.type("493817#", "inner")
    granted = lights(site)
    site.wait(5.0)
    site.type("111199#", "outer")
    site.wait(0.5)
    assert granted == [Pattern.READY, Pattern.GRANTED]
    assert lights(site) == [Pattern.DENIED, Pattern.READY]


def test_answers_at_two_keypads_do_not_end_each_other(site: Site) -> None:
    site.type("111199#", "outer")
    site.type("493817#", "inner")
    site.wait(0.5)
    assert lights(site) == [Pattern.DENIED, Pattern.GRANTED]
    site.wait(2.0)
    assert lights(site) == [Pattern.READY, Pattern.GRANTED]


def test_what_is_wrong_with_the_door_shows_at_all_of_them(site: Site) -> None:
    site.say(LinkChanged("inside", False, "no answer"))
    assert lights(site) == [Pattern.DEGRADED, Pattern.DEGRADED]


def test_a_programming_session_is_at_one_keypad_and_the_other_lets_people_in(site: Site) -> None:
    site.type("246802#", "outer")
    site.wait(3.5)
    shown = lights(site)
    site.type("493817#", "inner")
    site.type("1135790#135790#", "outer")
    assert shown == [Pattern.PROGRAMMING, Pattern.READY]
    assert (site.strike.releases, len(site.journal("code_added_at_door"))) == (1, 1)


def test_keys_lost_at_one_keypad_void_nothing_at_the_other(site: Site) -> None:
    site.type("4938", "outer")
    site.type("4938", "inner")
    site.say(KeysLost("outer"))
    site.type("17#", "outer")
    site.type("17#", "inner")
    assert (site.reasons(), site.strike.releases) == (["interrupted"], 1)


def test_the_guesses_are_those_of_the_door_however_many_keypads_it_has(site: Site) -> None:
    for number in range(6):
        site.type(f"11119{number}#", ("outer", "inner")[number % 2])
    site.wait(2.0)
    assert lights(site) == [Pattern.LOCKED_OUT, Pattern.LOCKED_OUT]
    assert site.reasons()[:5] == ["unknown_code"] * 5


# --- keys are felt -----------------------------------------------------------------------------------


def at_finger_speed(site: Site, keys: str, keypad: str) -> None:
    for key in keys:
        site.type(key, keypad)
        site.wait(0.2)


def test_each_key_is_felt_at_its_keypad_whichever_it_is(site: Site) -> None:
    at_finger_speed(site, "0123456789*#", "inner")
    assert [len(site.indicators[name].blips) for name in ("indicator", "inner_light")] == [0, 12]


def test_the_last_key_of_a_right_code_is_felt_by_its_answer(site: Site) -> None:
    at_finger_speed(site, "493817#", "outer")
    assert (len(site.indicator.blips), site.indicator.pattern) == (6, Pattern.GRANTED)


def test_keys_too_fast_for_a_finger_do_not_fill_the_line(site: Site) -> None:
    site.type("0123456789", "outer")
    assert len(site.indicator.blips) == 1


def test_where_readers_beep_by_themselves_keys_are_not_shown(tmp_path: Path) -> None:
    site = Site(tmp_path, shows_keys=False)
    site.type("493817#")
    assert site.indicator.blips == []
    site.close()
