"""Standard streams that whoever started a command has closed."""

import io
import sys


def replace_closed_stdin() -> None:
    """Have a closed standard input be an empty one, so that whoever reads it says what is missing."""
    if sys.stdin is None:
        sys.stdin = io.StringIO()
