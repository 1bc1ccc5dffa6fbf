"""How long a code may be at a door: what its lock takes, less what somebody reported of it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from agent.core.access_code import MAX_CODE_LENGTH, MIN_CODE_LENGTH
from cloud_sim.access_codes import RANDOM_CODE_LENGTH
from cloud_sim.database import Database

LONGEST = 20
"""No API speaks of longer codes."""

_USUAL = {"min_code_length": MIN_CODE_LENGTH, "max_code_length": MAX_CODE_LENGTH}
"""What a lock takes that has not said so yet."""


def supported(database: Database, lock_id: str) -> tuple[int, ...]:
    """The lengths a code of this door may have, ascending; at least one."""
    row = database.row(
        "SELECT code_lengths, codes FROM locks LEFT JOIN reported_codes USING (lock_id) WHERE lock_id = ?",
        lock_id,
    )
    said = json.loads(row["codes"])["constraints"] if row and row["codes"] else {}
    least, most = (_limit(said, name) for name in ("min_code_length", "max_code_length"))
    lock_takes = range(least, most + 1) or range(MIN_CODE_LENGTH, MAX_CODE_LENGTH + 1)
    somebody_says = json.loads(row["code_lengths"]) if row and row["code_lengths"] else lock_takes
    return tuple(length for length in lock_takes if length in somebody_says) or tuple(lock_takes)


def _limit(said: Mapping[str, Any], name: str) -> int:
    value = said.get(name)
    return value if type(value) is int and 0 < value <= LONGEST else _USUAL[name]


def report(database: Database, lock_id: str, lengths: Sequence[int]) -> None:
    """Remember which lengths somebody found to work; the last report counts."""
    text = json.dumps(sorted(set(lengths)))
    database.run("UPDATE locks SET code_lengths = ? WHERE lock_id = ?", text, lock_id)


def chosen(database: Database, lock_ids: Sequence[str], preferred: int | None) -> int:
    """The length of a code that the cloud draws for these doors: what is preferred if all of them take it;
    else the usual one where nothing is preferred, and the shortest that all take."""
    common = set.intersection(*(set(supported(database, lock_id)) for lock_id in lock_ids))
    if not common:  # each door takes something else; the first decides
        common = set(supported(database, lock_ids[0]))
    wanted = RANDOM_CODE_LENGTH if preferred is None else preferred
    return wanted if wanted in common else min(common)
