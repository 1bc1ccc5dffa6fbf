"""The page about readers proves each cell of its table by a test that is there."""

import ast
import re

import pytest

from tests.docs.pages import ROOT, page

PAGE = page("osdp.md")
TABLE = PAGE.partition("## What it works with")[2]
ROWS = [line.strip("| ").split(" | ") for line in TABLE.splitlines() if line.startswith("| ")][1:]
FILES = dict(re.findall(r"\[([A-Z])\]: \[[^]]+\]\(\.\./(tests/[^)]+)\)", TABLE))
CELLS = [(row[0], cell) for row in ROWS for cell in row[1:]]
NAMED = [(row, file, name) for row, cell in CELLS for file, name in re.findall(r"\[([A-Z])\] `(\w+)`", cell)]


def test_every_row_says_something_of_every_pair() -> None:
    assert len(ROWS) >= 16
    assert {len(row) for row in ROWS} == {5}


@pytest.mark.parametrize(("row", "cell"), CELLS, ids=str)
def test_a_cell_names_a_test_or_says_that_there_is_none(row: str, cell: str) -> None:
    assert cell == "-" or re.match(r"\[[A-Z]\] `\w+`", cell), row


@pytest.mark.parametrize(("row", "file", "name"), NAMED, ids=[f"{row}: {name}" for row, _, name in NAMED])
def test_a_test_that_is_named_is_there(row: str, file: str, name: str) -> None:
    module = ast.parse((ROOT / FILES[file]).read_text())
    assert name in {each.name for each in module.body if isinstance(each, ast.FunctionDef)}, row
