"""Every attack of the threat model names the tests that show what comes of it, and they are there."""

import ast
import re

import pytest

from tests.docs.pages import ROOT, page

PAGE = page("threat-model.md")
ATTACKS = [
    line
    for line in PAGE.splitlines()
    if line.startswith("| ") and not line.startswith(("| who, with what", "|-"))
]
SHOWN_BY = sorted(set(re.findall(r"`(tests/[^`:]+)::(\w+)`", PAGE)))


@pytest.mark.parametrize("row", ATTACKS, ids=[line.split(" | ")[0].strip("| ")[:60] for line in ATTACKS])
def test_an_attack_names_what_it_gets_and_the_tests_that_show_it(row: str) -> None:
    attacker, gets, tests = (cell.strip() for cell in row.strip().strip("|").split(" | "))
    assert attacker
    assert gets
    assert re.fullmatch(r"`tests/[^`]+::\w+`(<br>`tests/[^`]+::\w+`)*", tests)


@pytest.mark.parametrize(("file", "name"), SHOWN_BY, ids=[name for _, name in SHOWN_BY])
def test_a_test_that_is_named_is_there(file: str, name: str) -> None:
    module = ast.parse((ROOT / file).read_text())
    assert name in _names(module)


def _names(module: ast.Module) -> set[str]:
    """Functions, and what a state machine becomes."""
    functions = {each.name for each in module.body if isinstance(each, ast.FunctionDef)}
    assigned = {
        target.id
        for each in module.body
        if isinstance(each, ast.Assign)
        for target in each.targets
        if isinstance(target, ast.Name)
    }
    return functions | assigned


def test_what_is_not_stopped_is_said() -> None:
    limits = PAGE.partition("## What is not stopped")[2]
    assert len(re.findall(r"^- ", limits, re.MULTILINE)) >= 5
