"""Complaint 60: a duress code opens like any other, and nobody at the door can see that it was one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from firmware_sim.site import Site, code_row
from tests.controller.conftest import ANNA
from tests.controller.test_questions import ask, result

VICTIM = "22222222-2222-4222-8222-222222222222"
KEYS = {"ordinary": "493817#", "duress": "246802#"}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A door with an ordinary code and a duress code."""
    door = Site(tmp_path)
    door.connect()
    door.install(code_row(ANNA, "493817"), code_row(VICTIM, "246802", kind="duress"))
    yield door
    door.close()


def test_it_opens_and_tells_the_cloud_alone(site: Site) -> None:
    site.type(KEYS["duress"])
    assert site.strike.is_released
    (alarm,) = site.alarms()
    assert alarm == {"access_code_id": VICTIM, "gen": 1, "keypad": "keypad"}


def test_an_ordinary_code_raises_no_alarm(site: Site) -> None:
    site.type(KEYS["ordinary"])
    assert site.alarms() == []


def test_opening_and_alarm_are_durable_before_the_strike_moves(site: Site) -> None:
    kinds: list[str] = []
    site.before_unlock = lambda: kinds.extend(row["kind"] for row in site.journal()[-2:])
    site.type(KEYS["duress"])
    assert kinds == ["access_granted", "duress"]


def test_the_door_shows_the_same_as_for_any_code(site: Site) -> None:
    seen = []
    for keys in KEYS.values():
        before, began = len(site.indicator.shown), site.clock.now_s
        site.type(keys)
        site.wait(10)
        shown = [(round(at - began, 3), pattern) for at, pattern in site.indicator.shown[before:]]
        seen.append((shown, site.strike.is_released))
    assert seen[0] == seen[1]


def test_the_row_says_nothing_to_whoever_reads_the_disk(site: Site) -> None:
    site.type(KEYS["duress"])
    (row,) = site.journal("duress")
    assert list(row["detail"]) == ["sealed"]
    assert VICTIM not in str(row)


def test_lockctl_sees_an_opening_and_nothing_else(site: Site) -> None:
    lines: list[dict[str, Any]] = ask(site, "watch")
    site.type(KEYS["duress"])
    for args in ({"limit": 5}, {"limit": 1000, "after": 0}):
        kinds = [row["kind"] for row in result(site, "journal", **args)["rows"]]
        assert (kinds[-1], "duress" in kinds) == ("access_granted", False)
    assert "duress" not in str([*lines[1:], result(site, "status"), result(site, "codes")])


def test_asked_for_so_many_rows_lockctl_gets_as_many(site: Site) -> None:
    site.type(KEYS["duress"])
    assert len(result(site, "journal", limit=2)["rows"]) == 2


def test_its_digits_may_not_be_those_of_another_code(site: Site) -> None:
    site.install(code_row(ANNA, "493817"), code_row(VICTIM, "493817", kind="duress", code_rev=2))
    site.type(KEYS["ordinary"])
    assert [row["detail"]["errors"] for row in site.journal("code_state")] == [["duplicate_code"]]
    assert site.alarms() == []
