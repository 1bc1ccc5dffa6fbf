"""What a door takes as a code: refused code by code, published, and judged anew when it is changed."""

from pathlib import Path
from typing import Any

import pytest

from agent.core.constraints import Constraints
from firmware_sim.site import Site, code_row

ANNA, BEN = "1" * 8 + "-1111-4111-8111-111111111111", "2" * 8 + "-2222-4222-8222-222222222222"
KEYPAD = Constraints(code_lengths=(4, 6), digits="1234567", capacity=2)


def door(directory: Path, constraints: Constraints, *rows: dict[str, Any]) -> Site:
    """A connected door with these limits, and, if any, with these codes."""
    site = Site(directory, constraints=constraints)
    site.connect()
    if rows:
        site.install(*rows)
    return site


def errors(site: Site) -> list[tuple[str, list[str]]]:
    """What was reported of single codes, in order."""
    return [(row["detail"]["state"], row["detail"]["errors"]) for row in site.journal("code_state")]


@pytest.mark.parametrize(
    ("digits", "error"),
    [("471118", "digits_not_on_keypad"), ("47114", "code_length"), ("7777", "code_weak")],
)
def test_a_code_the_door_does_not_take_is_reported_and_does_not_block_the_others(
    tmp_path: Path, digits: str, error: str
) -> None:
    site = door(tmp_path, KEYPAD, code_row(ANNA, digits), code_row(BEN, "4711"))
    assert errors(site) == [("unset", [error])]
    site.type(f"{digits}#")
    assert site.strike.releases == 0
    site.type("4711#")
    assert site.strike.releases == 1
    site.close()


def test_the_lock_says_what_it_takes(tmp_path: Path) -> None:
    site = door(tmp_path, KEYPAD)
    said = site.uplink.summaries[-1]
    assert said.capacity == 2
    assert said.constraints == {
        "digits": "1234567",
        "code_lengths": [4, 6],
        "min_code_length": 4,
        "max_code_length": 6,
        "refuses_weak_codes": True,
    }
    site.close()


def test_codes_beyond_the_capacity_are_reported_and_the_first_ones_stay(tmp_path: Path) -> None:
    rows = [code_row(f"{n}" * 8 + "-1111-4111-8111-111111111111", f"471{n}") for n in (1, 2, 3)]
    site = door(tmp_path, KEYPAD, *rows)
    assert errors(site) == [("unset", ["capacity_full"])]
    site.type("4711#")
    assert site.strike.releases == 1
    site.close()


def test_a_door_that_takes_more_than_before_takes_the_codes_it_had_refused(tmp_path: Path) -> None:
    rows = code_row(ANNA, "47118"), code_row(BEN, "4711")
    door(tmp_path, KEYPAD, *rows).close()
    site = door(tmp_path, Constraints())
    site.offer(rows, rev=site.controller.codes.revision.applied_rev)
    site.deliver(rows)
    assert errors(site)[-1] == ("set", [])
    site.type("47118#")
    assert site.strike.releases == 1
    site.offer(rows, rev=site.controller.codes.revision.applied_rev)
    assert not site.controller.codes.is_syncing, "asked for once, not for ever"
    site.close()


def test_a_door_that_still_refuses_a_code_asks_for_it_once_a_start(tmp_path: Path) -> None:
    rows = [code_row(ANNA, "47118")]
    door(tmp_path, KEYPAD, *rows).close()
    site = door(tmp_path, KEYPAD)
    root = site.controller.codes.root
    for is_asked in (True, False):
        site.offer(rows, rev=site.controller.codes.revision.applied_rev)
        assert site.controller.codes.is_syncing is is_asked
        site.deliver(rows)
    assert errors(site) == [("unset", ["digits_not_on_keypad"])], "and says nothing twice"
    assert site.controller.codes.root == root, "it is the wanted set all the time"
    site.close()


def test_a_keypad_with_fewer_keys_is_easier_to_guess_at(tmp_path: Path) -> None:
    site = door(tmp_path, KEYPAD, code_row(ANNA, "4711"))
    short = next(risk for each, risk in site.controller.guesses.risks.items() if each.value == "short")
    assert short.chance == pytest.approx(7**-4)
    site.close()
