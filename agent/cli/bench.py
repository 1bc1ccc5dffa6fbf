"""What the verbs of lockctl that need no agent have in common."""

import functools
import sys
from collections.abc import Callable
from datetime import datetime
from typing import Any

import click

from agent.cli.terminal import Terminal
from agent.cli.words import Line

PROBLEM = 1


def moment_option(name: str, text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """An option that takes a time with its zone, as Unix seconds; None without it."""
    return click.option(name, metavar="TIME", callback=_moment, help=text)


def _moment(context: click.Context, parameter: click.Parameter, text: str | None) -> float | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is no time; write it like 2026-06-01T15:00Z", context, parameter
        ) from None
    if moment.tzinfo is None:
        raise click.BadParameter(
            f"{text!r} names no zone; add Z for UTC, or an offset like +02:00", context, parameter
        )
    return moment.timestamp()


def bench_verb(command: Callable[..., None]) -> Callable[..., None]:
    """Takes --json before or after the names of the verb; what is wrong with a file is status 1."""

    @functools.wraps(command)
    def run(*, as_json: bool, **options: Any) -> None:
        from agent.offline_setup import SetupFault  # here and below: what only these verbs need

        before: dict[str, Any] = click.get_current_context().find_root().obj or {}
        terminal = Terminal(as_json=as_json or before.get("as_json", False))
        try:
            command(terminal, **options)
        except (SetupFault, ValueError) as fault:
            if terminal.as_json:
                terminal.json_line({"error": {"code": "problem", "message": str(fault)}})
            click.echo(f"lockctl: {fault}", err=True)
            sys.exit(PROBLEM)

    return click.option("--json", "as_json", is_flag=True, help="Answer in JSON, for programs.")(run)


def show(terminal: Terminal, document: dict[str, Any], lines: list[Line]) -> None:
    """The document for programs, or the lines for people."""
    if terminal.as_json:
        terminal.document(document)
    else:
        terminal.lines(lines)
