"""What a door takes as a code: by its lock's own word, less what somebody reported of it."""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent.core.access_code import CodeError
from agent.core.constraints import ALL_DIGITS, CODE_LENGTHS, WIDEST, Constraints, check_digits, is_weak
from cloud_sim.database import Database

USUAL_LENGTH = 6
"""Of a code that the cloud draws, where nobody prefers another."""
LONGEST = 20
"""No API speaks of longer codes."""


def of_lock(database: Database, lock_id: str) -> Constraints:
    """The limits of a lock. One that has said nothing, or nonsense, is taken to have the widest: what it
    then refuses it reports."""
    row = database.row(
        "SELECT code_lengths, codes FROM locks LEFT JOIN reported_codes USING (lock_id) WHERE lock_id = ?",
        lock_id,
    )
    said = json.loads(row["codes"])["constraints"] if row and row["codes"] else {}
    lock_takes = _lengths(said)
    somebody_says = json.loads(row["code_lengths"]) if row and row["code_lengths"] else lock_takes
    lengths = tuple(length for length in lock_takes if length in somebody_says)
    return Constraints(
        code_lengths=lengths or lock_takes,
        digits=_digits(said.get("digits")),
        refuses_weak_codes=said.get("refuses_weak_codes") is True,
    )


def _lengths(said: Mapping[str, Any]) -> tuple[int, ...]:
    """The list of a lock, or the range of one too old for a list."""
    listed = said.get("code_lengths")
    if isinstance(listed, list) and listed and all(_is_length(each) for each in listed):
        return tuple(sorted(set(listed)))
    least = said.get("min_code_length", CODE_LENGTHS[0])
    most = said.get("max_code_length", CODE_LENGTHS[-1])
    if not _is_length(least) or not _is_length(most):
        return CODE_LENGTHS
    return tuple(range(least, most + 1)) or CODE_LENGTHS


def _is_length(value: object) -> bool:
    return type(value) is int and CODE_LENGTHS[0] <= value <= LONGEST


def _digits(said: object) -> str:
    known = "".join(digit for digit in ALL_DIGITS if isinstance(said, str) and digit in said)
    return known if len(known) > 1 else ALL_DIGITS


def report(database: Database, lock_id: str, lengths: Sequence[int]) -> None:
    """Remember which lengths somebody found to work; the last report counts. It only narrows what the lock
    takes."""
    text = json.dumps(sorted(set(lengths)))
    database.run("UPDATE locks SET code_lengths = ? WHERE lock_id = ?", text, lock_id)


def problem(database: Database, lock_id: str, digits: str) -> CodeError | None:
    """Why the lock will not take these digits, as far as is known; None: it will."""
    return check_digits(digits, of_lock(database, lock_id))


@dataclass(frozen=True, slots=True)
class Drawing:
    """What codes are drawn from that several doors share."""

    length: int
    digits: str

    def draw(self) -> str:
        """Random digits that no lock calls weak."""
        while is_weak(digits := "".join(secrets.choice(self.digits) for _ in range(self.length))):
            pass
        return digits


def drawing(database: Database, lock_ids: Sequence[str], preferred: int | None = None) -> Drawing:
    """What to draw from for these doors. Length: what is preferred if all of them take it; else the usual
    one where nothing is preferred, and the shortest that all take. Digits: those all keypads have. Doors
    that agree on nothing go by the first."""
    limits = [of_lock(database, lock_id) for lock_id in lock_ids] or [WIDEST]
    lengths = set.intersection(*(set(each.code_lengths) for each in limits)) or set(limits[0].code_lengths)
    digits = set.intersection(*(set(each.digits) for each in limits))
    wanted = USUAL_LENGTH if preferred is None else preferred
    return Drawing(
        length=wanted if wanted in lengths else min(lengths),
        digits="".join(sorted(digits)) if len(digits) > 1 else limits[0].digits,
    )
