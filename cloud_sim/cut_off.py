"""Locks that are to have no way to the broker: a file that the cloud writes and the broker of lock-sim obeys.

The file, a JSON list of lock ids, is there only where a broker looks at it."""

import json
from pathlib import Path

from cloud_sim.state_directory import write_private


def read(file: Path | None) -> frozenset[str] | None:
    """The locks that are cut off; None where no broker cuts anybody off."""
    if file is None:
        return None
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError):
        return None
    return frozenset(map(str, found)) if isinstance(found, list) else None


def write(file: Path, lock_ids: frozenset[str]) -> None:
    """Cut these off and no others. Raises OSError."""
    write_private(file, json.dumps(sorted(lock_ids)).encode())
