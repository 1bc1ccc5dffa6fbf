"""Every link of every page leads somewhere, and every page can be reached."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, page

LINK = re.compile(r"\]\(([^)\s]+)\)")
LINKS = [(path, target) for path in PAGES for target in LINK.findall(path.read_text())]


def anchors(path: Path) -> set[str]:
    """The names a code host gives to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(("path", "target"), LINKS, ids=[f"{path.name}-{target}" for path, target in LINKS])
def test_a_link_leads_somewhere(path: Path, target: str) -> None:
    if target.startswith("https://"):
        return
    name, _, anchor = target.partition("#")
    found = (path.parent / name).resolve() if name else path
    assert found.exists()
    assert found.is_relative_to(ROOT)
    assert not anchor or anchor in anchors(found)


def test_every_page_is_in_the_index() -> None:
    index = page("README.md")
    names = {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert [name for name in sorted(names) if f"({name})" not in index] == []


def test_the_files_that_pages_name_exist() -> None:
    named = {
        name
        for path in PAGES
        for name in re.findall(
            r"`((?:agent|hal|firmware_sim|cloud_sim|tests|systemd)/[\w./-]*)`", path.read_text()
        )
    }
    assert len(named) > 20
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
