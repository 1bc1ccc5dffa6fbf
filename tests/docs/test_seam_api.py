"""The page of the Seam API names every operation, verb, field and property, and none besides."""

import re

from cloud_sim.seam import code_issues
from cloud_sim.seam.dispatch import Operation
from cloud_sim.seam.operations import OPERATIONS
from tests.docs.pages import page

PAGE = page("seam-api.md")


def table(first_heading: str) -> list[list[str]]:
    """The cells of the table whose first column is headed so."""
    rows = PAGE.partition(f"| {first_heading} |")[2].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]


def names(cell: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", cell))


def fields_of(operation: Operation) -> str:
    shown = [f"`{one.name}`{'*' if one.is_required else ''}" for one in operation.declared]
    return " ".join(shown) or "none"


def test_every_operation_is_there_with_its_verbs_and_fields() -> None:
    told = [cells[:3] for cells in table("operation")]
    real = [[f"`{one.path}`", " ".join(sorted(one.verbs)), fields_of(one)] for one in OPERATIONS]
    assert sorted(told) == sorted(real)


def test_every_operation_says_whether_it_works() -> None:
    states = [cells[3] for cells in table("operation")]
    assert [state for state in states if not state.startswith(("works", "refused"))] == []


def test_every_field_about_codes_says_what_it_does() -> None:
    told = [name for cells in table("field") for name in names(cells[0])]
    about_codes = [one for one in OPERATIONS if one.path.startswith("/access_codes/")]
    declared = {one.name for operation in about_codes for one in operation.declared}
    assert (len(told), set(told)) == (len(declared), declared)


def test_every_error_code_that_a_code_can_have_is_explained() -> None:
    told = {name for cells in table("error") for name in names(cells[0])}
    assert {error_code for error_code, _ in code_issues.ERRORS.values()} <= told
