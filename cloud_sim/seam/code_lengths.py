"""How long a code may be at a door: what its lock takes, less what somebody reported of it."""

import json
from collections.abc import Sequence

from agent.core.access_code import MAX_CODE_LENGTH, MIN_CODE_LENGTH
from cloud_sim.access_codes import RANDOM_CODE_LENGTH
from cloud_sim.database import Database

_LOCK_TAKES = tuple(range(MIN_CODE_LENGTH, MAX_CODE_LENGTH + 1))


def supported(database: Database, lock_id: str) -> tuple[int, ...]:
    """The lengths a code of this door may have, ascending; at least one."""
    row = database.row("SELECT code_lengths FROM locks WHERE lock_id = ?", lock_id)
    reported = json.loads(row["code_lengths"]) if row and row["code_lengths"] else _LOCK_TAKES
    return tuple(length for length in _LOCK_TAKES if length in reported) or _LOCK_TAKES


def report(database: Database, lock_id: str, lengths: Sequence[int]) -> None:
    """Remember which lengths somebody found to work; the last report counts."""
    text = json.dumps(sorted(set(lengths)))
    database.run("UPDATE locks SET code_lengths = ? WHERE lock_id = ?", text, lock_id)


def chosen(database: Database, lock_ids: Sequence[str], preferred: int | None) -> int:
    """The length of a code that the cloud draws for these doors: what is preferred if all of them take it;
    else the usual one where nothing is preferred, and the shortest that all take."""
    common = set(_LOCK_TAKES).intersection(*(supported(database, lock_id) for lock_id in lock_ids))
    if not common:  # each door takes something else; the first decides
        common = set(supported(database, lock_ids[0]))
    wanted = RANDOM_CODE_LENGTH if preferred is None else preferred
    return wanted if wanted in common else min(common)
