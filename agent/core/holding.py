"""From what the lock holds to what decides: the search table, and one state per access code."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from agent.core import lifetime
from agent.core.access_code import AccessCode, CodeError
from agent.core.constraints import CAPACITY
from agent.core.lifetime import History
from agent.core.verifier import CodeTable, TableRow


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldCode:
    """One row of the store. `code` and `tag` are None when `error` says why the code is unusable."""

    access_code_id: str
    gen: int
    definition: str
    code: AccessCode | None
    tag: bytes | None = field(repr=False)
    code_length: int | None
    error: CodeError | None
    is_revoked: bool
    history: History
    from_rev: int

    def has_ended(self, wall_s: float) -> bool:
        """Ended or spent for good: its digits may belong to another code."""
        if self.code is None or self.is_revoked:
            return True
        return lifetime.has_ended(self.code, self.history, wall_s)


@dataclass(frozen=True, slots=True)
class CodeState:
    """What the lock reports of one code: `set`, or `unset` or `unknown` with the reason."""

    gen: int
    state: str
    error: CodeError | None


@dataclass(frozen=True, slots=True)
class Holding:
    """The table that decides, the state of each access code by id, and the lengths of the live codes."""

    table: CodeTable
    states: dict[str, CodeState]
    live_lengths: tuple[int, ...]


def build(held: Sequence[HeldCode], certain_wall_s: float, capacity: int = CAPACITY) -> Holding:
    """Lay out the table of at most `capacity` codes. Of two with the same digits the one held longer wins
    while it has not ended (`certain_wall_s`: time that has certainly passed); the other is reported as a
    duplicate."""
    winners: dict[bytes, HeldCode] = {}
    states: dict[str, CodeState] = {}
    lengths: list[int] = []
    for row in sorted(
        held, key=lambda row: (row.has_ended(certain_wall_s), row.from_rev, row.access_code_id)
    ):
        has_ended = row.has_ended(certain_wall_s)
        error = _fault(row, winners, capacity)
        if error is None and row.tag is not None and row.code is not None:
            winners[row.tag] = row
            if not has_ended and row.code.kind.opens:
                lengths.append(row.code_length or 0)
        elif has_ended and error is CodeError.DUPLICATE_CODE:
            error = None  # its digits went to another code after its end: nobody needs to hear of it
        states[row.access_code_id] = CodeState(row.gen, _STATE_OF.get(error, "unset"), error)
    rows = [
        TableRow(code=row.code, tag=tag, history=row.history, is_revoked=row.is_revoked)
        for tag, row in winners.items()
        if row.code is not None
    ]
    return Holding(CodeTable(rows), states, tuple(lengths))


_STATE_OF: dict[CodeError | None, str] = {None: "set", CodeError.MAC_FAILED: "unknown"}


def _fault(row: HeldCode, winners: dict[bytes, HeldCode], capacity: int) -> CodeError | None:
    if row.tag is None or row.code is None:
        return row.error or CodeError.SCHEMA_UNSUPPORTED
    if len(winners) >= capacity:
        return CodeError.CAPACITY_FULL
    return CodeError.DUPLICATE_CODE if row.tag in winners else None


def changes(before: dict[str, CodeState], after: dict[str, CodeState]) -> list[tuple[str, CodeState]]:
    """The codes worth a report: those that became unusable, and those that recovered."""
    return [
        (access_code_id, state)
        for access_code_id, state in sorted(after.items())
        if state.error != (before[access_code_id].error if access_code_id in before else None)
    ]
