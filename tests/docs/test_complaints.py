"""The page of complaints answers every one of its groups, by tests that are there."""

import ast
import re

import pytest

from tests.docs.pages import ROOT, page

PAGE = page("complaints.md")
ROWS = [line for line in PAGE.splitlines() if re.match(r"\| \d", line)]
SHOWN_BY = re.findall(r"`(tests/[^`:]+)::(\w+)`", PAGE)
NUMBERS = [int(line.split("|")[1]) for line in ROWS]


def test_every_complaint_of_the_groups_is_answered_once_and_in_order() -> None:
    of_groups_that_are_not_whole = [53]
    assert [*range(1, 45), *of_groups_that_are_not_whole] == NUMBERS


@pytest.mark.parametrize("row", ROWS, ids=[f"complaint {number}" for number in NUMBERS])
def test_a_complaint_has_its_source_and_its_tests(row: str) -> None:
    assert "](https://" in row
    assert "`tests/" in row.split(" | ")[-1]


@pytest.mark.parametrize(("file", "name"), SHOWN_BY, ids=[name for _, name in SHOWN_BY])
def test_a_test_that_is_named_is_there(file: str, name: str) -> None:
    module = ast.parse((ROOT / file).read_text())
    assert name in {each.name for each in module.body if isinstance(each, ast.FunctionDef)}
