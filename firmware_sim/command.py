"""The command `lock-sim`, also where only the agent is installed: then it says what is missing."""

import sys
from importlib.util import find_spec

NEEDED = ("starlette", "uvicorn")
"""The libraries of the extra `sim`."""


def main() -> None:
    """Run lock-sim and exit with its status, 1 without its libraries."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        names = " and ".join(missing)
        sys.exit(f"lock-sim: no {names} here; in the source type make sim, or pip install '.[sim]'")
    from firmware_sim.__main__ import main as run  # it loads what may be missing

    run()
