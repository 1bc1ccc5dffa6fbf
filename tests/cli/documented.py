"""Compares the verbs and options of a command with the page that documents them."""

import re
from pathlib import Path

import click

DOCS = Path(__file__).parents[2] / "docs"


def verbs(group: click.Group) -> set[str]:
    """Every verb there is."""
    return set(group.commands)


def options(group: click.Group) -> set[str]:
    """Every long option of every verb; help and version are click's."""
    names = {name for one in group.params if isinstance(one, click.Option) for name in one.opts}
    for command in group.commands.values():
        below = command if isinstance(command, click.Group) else click.Group(params=command.params)
        names |= options(below)
    return {name for name in names if name.startswith("--")}


def grouped_verbs(group: click.Group) -> set[str]:
    """Every verb within a group: `offline issue`."""
    groups = {name: one for name, one in group.commands.items() if isinstance(one, click.Group)}
    return {f"{name} {verb}" for name, one in groups.items() for verb in one.commands}


def verbs_in(page: str, command: str) -> set[str]:
    """The verbs in blocks of examples: `command verb ...`."""
    blocks = re.findall(r"^```$(.*?)^```$", (DOCS / page).read_text(), re.MULTILINE | re.DOTALL)
    return set(re.findall(rf"^{command} ([a-z]+)", "\n".join(blocks), re.MULTILINE))


def grouped_verbs_in(page: str, command: str, groups: set[str]) -> set[str]:
    """The same for verbs within groups."""
    blocks = re.findall(r"^```$(.*?)^```$", (DOCS / page).read_text(), re.MULTILINE | re.DOTALL)
    named = "|".join(sorted(groups))
    return set(re.findall(rf"^{command} ((?:{named}) [a-z]+)", "\n".join(blocks), re.MULTILINE))


def options_in(page: str) -> set[str]:
    """The options in the first column of tables."""
    rows = re.findall(r"^\| (`--[^|]*)\|", (DOCS / page).read_text(), re.MULTILINE)
    return {name for row in rows for name in re.findall(r"--[a-z-]+", row)} - {"--help"}
