"""The pages there are, and where they are."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


def page(name: str) -> str:
    """The text of one page of docs/."""
    return (ROOT / "docs" / name).read_text()


def code_blocks(text: str) -> list[str]:
    """Every fenced block, in order."""
    return text.split("```")[1::2]
