"""lockctl around its verbs: what goes wrong before one of them runs, and where the answer cannot go."""

import errno
import json
import os
import sys
from typing import Any

import click

from agent.cli.streams import replace_closed_stdin

USAGE = "usage"


class Program(click.Group):
    """A wrong usage is a document too where JSON was asked for, and an answer that cannot be written is a
    sentence."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run it and exit, as click does."""
        replace_closed_stdin()
        words = (args[0] if args else extra.get("args")) or sys.argv[1:]
        try:
            if "--json" not in words:
                return super().main(*args, **extra)
            _exit_of(super().main(*args, **{**extra, "standalone_mode": False}))
        except click.ClickException as wrong:
            click.echo(json.dumps({"error": {"code": USAGE, "message": wrong.format_message()}}))
            wrong.show()
            sys.exit(wrong.exit_code)
        except click.Abort:
            sys.exit(1)
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise
            click.echo(f"lockctl: cannot write the answer: {error.strerror}", err=True)
            os._exit(1)  # Python would try to write the rest once more, and complain again


def _exit_of(status: object) -> None:
    sys.exit(status if isinstance(status, int) else 0)
