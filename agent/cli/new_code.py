"""What `lockctl codes add` takes from people: moments, and digits that no other process can see."""

import math
import sys
from datetime import datetime

import click


def moment(text: str) -> int:
    """ISO 8601 with an offset from UTC -> Unix seconds, rounded down. Without an offset nobody could say
    which hour was meant. Raises click's BadParameter."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is not a time like 2026-12-24T18:00:00Z") from None
    if read.tzinfo is None:
        raise click.BadParameter(f"{text!r} says no offset from UTC; add Z if it is UTC")
    return math.floor(read.timestamp())


def new_digits() -> str:
    """The digits of a new code: asked for twice on a terminal, otherwise one line of standard input. Never an
    argument, which every process of the machine could read. Raises click's UsageError, without them."""
    if sys.stdin.isatty():
        typed: str = click.prompt("New code", hide_input=True, confirmation_prompt="The same again")
    else:
        typed = sys.stdin.readline().strip()
    if not (typed.isascii() and typed.isdigit()):
        raise click.UsageError("a code is made of digits, and of nothing else")
    return typed
