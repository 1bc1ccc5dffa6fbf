"""Constant-time search of the whole code table; with the entry machine, the only code that sees digits.

Codes are held as keyed tags, so an attacker cannot steer what is compared. `bytes.count` runs over all
tags whatever the entry; the row then comes from a dictionary that has a dummy for everything unknown
(decisions: 32 us for 10,000 codes; what leaks in CPython: spec security, section 5).
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field

from agent.core import lifetime
from agent.core.access_code import AccessCode, Kind
from agent.core.lifetime import History

TAG_BYTES = 16
MAX_ENTRY_DIGITS = 10
_FOREVER = 2**62
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
    history: History = field(default_factory=History)
    is_revoked: bool = False


class CodeTable:
    """All codes of a door, laid out for the search: `CodeTable(rows)`, then `search(tag)`.

    Rows must have different tags. Facts about row n stand at place n of each list; the last place of
    each is the dummy row, which every unknown tag finds. Only the controller thread uses a table. What
    changes in place: what follows from uses, `revoked`, and `active_now`, which whoever keeps the
    schedules writes (0 until then, 1 for codes without one); the rest is replaced as a whole.
    """

    __slots__ = (
        "_blob",
        "_row_of",
        "_row_of_id",
        "active_now",
        "codes",
        "enabled",
        "ends_at",
        "first_use_by",
        "for_keypad",
        "histories",
        "known",
        "max_uses",
        "opening",
        "revoked",
        "starts_at",
        "time_ruled",
        "uses",
        "works_without_clock",
    )

    def __init__(self, rows: Sequence[TableRow] = ()) -> None:
        self._blob = b"".join(row.tag for row in rows)
        self._row_of = {row.tag: place for place, row in enumerate(rows)}
        if len(self._row_of) != len(rows):
            raise ValueError("two rows of a table have the same tag; duplicates are refused before")
        codes = [row.code for row in rows]
        self._row_of_id = {code.access_code_id: place for place, code in enumerate(codes)}
        self.codes: list[AccessCode | None] = [*codes, None]
        self.known = bytearray([1] * len(rows) + [0])
        self.revoked = bytearray([row.is_revoked for row in rows] + [0])
        self.histories = [row.history for row in rows]
        self.uses = [row.history.uses for row in rows] + [0]
        self.max_uses = [_FOREVER if c.max_uses is None else c.max_uses for c in codes] + [1]
        self.time_ruled = bytearray([c.is_time_ruled for c in codes] + [1])
        self.works_without_clock = bytearray(
            [c.works_without_clock and c.schedule is None for c in codes] + [0]
        )
        self.starts_at = [c.starts_at or 0 for c in codes] + [0]
        self.ends_at = [_FOREVER] * (len(rows) + 1)
        self.first_use_by = [_FOREVER] * (len(rows) + 1)
        for place in range(len(rows)):
            self._reckon_ends(place)
        self.enabled = bytearray([c.enabled for c in codes] + [1])
        self.opening = bytearray([c.kind is not Kind.NON_ACCESS for c in codes] + [1])
        self.for_keypad = bytearray([c.kind is not Kind.REMOTE_ONLY for c in codes] + [1])
        self.active_now = bytearray([c.schedule is None for c in codes] + [1])

    def __len__(self) -> int:
        return len(self._row_of)

    def __repr__(self) -> str:
        return f"CodeTable({len(self)} codes)"

    def search(self, tag: bytes) -> int:
        """The place of `tag`, or that of the dummy row. Reads every tag, whether or not one matches."""
        found = self._blob.count(tag)
        return self._row_of.get(tag, len(self._row_of)) if found else len(self._row_of)

    def revoke(self, access_code_id: str) -> None:
        """Refuse a code from now on. Unknown ids are none of this table's business."""
        place = self._row_of_id.get(access_code_id)
        if place is not None:
            self.revoked[place] = 1

    def note_history(self, place: int, history: History) -> None:
        """Something happened to the code at `place`."""
        self.histories[place] = history
        self.uses[place] = history.uses
        self._reckon_ends(place)

    def _reckon_ends(self, place: int) -> None:
        code, history = self.codes[place], self.histories[place]
        if code is not None:
            ends_at, first_use_by = lifetime.ends_at(code, history), lifetime.first_use_by(code, history)
            self.ends_at[place] = _FOREVER if ends_at is None else ends_at
            self.first_use_by[place] = _FOREVER if first_use_by is None else first_use_by
