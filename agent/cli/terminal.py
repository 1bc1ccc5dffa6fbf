"""Where lines go: styled on a terminal, plain anywhere else, JSON when asked for."""

import json
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from agent.cli.words import Line

if TYPE_CHECKING:
    from rich.console import Console

STYLES = {"plain": "", "good": "green", "bad": "bold red", "dim": "dim"}


class Terminal:
    """Writes to standard output. rich is loaded only where a person looks: it costs 100 ms to import."""

    def __init__(self, *, as_json: bool) -> None:
        """`as_json`: documents instead of lines."""
        self.as_json = as_json
        self._console = _console() if is_terminal() and not as_json else None

    def lines(self, lines: Iterable[Line]) -> None:
        """Lines for people, each out at once."""
        for line in lines:
            if self._console is None:
                click.echo(line.text)
            else:
                self._console.print(line.text, style=STYLES[line.style], markup=False, highlight=False)

    def hint(self, text: str) -> None:
        """A line for a person at a terminal, and for nobody else."""
        if self._console is not None:
            self.lines([Line(text, "dim")])

    def document(self, document: Any) -> None:
        """One JSON document, indented."""
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))

    def json_line(self, document: Any) -> None:
        """One JSON document on a line of its own, out at once."""
        click.echo(json.dumps(document, separators=(",", ":"), ensure_ascii=False))
        sys.stdout.flush()


def is_terminal() -> bool:
    """Whether a person looks. Standard output may be closed: then there is none."""
    return sys.stdout is not None and sys.stdout.isatty()


def _console() -> "Console":
    from rich.console import Console  # only here: see `Terminal`

    return Console(soft_wrap=True)
