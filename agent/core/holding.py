"""From what the lock holds to what decides: the search table, and the codes that cannot be part of it."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from agent.core import lifetime
from agent.core.access_code import CodeError
from agent.core.code_set import bucket_of
from agent.core.constraints import CAPACITY
from agent.core.lifetime import UNUSED
from agent.core.verifier import CodeTable, TableRow


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldCode:
    """One row of the store. `row` is None when `error` says why the code is unusable."""

    access_code_id: str
    gen: int
    row: TableRow | None
    error: CodeError | None
    is_revoked: bool


@dataclass(frozen=True, slots=True)
class CodeState:
    """What the lock reports of one code: `set`, or `unset` or `unknown` with the reason."""

    gen: int
    state: str
    error: CodeError | None


_STATE_OF: dict[CodeError | None, str] = {None: "set", CodeError.MAC_FAILED: "unknown"}


@dataclass(frozen=True, slots=True)
class Holding:
    """The table that decides, the codes beside it by id (unusable, or their digits went to another), and
    the lengths of the live codes."""

    table: CodeTable = field(default_factory=CodeTable)
    aside: dict[str, HeldCode] = field(default_factory=dict)
    live_lengths: tuple[int, ...] = ()
    local: frozenset[str] = frozenset()
    """Those made at the door, by id: they are in no code set, and nothing is reported of them."""

    def __len__(self) -> int:
        return len(self.table) + len(self.aside)

    def states(self) -> Iterator[tuple[str, CodeState]]:
        """The state of each access code, by id."""
        for access_code_id, gen in zip(self.table.ids[:-1], self.table.gens, strict=False):
            yield access_code_id, CodeState(gen, "set", None)
        for access_code_id, held in self.aside.items():
            yield access_code_id, _state(held)

    def withdraw(self, access_code_ids: set[str]) -> None:
        """Refuse codes from now on: they are gone from the set that is arriving."""
        self.table.withdraw(access_code_ids)
        for access_code_id in access_code_ids & self.aside.keys():
            self.aside[access_code_id] = replace(self.aside[access_code_id], is_revoked=True)

    def in_buckets(self, indices: Iterable[int], buckets: int) -> dict[int, list[str]]:
        """The ids of the codes that belong to these of so many buckets, without the withdrawn ones and those
        made at the door."""
        found: dict[int, list[str]] = {index: [] for index in indices}
        table = self.table
        for access_code_id, byte, is_withdrawn in zip(
            table.ids[:-1], table.bucket_bytes, table.withdrawn, strict=False
        ):
            if not is_withdrawn and (index := byte * buckets // 256) in found:
                found[index].append(access_code_id)
        for access_code_id, held in self.aside.items():
            if not held.is_revoked and (index := bucket_of(access_code_id, buckets)) in found:
                found[index].append(access_code_id)
        return {index: [each for each in ids if each not in self.local] for index, ids in found.items()}


class Arriving:
    """Codes that are to join a holding, laid out as they come, so that joining them takes little time."""

    def __init__(self, rows: Iterable[HeldCode] = ()) -> None:
        self.table = CodeTable()
        self.aside: dict[str, HeldCode] = {}
        self.local: set[str] = set()
        self.add(rows)

    def add_local(self, rows: Sequence[HeldCode]) -> None:
        """Codes made at the door."""
        self.add(rows)
        self.local.update(held.access_code_id for held in rows)

    def add(self, rows: Iterable[HeldCode]) -> None:
        """Each id may come once."""
        for held in rows:
            if held.row is None or held.row.tag in self.table.tags:
                self.aside[held.access_code_id] = held
            else:
                self.table.append(held.row)

    def remember(self, before: CodeTable) -> None:
        """What has happened meanwhile to codes that get other rules has happened to them."""
        lived = {
            (access_code_id, gen): history
            for access_code_id, gen, history in zip(before.ids, before.gens, before.histories, strict=True)
            if history is not UNUSED
        }
        if not lived:
            return
        for place, key in enumerate(zip(self.table.ids, self.table.gens, strict=True)):
            if key in lived:
                self.table.note_history(place, lived[key])
        for access_code_id, held in self.aside.items():
            if held.row is not None and (access_code_id, held.gen) in lived:
                row = replace(held.row, history=lived[access_code_id, held.gen])
                self.aside[access_code_id] = replace(held, row=row)


def build(rows: Iterable[HeldCode], certain_wall_s: float, capacity: int = CAPACITY) -> Holding:
    """What is held when these rows are all there is."""
    return joined(Holding(), Arriving(rows), certain_wall_s, capacity)


def joined(
    before: Holding,
    arriving: Arriving,
    certain_wall_s: float,
    capacity: int = CAPACITY,
    *,
    gone: Collection[str] = (),
) -> Holding:
    """What is held next: the codes of `before` that are not withdrawn or `gone`, and those arriving, which
    take the place of the same ids; `arriving` is used up. At most `capacity` codes decide.

    Of two codes with the same digits the one held longer wins while it has not ended (`certain_wall_s`:
    time that has certainly passed); the other is reported as a duplicate."""
    arriving.remember(before.table)
    anew = {*arriving.aside, *arriving.table.ids[:-1], *gone}
    stays = zip(before.table.ids[:-1], before.table.withdrawn, strict=False)
    table = before.table.only([not withdrawn and each not in anew for each, withdrawn in stays])
    kept = (held for held in before.aside.values() if held.access_code_id not in anew and not held.is_revoked)
    beside = [*kept, *arriving.aside.values()]
    claims = [held.row for held in beside if held.row is not None]
    contested = {row.tag for row in claims} | (table.tags & arriving.table.tags)
    table, claimed = _parted(table, contested)
    arrived, also_claimed = _parted(arriving.table, contested)
    table.extend(arrived)
    aside = {held.access_code_id: held for held in beside if held.row is None}
    aside |= _settle(table, [*claims, *claimed, *also_claimed], certain_wall_s)
    if len(table) > capacity:
        table, over = _cut(table, capacity, certain_wall_s)
        aside |= over
    return Holding(table, aside, _live_lengths(table, certain_wall_s), (before.local - anew) | arriving.local)


def _parted(table: CodeTable, tags: set[bytes]) -> tuple[CodeTable, list[TableRow]]:
    """The table without these tags, and their rows."""
    if tags.isdisjoint(table.tags):
        return table, []
    is_in = [tag in tags for tag in table.tags]
    rows = [table.row_at(place) for place, taken in enumerate(is_in) if taken]
    return table.only([not taken for taken in is_in]), rows


def _settle(table: CodeTable, claims: Iterable[TableRow], wall_s: float) -> dict[str, HeldCode]:
    """Give each tag to the first of its claims, and return the others."""

    def order(row: TableRow) -> tuple[bool, int, str]:
        has_ended = row.is_revoked or lifetime.has_ended(row.code, row.history, wall_s)
        return has_ended, row.from_rev, row.code.access_code_id

    others = {}
    for row in sorted(claims, key=order):
        if row.tag in table.tags:
            # The digits of a code that has ended went to another: nobody needs to hear of it.
            error = None if order(row)[0] else CodeError.DUPLICATE_CODE
            others[row.code.access_code_id] = _beside(row, error)
        else:
            table.append(row)
    return others


def _cut(table: CodeTable, capacity: int, wall_s: float) -> tuple[CodeTable, dict[str, HeldCode]]:
    order = sorted(zip(table.ended(wall_s), table.from_revs, table.ids, range(len(table)), strict=False))
    over = {place for _, _, _, place in order[capacity:]}
    rows = [_beside(table.row_at(place), CodeError.CAPACITY_FULL) for place in over]
    fits = table.only([place not in over for place in range(len(table))])
    return fits, {held.access_code_id: held for held in rows}


def _beside(row: TableRow, error: CodeError | None) -> HeldCode:
    return HeldCode(
        access_code_id=row.code.access_code_id,
        gen=row.code.gen,
        row=row,
        error=error,
        is_revoked=row.is_revoked,
    )


def _live_lengths(table: CodeTable, wall_s: float) -> tuple[int, ...]:
    columns = zip(table.ended(wall_s), table.rules, table.code_lengths, strict=False)
    return tuple(length for has_ended, rules, length in columns if not has_ended and rules.kind.admits)


def _state(held: HeldCode) -> CodeState:
    return CodeState(held.gen, _STATE_OF.get(held.error, "unset"), held.error)


def changes(before: Holding, after: Holding) -> list[tuple[str, CodeState]]:
    """The codes worth a report: those that became unusable, and those that recovered; by id. A code made at
    the door is not the cloud's, until it is."""
    was = {access_code_id: held.error for access_code_id, held in before.aside.items() if held.error}
    changed = {
        access_code_id: _state(held)
        for access_code_id, held in after.aside.items()
        if held.error != was.get(access_code_id)
    }
    if was.keys() - after.aside.keys():
        recovered = ((each, gen) for each, gen in zip(after.table.ids, after.table.gens, strict=True))
        changed |= {each: CodeState(gen, "set", None) for each, gen in recovered if each in was}
    return sorted((each, state) for each, state in changed.items() if each not in after.local)
