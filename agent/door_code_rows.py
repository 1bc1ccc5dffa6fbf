"""What people at the door did to codes, on disk: what they made (each under a MAC) and what they removed."""

import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from sqlite3 import Connection
from typing import Any, NamedTuple

from agent.code_rows import CodeRows, Wrap
from agent.core.access_code import AccessCode, CodeError, parse_definition
from agent.core.holding import HeldCode
from agent.core.verifier import TableRow
from agent.database import Database
from agent.row_mac import NO_MAC, row_mac
from agent.zones import zone_named


class LocalCode(NamedTuple):
    """The columns of `local_code` in their order, without the MAC over them."""

    access_code_id: str
    gen: int
    definition: str
    tag: bytes
    code_length: int
    since_rev: int

    def __repr__(self) -> str:
        return f"LocalCode({self.access_code_id})"


@dataclass(frozen=True, slots=True)
class Removal:
    """A code of the cloud that was removed at the door, in this generation. One that does not stay removed is
    restored when lock and cloud compare their code sets."""

    gen: int
    stays: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorChange:
    """What changes in these tables, as part of one transaction."""

    added: Sequence[LocalCode] = ()
    forgotten: Sequence[str] = ()
    """Ids of codes made at the door; of others nothing happens."""
    removed: Mapping[str, Removal] = field(default_factory=dict)
    restored: Sequence[str] = ()


class DoorCodeRows:
    """The tables `local_code` and `door_removal`. Controller thread only; may raise StorageFault."""

    def __init__(self, database: Database, row_key: bytes, codes: CodeRows) -> None:
        """`row_key`: 32 bytes, the key of the MACs. `codes` counts the uses."""
        self._database = database
        self._row_key = row_key
        self._codes = codes

    def _mac(self, row: LocalCode) -> bytes:
        return row_mac(self._row_key, "local_code", *row)

    # --- what counts ------------------------------------------------------------------------------

    def held(self) -> list[HeldCode]:
        """The codes made at the door, each checked against its MAC."""
        return self._read("")

    def with_tag(self, tag: bytes) -> list[HeldCode]:
        """Those with these digits."""
        return self._read("WHERE tag=?", tag)

    def _read(self, where: str, *values: object) -> list[HeldCode]:
        rows: list[Any] = self._database.read(f"SELECT * FROM local_code {where}", values)
        return [self._held(LocalCode(*columns), mac) for *columns, mac in rows]

    def _held(self, row: LocalCode, mac: bytes) -> HeldCode:
        history = self._codes.history_of(row.access_code_id, row.gen)
        genuine = hmac.compare_digest(mac, self._mac(row))
        parsed = parse_definition(json.loads(row.definition), zone_named) if genuine else None
        usable = None
        if isinstance(parsed, AccessCode) and history is not None:
            usable = TableRow(
                code=parsed,
                tag=row.tag,
                history=history,
                code_length=row.code_length,
                from_rev=row.since_rev,
            )
        return HeldCode(
            access_code_id=row.access_code_id,
            gen=row.gen,
            row=usable,
            error=None if usable else CodeError.MAC_FAILED,
            is_revoked=False,
        )

    def removed(self) -> dict[str, Removal]:
        """The codes of the cloud that are refused, by id."""
        rows: list[Any] = self._database.read("SELECT access_code_id, gen, stays FROM door_removal")
        return {access_code_id: Removal(gen, bool(stays)) for access_code_id, gen, stays in rows}

    # --- what changes, inside a transaction -------------------------------------------------------

    def carry_out(self, db: Connection, change: DoorChange) -> None:
        """Make a change."""
        for row in change.added:
            db.execute("INSERT INTO local_code VALUES (?, ?, ?, ?, ?, ?, ?)", (*row, self._mac(row)))
        for access_code_id in change.forgotten:
            db.execute("DELETE FROM local_code WHERE access_code_id=?", (access_code_id,))
        for access_code_id, removal in change.removed.items():
            values = (access_code_id, removal.gen, int(removal.stays))
            db.execute("INSERT OR REPLACE INTO door_removal VALUES (?, ?, ?)", values)
        for access_code_id in change.restored:
            db.execute("DELETE FROM door_removal WHERE access_code_id=?", (access_code_id,))

    def move(self, db: Connection, new: "DoorCodeRows", wrap: Wrap) -> int:
        """See `CodeRows.move`."""
        rows = db.execute("SELECT * FROM local_code").fetchall()
        for *columns, mac in rows:
            row = LocalCode(*columns)
            moved = row._replace(tag=wrap(row.tag))
            genuine = hmac.compare_digest(mac, self._mac(row))
            values = (moved.tag, new._mac(moved) if genuine else NO_MAC, row.access_code_id)
            db.execute("UPDATE local_code SET tag=?, mac=? WHERE access_code_id=?", values)
        return len(rows)

    def give_way(self, db: Connection) -> None:
        """Another code set decides from now on. A code that it defines is the cloud's, wherever it was made;
        what it no longer holds, or holds anew, nobody has removed."""
        db.execute("DELETE FROM local_code WHERE access_code_id IN (SELECT access_code_id FROM access_code)")
        db.execute(
            "DELETE FROM door_removal WHERE (access_code_id, gen) NOT IN"
            " (SELECT access_code_id, gen FROM access_code)"
        )
