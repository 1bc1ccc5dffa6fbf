"""What the README and the pages tell people to type exists."""

import argparse
import re
import subprocess
import tomllib

import click
import pytest

from agent.cli import daemon
from agent.cli.lockctl import main as lockctl
from cloud_sim import __main__ as cloud
from firmware_sim.__main__ import cli as lock_sim
from tests.cli.documented import options, verbs
from tests.docs.pages import PAGES, ROOT

PROSE = "\n".join(path.read_text() for path in PAGES)
TYPED = "\n".join([*PROSE.split("```")[1::2], *re.findall(r"`([^`\n]+)`", PROSE)])
BEFORE = r"(?:^|[\s;|/])"


def typed(program: str) -> list[list[str]]:
    """The words after `program` wherever a page shows a command line with it."""
    lines = re.findall(rf"{BEFORE}{program} (?! )([^\n;|<]*)", TYPED, re.MULTILINE)
    return [line.split() for line in lines]


def argparse_verbs(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    actions = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
    return dict(actions[0].choices)


def test_every_make_target_on_a_page_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = {words[0] for words in typed("make") if re.fullmatch("[a-z]+", words[0])}
    assert targets >= {"sim", "test", "demo", "lint", "types", "bench"}
    assert [one for one in sorted(targets) if not re.search(rf"^{one}:", makefile, re.MULTILINE)] == []


def test_every_target_of_the_makefile_is_in_its_help() -> None:
    said = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    phony = re.findall(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[0].split()
    assert [one for one in phony if f"make {one}" not in said and one != "test-tools"] == []


def test_the_console_commands_are_the_three_of_the_readme() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    table = re.findall(r"^\| `(lock[a-z-]+)` \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert set(table) == set(scripts)


@pytest.mark.parametrize(("program", "group"), [("lockctl", lockctl), ("lock-sim", lock_sim)])
def test_every_verb_and_option_on_a_page_exists(program: str, group: click.Group) -> None:
    lines = [[word for word in words if word != "..."] for words in typed(program)]
    assert len(lines) > 5
    used = {word for words in lines for word in words if word.startswith("--")}
    assert used - options(group) - {"--help", "--version"} == set()
    firsts = {words[0] for words in lines if words and re.fullmatch("[a-z]+", words[0])}
    assert firsts - verbs(group) == set()


def test_every_verb_and_option_of_lock_agent_on_a_page_exists() -> None:
    parsers = argparse_verbs(daemon._parser())
    lines = [words for words in typed("lock-agent") if words and words[0] in parsers]
    assert {words[0] for words in lines} == {
        "check",
        "enrol",
        "make-safe",
        "new-root-secret",
        "rotate-root",
        "wipe",
    }
    for words in lines:
        options = {word for word in words if word.startswith("--")}
        assert options <= set(parsers[words[0]]._option_string_actions), words


def test_every_verb_and_option_of_the_cloud_on_a_page_exists() -> None:
    parsers = argparse_verbs(cloud._parser())
    lines = typed("python -m cloud_sim")
    assert {words[0] for words in lines} == set(parsers)
    for words in lines:
        options = {word for word in words if word.startswith("--")}
        assert options <= set(parsers[words[0]]._option_string_actions), words


def test_what_install_says_to_copy_exists() -> None:
    page = (ROOT / "docs" / "install.md").read_text()
    copied = re.findall(r"^sudo install (?:-D )?-m 0644 (\S+) ", page, re.MULTILINE)
    assert len(copied) == 3
    assert [name for name in copied if not (ROOT / name).is_file()] == []
