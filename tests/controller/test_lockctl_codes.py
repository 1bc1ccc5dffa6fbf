"""What people at the control socket may do to codes: nothing, unless the configuration says so."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.programming_side import MayProgram
from firmware_sim.site import Site, code_row
from firmware_sim.virtual_parts import NOON
from tests.controller.conftest import ANNA
from tests.controller.programming import BEN, NEW, details, guesses, opens, programmed
from tests.controller.test_questions import ask

RULES = {"starts_at": NOON - 10, "ends_at": NOON + 1000, "max_uses": 1}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A door that lets lockctl change codes, and keypads not."""
    door = programmed(tmp_path, programming=MayProgram(keypad=False, lockctl=True))
    yield door
    door.close()


def add(site: Site, digits: Any = NEW, **rules: Any) -> dict[str, Any]:
    """Make a code; the line that is answered."""
    return ask(site, "code_add", code=digits, **rules)[0]


def remove(site: Site, access_code_id: Any) -> dict[str, Any]:
    """Remove a code; the line that is answered."""
    return ask(site, "code_remove", access_code_id=access_code_id)[0]


def test_by_default_nothing_is_done_and_the_answer_says_how_to_allow_it(tmp_path: Path) -> None:
    site = programmed(tmp_path)
    for answer in (add(site), remove(site, ANNA)):
        assert (answer["error"]["code"], "[programming]" in answer["error"]["message"]) == ("forbidden", True)
    assert site.journal("code_added_at_door", "code_removed_at_door") == []
    assert details(site, "programming_refused") == [{"stream": "lockctl", "reason": "forbidden", "count": 1}]
    site.close()


def test_a_code_made_here_opens_by_its_rules_and_names_nobody(site: Site) -> None:
    made = add(site, **RULES)["result"]["access_code_id"]
    (detail,) = details(site, "code_added_at_door")
    assert detail.pop("sealed")
    assert detail == {"access_code_id": made, "gen": 1, "source": "lockctl", "by": None, **RULES}
    assert site.made_at_door() == [{"access_code_id": made, "gen": 1, "code": NEW}]
    assert (opens(site, NEW), opens(site, NEW)) == (True, False)


def test_a_code_is_removed_by_its_id(site: Site) -> None:
    made = add(site)["result"]["access_code_id"]
    for access_code_id in (made, ANNA):
        assert remove(site, access_code_id)["result"] == {"access_code_id": access_code_id}
    assert not opens(site, NEW) and not opens(site, "493817")
    removed = [(row["is_managed"], row["by"]) for row in details(site, "code_removed_at_door")]
    assert removed == [(False, None), (True, None)]


@pytest.mark.parametrize("digits", ["493817", "246802"])
def test_whose_digits_they_are_is_not_told_and_asking_costs_a_guess(site: Site, digits: str) -> None:
    error = add(site, digits)["error"]
    assert (error["code"], "duplicate" in error["message"], digits in str(error)) == ("refused", False, False)
    assert guesses(site) == 4.0


def test_without_a_guess_nothing_is_looked_at(site: Site) -> None:
    for _ in range(5):
        add(site, "493817")
    assert add(site)["error"]["code"] == "throttled"
    assert not site.journal("code_added_at_door")


@pytest.mark.parametrize(
    ("digits", "rules", "code"),
    [
        ("12", {}, "code_length"),
        ("12a4", {}, "digits_not_on_keypad"),
        ("", {}, "digits_not_on_keypad"),
        (NEW, {"starts_at": 20, "ends_at": 10}, "window_invalid"),
        (NEW, {"ends_at": 10}, "window_invalid"),
        (135790, {}, "bad_argument"),
        (NEW, {"starts_at": "soon"}, "bad_argument"),
        (NEW, {"max_uses": 0}, "bad_argument"),
        (NEW, {"weekly": []}, "bad_argument"),
    ],
)
def test_what_is_wrong_with_the_digits_alone_is_told_and_costs_nothing(
    site: Site, digits: Any, rules: dict[str, Any], code: str
) -> None:
    error = add(site, digits, **rules)["error"]
    assert (error["code"], str(digits) in error["message"] and len(str(digits)) > 3) == (code, False)
    assert (guesses(site), site.journal("code_added_at_door")) == (5.0, [])


@pytest.mark.parametrize(("wanted", "code"), [("nobody", "not_found"), (7, "bad_argument")])
def test_a_code_that_is_not_there_cannot_be_removed(site: Site, wanted: Any, code: str) -> None:
    assert remove(site, wanted)["error"]["code"] == code


def test_a_code_of_the_cloud_is_removed_once(site: Site) -> None:
    remove(site, ANNA)
    assert remove(site, ANNA)["error"]["code"] == "not_found"


def test_a_code_that_the_lock_cannot_use_can_be_removed(site: Site) -> None:
    site.install(code_row(BEN, "12a4"))
    assert remove(site, BEN)["result"] == {"access_code_id": BEN}
