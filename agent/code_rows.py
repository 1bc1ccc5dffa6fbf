"""Rows of access codes and their uses on disk, each under a MAC: a row edited by hand does not count."""

import hmac
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from sqlite3 import Connection
from typing import Any, NamedTuple

from agent.core.access_code import AccessCode, CodeError, parse_definition
from agent.core.holding import HeldCode
from agent.core.lifetime import UNUSED, History, used
from agent.core.verifier import TableRow
from agent.database import Database
from agent.errors import StorageFault
from agent.row_mac import NO_MAC, row_mac
from agent.zones import zone_named


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCode:
    """A definition to stage; `tag` is None when `error` says why it is unusable."""

    access_code_id: str
    gen: int
    definition: str
    """Canonical JSON, see `code_set.canonical`."""
    tag: bytes | None = field(repr=False)
    code_length: int | None
    error: CodeError | None


Wrap = Callable[[bytes], bytes]
"""What makes of a tag that of the same digits under another key."""


class _Row(NamedTuple):
    """The columns of `access_code` in their order, without the MAC over them."""

    access_code_id: str
    from_rev: int
    to_rev: int | None
    gen: int
    definition: str
    tag: bytes | None
    code_length: int | None
    error: str | None
    is_revoked: int


class CodeRead(NamedTuple):
    """One row as it was read, and its definition: "" if it was changed from outside."""

    held: HeldCode
    from_rev: int
    definition: str


_SELECT_USES = "SELECT access_code_id, gen, mac, uses, first_used_at, known_since FROM code_use"
_SELECT_READ = (
    "SELECT access_code.*, code_use.mac, uses, first_used_at, known_since"
    " FROM lock, access_code LEFT JOIN code_use USING (access_code_id, gen)"
)
_COUNTS = "from_rev <= applied_rev AND (to_rev IS NULL OR to_rev > applied_rev)"
_AMONG = "access_code.access_code_id IN (SELECT value FROM json_each(?))"
"""One statement for any number of ids: SQLite's are kept, and each takes kilobytes."""
_ROWS_AT_ONCE = 200


def _values(history: History) -> tuple[int, int | None, int | None]:
    return history.uses, history.first_used_at, history.known_since


class CodeRows:
    """The tables `access_code` and `code_use`. Controller thread only; may raise StorageFault."""

    def __init__(self, database: Database, row_key: bytes) -> None:
        """`row_key`: 32 bytes, the key of the MACs."""
        self._database = database
        self._row_key = row_key

    def _mac(self, *values: object) -> bytes:
        return row_mac(self._row_key, *values)

    def _row_mac(self, row: _Row) -> bytes:
        return self._mac("access_code", *row)

    # --- uses -------------------------------------------------------------------------------------

    def count_use(self, db: Connection, access_code_id: str, gen: int, at: int) -> History:
        """Count one use, at Unix time `at`, inside a transaction; returns the history with it."""
        history = used(self._history(db, access_code_id, gen), at)
        self._write_history(db, access_code_id, gen, history)
        return history

    def note_known(self, db: Connection, access_code_id: str, gen: int, since: int) -> History:
        """Note since when a code is known, inside a transaction; returns the history with it."""
        history = replace(self._history(db, access_code_id, gen), known_since=since)
        self._write_history(db, access_code_id, gen, history)
        return history

    def _use_mac(self, access_code_id: str, gen: int, history: History) -> bytes:
        times = (history.first_used_at, history.known_since)
        # Version 1 knew no times; its rows stay genuine until something happens to them.
        label, covered = ("use", ()) if times == (None, None) else ("use/2", times)
        return self._mac(label, access_code_id, gen, history.uses, *covered)

    def history_of(self, access_code_id: str, gen: int) -> History | None:
        """What happened to one code; None where that was changed from outside."""
        found: list[Any] = self._database.read(
            f"{_SELECT_USES} WHERE access_code_id=? AND gen=?", (access_code_id, gen)
        )
        return self._genuine(found[0]) if found else UNUSED

    def _history(self, db: Connection, access_code_id: str, gen: int) -> History:
        found = db.execute(
            f"{_SELECT_USES} WHERE access_code_id=? AND gen=?", (access_code_id, gen)
        ).fetchall()
        history = self._genuine(found[0]) if found else UNUSED
        if history is None:
            raise StorageFault(f"the use count of access code {access_code_id} was changed from outside")
        return history

    def _genuine(self, row: tuple[Any, ...]) -> History | None:
        access_code_id, gen, mac, uses, first_used_at, known_since = row
        history = History(uses=uses, first_used_at=first_used_at, known_since=known_since)
        return history if hmac.compare_digest(mac, self._use_mac(access_code_id, gen, history)) else None

    def _write_history(self, db: Connection, access_code_id: str, gen: int, history: History) -> None:
        db.execute(
            "INSERT OR REPLACE INTO code_use (access_code_id, gen, mac, uses, first_used_at, known_since)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (access_code_id, gen, self._use_mac(access_code_id, gen, history), *_values(history)),
        )

    # --- what counts ------------------------------------------------------------------------------

    def count(self) -> int:
        """How many rows count at the applied revision."""
        rows: list[Any] = self._database.read(f"SELECT count(*) FROM access_code, lock WHERE {_COUNTS}")
        return int(rows[0][0])

    def counting(self) -> Iterator[CodeRead]:
        """The rows that count at the applied revision, each checked against its MAC, in the order of their
        ids; read in pieces, so that ten thousand are never in memory at once. Nobody may write meanwhile."""
        last: tuple[object, ...] = ("", 0)
        while read := self._read(
            f"{_COUNTS} AND (access_code.access_code_id, from_rev) > (?, ?)"
            f" ORDER BY access_code.access_code_id, from_rev LIMIT {_ROWS_AT_ONCE}",
            last,
        ):
            yield from read
            last = (read[-1].held.access_code_id, read[-1].from_rev)

    def counting_of(self, access_code_ids: Sequence[str]) -> list[CodeRead]:
        """Those of them with these ids."""
        return self._read_among(_COUNTS, (), access_code_ids)

    def staged(self, rev: int, access_code_ids: Sequence[str]) -> list[CodeRead]:
        """The rows with these ids that are to count from revision `rev` on."""
        return self._read_among("from_rev = ?", (rev,), access_code_ids)

    def with_tag(self, tag: bytes) -> list[HeldCode]:
        """Every row with these digits: those that decide, and those that are staged."""
        return [read.held for read in self._read("tag = ?", (tag,))]

    def _read_among(
        self, where: str, values: Sequence[object], access_code_ids: Sequence[str]
    ) -> list[CodeRead]:
        """For json_each a text ends at a zero character, and whatever the cloud signed may be an id."""
        cut = [each for each in access_code_ids if "\0" in each]
        whole = [each for each in access_code_ids if "\0" not in each]
        read = self._read(f"{where} AND {_AMONG}", (*values, json.dumps(whole)))
        for each in cut:
            read += self._read(f"{where} AND access_code.access_code_id = ?", (*values, each))
        return read

    def _read(self, where: str, values: Sequence[object]) -> list[CodeRead]:
        rows: list[Any] = self._database.read(f"{_SELECT_READ} WHERE {where}", tuple(values))
        return [self._checked(_Row(*row[:9]), row[9], row[10:]) for row in rows]

    def _checked(self, row: _Row, mac: bytes, use: tuple[Any, ...]) -> CodeRead:
        history = UNUSED if use[0] is None else self._genuine((row.access_code_id, row.gen, *use))
        genuine = hmac.compare_digest(mac, self._row_mac(row)) and history is not None
        parsed = parse_definition(json.loads(row.definition), zone_named) if genuine and row.tag else None
        error = CodeError(row.error) if row.error else None
        usable = None
        if isinstance(parsed, AccessCode) and row.tag is not None and history is not None:
            usable = TableRow(
                code=parsed,
                tag=row.tag,
                history=history,
                is_revoked=bool(row.is_revoked),
                code_length=row.code_length or 0,
                from_rev=row.from_rev,
            )
        elif error is None:
            error = CodeError.SCHEMA_UNSUPPORTED
        held = HeldCode(
            access_code_id=row.access_code_id,
            gen=row.gen,
            row=usable,
            error=error if genuine else CodeError.MAC_FAILED,
            is_revoked=bool(row.is_revoked),
        )
        return CodeRead(held, row.from_rev, row.definition if genuine else "")

    # --- what is to come --------------------------------------------------------------------------

    def drop_staged(self, db: Connection) -> None:
        """Forget what was staged for a revision that will not come; revocations stay."""
        db.execute("DELETE FROM access_code WHERE from_rev > (SELECT applied_rev FROM lock)")
        self._rewrite(db, "to_rev IS NOT NULL AND is_revoked=0", (), lambda row: row._replace(to_rev=None))

    def stage(self, db: Connection, rev: int, removed: Sequence[str], added: Sequence[NewCode]) -> None:
        """Prepare one bucket of revision `rev`. Removed codes are refused from here on; added ones wait,
        and the rows they replace decide until then."""
        ends = "access_code_id=? AND to_rev IS NULL AND from_rev < ?"
        for access_code_id in removed:
            self._rewrite(db, ends, (access_code_id, rev), lambda row: row._replace(to_rev=rev, is_revoked=1))
        for new in added:
            self._rewrite(db, ends, (new.access_code_id, rev), lambda row: row._replace(to_rev=rev))
            error = new.error.value if new.error else None
            row = _Row(
                new.access_code_id, rev, None, new.gen, new.definition, new.tag, new.code_length, error, 0
            )
            self._write(db, row, self._row_mac(row))

    def switch(self, db: Connection, rev: int) -> None:
        """Make revision `rev` the one that decides: one value changes, and with it everything."""
        db.execute("UPDATE lock SET applied_rev=?", (rev,))
        db.execute("DELETE FROM access_code WHERE to_rev <= ?", (rev,))

    # --- under other keys -------------------------------------------------------------------------

    def move(self, db: Connection, new: "CodeRows", wrap: Wrap) -> int:
        """Put every row under the key of `new`, inside a transaction, each tag as `wrap` makes it; returns
        how many. What is false under this key is false under the other one."""
        rows = db.execute("SELECT * FROM access_code").fetchall()
        for *values, mac in rows:
            row = _Row(*values)
            moved = row._replace(tag=None if row.tag is None else wrap(row.tag))
            genuine = hmac.compare_digest(mac, self._row_mac(row))
            self._write(db, moved, new._row_mac(moved) if genuine else NO_MAC)
        uses = db.execute(_SELECT_USES).fetchall()
        for row in uses:
            history = self._genuine(row)
            mac = NO_MAC if history is None else new._use_mac(row[0], row[1], history)
            db.execute("UPDATE code_use SET mac=? WHERE access_code_id=? AND gen=?", (mac, *row[:2]))
        return len(rows) + len(uses)

    def _rewrite(
        self, db: Connection, where: str, parameters: tuple[object, ...], change: Callable[[_Row], _Row]
    ) -> None:
        """Change rows with their MACs. A row whose MAC was wrong gets a wrong one again: changing it
        must not make it genuine."""
        found = db.execute(f"SELECT * FROM access_code WHERE {where}", parameters).fetchall()
        for *values, mac in found:
            row = _Row(*values)
            genuine = hmac.compare_digest(mac, self._row_mac(row))
            new = change(row)
            self._write(db, new, self._row_mac(new) if genuine else NO_MAC)

    @staticmethod
    def _write(db: Connection, row: _Row, mac: bytes) -> None:
        db.execute(
            "INSERT OR REPLACE INTO access_code VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*row, mac),
        )
