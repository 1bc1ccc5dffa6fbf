"""docs/diagnose.md and docs/operate.md explain every word a lock says, and no others."""

import re

from agent.core.access_code import CodeError
from agent.core.decision import Reason
from agent.doctor import CHECKS, check_name
from hal.osdp.indicator import SHOWS
from tests.docs.pages import ROOT, page


def first_column(text: str, heading: str) -> list[str]:
    section = text.partition(heading)[2].partition("\n## ")[0]
    return re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)


def test_every_check_of_doctor_is_explained() -> None:
    assert first_column(page("diagnose.md"), "# Find out") == ["agent", *map(check_name, CHECKS)]


def test_every_reason_for_a_refusal_is_explained() -> None:
    assert set(first_column(page("diagnose.md"), "## A code is refused")) == {one.value for one in Reason}


def test_every_error_of_a_code_is_explained() -> None:
    listed = first_column(page("diagnose.md"), "## A code does not become active")
    assert set(listed) == {one.value for one in CodeError}


def test_what_the_agent_is_said_to_say_it_says() -> None:
    words = " ".join(path.read_text() for path in (ROOT / "agent").rglob("*.py"))
    listed = first_column(page("diagnose.md"), "## The agent does not start")
    assert len(listed) == 7
    missing = [one for one in listed if one not in words and one != "cannot open"]
    assert missing == []
    assert 'f"cannot {doing}: ' in words


def test_every_pattern_of_the_keypad_is_explained() -> None:
    table = page("operate.md").partition("## What the keypad shows")[2].partition("\n## ")[0]
    assert len(re.findall(r"^\| [a-z]", table, re.MULTILINE)) == len(SHOWS) + 1
