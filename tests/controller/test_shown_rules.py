"""Rules of codes in the words of `lockctl codes`, from what a real agent answers."""

from typing import Any

import pytest

from agent.cli.rule_words import rule_texts
from agent.cli.words import code_lines
from firmware_sim.site import Site, code_row
from firmware_sim.virtual_parts import NOON
from tests.controller.conftest import ANNA
from tests.controller.test_questions import result

WORKDAYS = [{"days": [1, 2, 3, 4, 5], "from": "08:00", "to": "18:00"}]
WEEKEND = [{"days": [6, 7], "from": "22:00", "to": "06:00"}]
HOLIDAYS = [{"date": "2026-12-25", "rule": "deny"}, {"date": "2026-12-24", "rule": {"as_day": 7}}]


@pytest.mark.parametrize(
    ("rules", "texts"),
    [
        ({}, []),
        ({"max_uses": 3}, []),
        (
            {"weekly": WORKDAYS + WEEKEND, "zone": "Europe/Berlin"},
            ["Mon-Fri 08:00 to 18:00; Sat, Sun 22:00 to 06:00 (Europe/Berlin)"],
        ),
        (
            {"holidays": HOLIDAYS, "zone": "UTC"},
            ["2026-12-24 like Sun, 2026-12-25 closed (UTC)"],
        ),
        ({"expires_after_first_use_s": 3600}, ["over 3600 s after its first use"]),
        ({"first_use_within_s": 3600, "starts_at": NOON}, ["first use before 2026-09-21 15:13:20Z"]),
        ({"starts_at": 1, "works_without_clock": True}, ["works without a clock"]),
        ({"extended_release": True}, ["extended release"]),
    ],
)
def test_each_further_rule_is_told_in_a_line(site: Site, rules: dict[str, Any], texts: list[str]) -> None:
    site.install(code_row(ANNA, "493817", **rules))
    (listed,) = result(site, "codes")["codes"]
    assert list(rule_texts(listed)) == texts


def test_a_used_code_says_when_it_is_over(site: Site) -> None:
    site.install(code_row(ANNA, "493817", expires_after_first_use_s=3600, first_use_within_s=60))
    site.type("493817#")
    told = [line.text.strip() for line in code_lines(result(site, "codes")["codes"])]
    assert told[2:] == ["first used 2026-09-21 14:13:20Z, over 2026-09-21 15:13:20Z", "first used in time"]


def test_a_disabled_code_and_one_outside_its_hours_say_why_they_are_refused_now(site: Site) -> None:
    site.install(
        code_row(ANNA, "493817", weekly=WEEKEND, zone="UTC"),
        code_row("2" * 8 + "-2222-4222-8222-222222222222", "246802", enabled=False),
    )
    lines = [line.text for line in code_lines(result(site, "codes")["codes"])]
    assert "refused now: outside schedule" in lines[1]
    assert "refused now: disabled" in lines[4]
