"""Constant-time search of the whole code table; with the entry machine, the only code that sees digits.

Codes are held as keyed tags, so an attacker cannot steer what is compared. `bytes.count` runs over all
tags whatever the entry; the row then comes from a dictionary that has a dummy for everything unknown
(decisions: 32 us for 10,000 codes; what leaks in CPython: spec security, section 5).
"""

import hmac
from array import array
from collections.abc import Collection, Iterable, KeysView, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Any

from agent.core import code_columns, lifetime
from agent.core.access_code import AccessCode
from agent.core.code_columns import COLUMNS, FOREVER, NO_RULES
from agent.core.lifetime import UNUSED, History

TAG_BYTES = 16
MAX_ENTRY_DIGITS = 10
_PADDED_DIGITS = 15


def tag_of(tag_key: bytes, digits: str) -> bytes:
    """HMAC-SHA-256(tag_key, byte(length) + digits padded with zero bytes to 15)[0:16]; one HMAC block for
    every length, so that its cost does not depend on the entry. At most 15 ASCII digits."""
    message = bytes([len(digits)]) + digits.encode("ascii").ljust(_PADDED_DIGITS, b"\0")
    return hmac.digest(tag_key, message, "sha256")[:TAG_BYTES]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRow:
    """One code of a table: its rules, its tag (16 bytes), what happened to it, whether it is revoked."""

    code: AccessCode
    tag: bytes = field(repr=False)
    history: History = UNUSED
    is_revoked: bool = False
    code_length: int = 0
    """Digits; 0 where nobody asks for it."""
    from_rev: int = 0
    """The revision it came with."""


class CodeTable:
    """All codes of a door, laid out for the search: `CodeTable(rows)`, then `search(tag)`.

    Rows must have different tags. Facts about row n stand at place n of each column; the last place of
    each is the dummy row, which every unknown tag finds. Ten thousand codes take 3 MiB: a code is an
    object only while somebody looks at it (`code_at`). Only the controller thread uses a table. What
    changes in place: what follows from uses, `revoked`, `withdrawn`, and `active_now`, which whoever
    keeps the schedules writes (0 until then, 1 for codes without one); while a table decides, nobody
    adds rows to it.
    """

    __slots__ = ("_blob", "_row_of", "histories", "ids", "rules", *COLUMNS)

    known: "array[int]"
    revoked: "array[int]"
    """Refused: by its row, or by a command."""
    withdrawn: "array[int]"
    """Refused by its row: gone from a newer set, and not part of the next table."""
    time_ruled: "array[int]"
    works_without_clock: "array[int]"
    enabled: "array[int]"
    opening: "array[int]"
    for_keypad: "array[int]"
    active_now: "array[int]"
    code_lengths: "array[int]"
    bucket_bytes: "array[int]"
    gens: "array[int]"
    code_revs: "array[int]"
    from_revs: "array[int]"
    uses: "array[float]"
    max_uses: "array[float]"
    starts_at: "array[float]"
    window_ends_at: "array[float]"
    ends_at: "array[float]"
    first_use_by: "array[float]"

    def __init__(self, rows: Iterable[TableRow] = ()) -> None:
        self._blob = bytearray()
        self._row_of: dict[bytes, int] = {}
        self.ids = [""]
        self.rules = [NO_RULES]
        self.histories = [UNUSED]
        for name in COLUMNS:
            setattr(self, name, code_columns.column(name))
        for row in rows:
            self.append(row)

    def __len__(self) -> int:
        return len(self._row_of)

    def __repr__(self) -> str:
        return f"CodeTable({len(self)} codes)"

    # --- while it decides -------------------------------------------------------------------------

    def search(self, tag: bytes) -> int:
        """The place of `tag`, or that of the dummy row. Reads every tag, whether or not one matches."""
        return self.find(tag)[0]

    def find(self, tag: bytes) -> tuple[int, int]:
        """What `search` says, and a row to do the same work with whatever was found: the row of `tag`, or for
        an unknown one another row, drawn by the tag. It is the dummy row in an empty table only: that is read
        so often that the processor always has it at hand, unlike a code."""
        codes = len(self._row_of)
        other = (int.from_bytes(tag[:3]) * codes >> 24) * TAG_BYTES
        looked_up = bytes(self._blob[other : other + TAG_BYTES])
        is_there = self._blob.count(tag) > 0
        row = self._row_of.get((looked_up, tag)[is_there], codes)
        return (codes, row)[is_there], row

    def code_at(self, place: int) -> AccessCode | None:
        """The code at a place; None for the dummy row. How long that takes depends on the code."""
        if not self.known[place]:
            return None
        return code_columns.whole(
            self.rules[place],
            self.ids[place],
            self.gens[place],
            self.code_revs[place],
            self.starts_at[place],
            self.window_ends_at[place],
        )

    def revoke(self, access_code_ids: Collection[str]) -> None:
        """Refuse codes from now on. Unknown ids are none of this table's business."""
        for place in self._places(access_code_ids):
            self.revoked[place] = 1

    def withdraw(self, access_code_ids: Collection[str]) -> None:
        """Refuse codes from now on, and leave them out of the next table."""
        for place in self._places(access_code_ids):
            self.revoked[place] = self.withdrawn[place] = 1

    def restore(self, access_code_ids: Collection[str]) -> None:
        """Take back `revoke`, whatever it was for; never `withdraw`."""
        for place in self._places(access_code_ids):
            self.revoked[place] = self.withdrawn[place]

    def place_of(self, access_code_id: str) -> int | None:
        """The place of a code that is in this table."""
        places = self._places((access_code_id,))
        return places[0] if places else None

    def _places(self, access_code_ids: Collection[str]) -> list[int]:
        return [place for place, each in enumerate(self.ids) if each in access_code_ids and each]

    def note_history(self, place: int, history: History) -> None:
        """Something happened to the code at `place`."""
        self.histories[place] = history
        self.uses[place] = history.uses
        code = self.code_at(place)
        if code is not None:
            self._reckon_ends(place, code, history)

    def _reckon_ends(self, place: int, code: AccessCode, history: History) -> None:
        ends_at, first_use_by = lifetime.ends_at(code, history), lifetime.first_use_by(code, history)
        self.ends_at[place] = FOREVER if ends_at is None else ends_at
        self.first_use_by[place] = FOREVER if first_use_by is None else first_use_by

    def ended(self, wall_s: float) -> bytes:
        """One byte a code: whether it can never open again, at a time that has certainly passed."""
        columns = zip(self.withdrawn, self.uses, self.max_uses, self.ends_at, self.first_use_by, strict=True)
        return bytes(
            withdrawn or uses >= max_uses or ends_at <= wall_s or first_use_by <= wall_s
            for withdrawn, uses, max_uses, ends_at, first_use_by in columns
        )[:-1]

    # --- laying out the next one ------------------------------------------------------------------

    def append(self, row: TableRow) -> None:
        """Add a code. ValueError: its tag is here already."""
        place = len(self._row_of)
        if self._row_of.setdefault(row.tag, place) != place:
            raise ValueError("two rows of a table have the same tag; duplicates are refused before")
        self._blob += row.tag
        objects: tuple[tuple[list[Any], object, object], ...] = (
            (self.ids, row.code.access_code_id, ""),
            (self.rules, code_columns.shared_rules(row.code), NO_RULES),
            (self.histories, row.history, UNUSED),
        )
        for column, value, dummy in objects:
            column[-1] = value
            column.append(dummy)
        facts = code_columns.facts(
            row.code,
            is_revoked=row.is_revoked,
            code_length=row.code_length,
            from_rev=row.from_rev,
            uses=row.history.uses,
        )
        for (name, dummy_fact), fact in zip(COLUMNS.items(), facts, strict=True):
            numbers: array[float] = getattr(self, name)
            numbers[-1] = fact
            numbers.append(dummy_fact)
        self._reckon_ends(place, row.code, row.history)

    def row_at(self, place: int) -> TableRow:
        """What `append` was given, with what has happened since."""
        code = self.code_at(place)
        if code is None:
            raise IndexError("the dummy row is no code")
        return TableRow(
            code=code,
            tag=bytes(self._blob[place * TAG_BYTES : (place + 1) * TAG_BYTES]),
            history=self.histories[place],
            is_revoked=bool(self.withdrawn[place]),
            code_length=self.code_lengths[place],
            from_rev=self.from_revs[place],
        )

    @property
    def tags(self) -> KeysView[bytes]:
        """The tags, in the order of the places."""
        return self._row_of.keys()

    def only(self, wanted: Sequence[int]) -> "CodeTable":
        """A table of the codes for which `wanted` holds, place by place; `revoked` as their rows say."""
        new, mask = CodeTable(), [*wanted, 1]
        new._index(compress(self._row_of, wanted))
        new.ids = list(compress(self.ids, mask))
        new.rules = list(compress(self.rules, mask))
        new.histories = list(compress(self.histories, mask))
        for name in COLUMNS:
            setattr(new, name, code_columns.column(name, compress(getattr(self, name), mask)))
        new.revoked = new.withdrawn[:]
        return new

    def extend(self, other: "CodeTable") -> None:
        """Add all codes of `other`, which is used up; none of their tags may be here."""
        if not self._row_of:
            for name in self.__slots__:
                setattr(self, name, getattr(other, name))
            return
        self._index((*self._row_of, *other._row_of))
        for name in ("ids", "rules", "histories", *COLUMNS):
            column = getattr(self, name)
            column.pop()
            column.extend(getattr(other, name))

    def _index(self, tags: Iterable[bytes]) -> None:
        self._row_of = {tag: place for place, tag in enumerate(tags)}
        self._blob = bytearray().join(self._row_of)
