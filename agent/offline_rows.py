"""Offline and rolling codes on disk: the sealed setup, codes since their first use, floors, technicians; all
under MACs: a row edited by hand does not count."""

import hmac
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from sqlite3 import Connection
from typing import Any, NamedTuple

from agent.code_rows import CodeRows, Wrap
from agent.core.access_code import AccessCode, CodeError, Kind
from agent.core.holding import HeldCode
from agent.core.offline_policy import KeyName
from agent.core.totp import MOST_FAILURES, Progress
from agent.core.verifier import TableRow
from agent.database import Database
from agent.row_mac import MAC_BYTES, NO_MAC, row_mac
from agent.secrets import SecretFault, seal, unseal

KEEP_S = 48 * 3600
"""How long a code stays after its end, so that it is never taken for one that was not used yet."""


class UsedCode(NamedTuple):
    """The columns of `offline_code` in their order, without the MAC over them."""

    access_code_id: str
    kid: int
    issuer: int
    slot: int
    q: int
    starts_at: int
    ends_at: int
    max_uses: int | None
    tag: bytes
    code_length: int
    since_rev: int
    is_revoked: int = 0

    def __repr__(self) -> str:
        return f"UsedCode({self.access_code_id})"

    @property
    def code(self) -> AccessCode:
        """As the table takes it: from the first use on it is a code like any other."""
        return AccessCode(
            access_code_id=self.access_code_id,
            gen=1,
            code_rev=1,
            kind=Kind.STANDARD,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            max_uses=self.max_uses,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OfflineChange:
    """What an entry changes in these tables, in the transaction of its journal rows."""

    used: UsedCode | None = None
    technician: tuple[int, bytes, Progress] | None = None
    """Slot, secret tag, and what is remembered from now on."""
    floor: tuple[KeyName, int] | None = None
    """Codes of this key that start before this slot are over, used or not."""
    forgives: bool = False
    """The failures of all technicians count from zero."""


NOTHING = OfflineChange()


@dataclass(frozen=True, slots=True)
class KeptSetup:
    """The setup as it was accepted: `document` is JSON and holds keys."""

    rev: int
    began_s: int | None
    document: bytes

    def __repr__(self) -> str:
        return f"KeptSetup(rev={self.rev})"


NO_SETUP = KeptSetup(0, None, b"")
_NO_SECRET = bytes(MAC_BYTES)
"""The tag of no secret: of a technician who is gone only the last step counts."""
NEVER_SLOT = 2**62
"""The floor of a key whose floor was changed by hand: nobody knows what was cancelled."""


class OfflineRows:
    """Four tables. Controller thread only; may raise StorageFault."""

    def __init__(self, database: Database, row_key: bytes, store_key: bytes, codes: CodeRows) -> None:
        """`row_key`, `store_key`: 32 bytes each, for MACs and for sealing. `codes` counts the uses."""
        self._database = database
        self._row_key = row_key
        self._store_key = store_key
        self._codes = codes

    # --- the setup --------------------------------------------------------------------------------

    def setup(self) -> KeptSetup | None:
        """What was accepted last; rev 0 if nothing was. None if that was changed from outside."""
        rows: list[Any] = self._database.read("SELECT rev, began_s, sealed, mac FROM offline_setup")
        if not rows:
            return NO_SETUP
        rev, began_s, sealed, mac = rows[0]
        if not self._is_genuine(mac, "offline_setup", rev, began_s, sealed):
            return None
        try:
            return KeptSetup(rev, began_s, unseal(self._store_key, sealed, "offline_setup"))
        except SecretFault:
            return None

    def keep_setup(self, db: Connection, kept: KeptSetup) -> None:
        """Keep it, inside a transaction."""
        sealed = seal(self._store_key, kept.document, "offline_setup")
        values = (kept.rev, kept.began_s, sealed)
        db.execute(
            "INSERT OR REPLACE INTO offline_setup VALUES (1, ?, ?, ?, ?)",
            (*values, self._mac("offline_setup", *values)),
        )

    # --- codes since their first use --------------------------------------------------------------

    def held(self) -> list[HeldCode]:
        """All of them, each checked against its MAC."""
        return [self._held(row, genuine) for row, genuine in self._rows()]

    def _rows(self) -> list[tuple[UsedCode, bool]]:
        rows: list[Any] = self._database.read("SELECT * FROM offline_code")
        read = ((UsedCode(*columns), mac) for *columns, mac in rows)
        return [(row, self._is_genuine(mac, "offline_code", *row)) for row, mac in read]

    def _held(self, row: UsedCode, genuine: bool) -> HeldCode:
        history = self._codes.history_of(row.access_code_id, 1)
        usable = None
        if genuine and history is not None:
            usable = TableRow(
                code=row.code,
                tag=row.tag,
                history=history,
                is_revoked=bool(row.is_revoked),
                code_length=row.code_length,
                from_rev=row.since_rev,
            )
        return HeldCode(
            access_code_id=row.access_code_id,
            gen=1,
            row=usable,
            error=None if usable else CodeError.MAC_FAILED,
            is_revoked=False,
        )

    def _keep_code(self, db: Connection, row: UsedCode) -> None:
        db.execute(
            "INSERT OR REPLACE INTO offline_code VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*row, self._mac("offline_code", *row)),
        )

    def revoke(self, db: Connection, access_code_ids: Collection[str]) -> None:
        """Refuse used codes for good, inside a transaction. Unknown ids are none of this table's business."""
        for row, genuine in self._rows() if access_code_ids else ():
            if genuine and row.access_code_id in access_code_ids:
                self._keep_code(db, row._replace(is_revoked=1))

    def revoke_where(
        self, db: Connection, floors: Mapping[KeyName, int], denied: frozenset[tuple[int, int, int, int]]
    ) -> None:
        """Refuse used codes that start before a floor of their key, or are denied; inside a transaction."""
        for row, genuine in self._rows():
            is_over = row.slot < floors.get((row.kid, row.issuer), 0)
            if (
                genuine
                and not row.is_revoked
                and (is_over or (row.kid, row.issuer, row.slot, row.q) in denied)
            ):
                self._keep_code(db, row._replace(is_revoked=1))

    def purge(self, certain_wall_s: float) -> int:
        """Forget codes that ended two days ago; returns how many. What was used stays counted."""
        with self._database.transaction() as db:
            gone = db.execute("DELETE FROM offline_code WHERE ends_at <= ?", (int(certain_wall_s) - KEEP_S,))
        return int(gone.rowcount)

    # --- floors and technicians -------------------------------------------------------------------

    def floors(self) -> dict[KeyName, int]:
        """Where codes were cancelled at the keypad; `NEVER_SLOT` where that was changed from outside."""
        return {
            (kid, issuer): slot if self._is_genuine(mac, "offline_floor", kid, issuer, slot) else NEVER_SLOT
            for kid, issuer, slot, mac in self._floor_rows()
        }

    def _floor_rows(self) -> list[Any]:
        return self._database.read("SELECT kid, issuer, slot, mac FROM offline_floor")

    def secret_tag(self, secret: bytes) -> bytes:
        """By what a secret is known in `technician_use`."""
        return self._mac("technician_secret", secret)

    def progress(self, slot: int, secret_tag: bytes) -> Progress:
        """What is remembered of a technician; another secret begins anew, but never at an older step. What
        was changed from outside is as bad as can be."""
        rows: list[Any] = self._database.read(
            "SELECT slot, secret_tag, last_step, drift, failures, mac FROM technician_use WHERE slot=?",
            (slot,),
        )
        if not rows:
            return Progress()
        *columns, mac = rows[0]
        if not self._is_genuine(mac, "technician_use", *columns):
            return Progress(failures=MOST_FAILURES)
        progress = Progress(*columns[2:])
        return progress if columns[1] == secret_tag else Progress(last_step=progress.last_step)

    def technicians_changed(self) -> list[int]:
        """The slots of which what was remembered was changed from outside."""
        rows: list[Any] = self._database.read(
            "SELECT slot, secret_tag, last_step, drift, failures, mac FROM technician_use ORDER BY slot"
        )
        return [row[0] for row in rows if not self._is_genuine(row[-1], "technician_use", *row[:-1])]

    def carry_out(self, db: Connection, change: OfflineChange) -> None:
        """Make a change, inside a transaction."""
        if change.used is not None:
            self._keep_code(db, change.used)
        if change.technician is not None:
            slot, secret_tag, progress = change.technician
            self._keep_technician(
                db, (slot, secret_tag, progress.last_step, progress.drift, progress.failures)
            )
        if change.forgives:
            for columns, mac in self._technicians(db):
                if self._is_genuine(mac, "technician_use", *columns):
                    self._keep_technician(db, (*columns[:4], 0))
        if change.floor is not None:
            (kid, issuer), slot = change.floor
            values_of_floor: Sequence[int] = (kid, issuer, slot)
            db.execute(
                "INSERT OR REPLACE INTO offline_floor VALUES (?, ?, ?, ?)",
                (*values_of_floor, self._mac("offline_floor", *values_of_floor)),
            )
            self.revoke_where(db, {(kid, issuer): slot}, frozenset())

    # --- under other keys -------------------------------------------------------------------------

    def move(self, db: Connection, new: "OfflineRows", wrap: Wrap, secrets: Iterable[bytes]) -> int:
        """See `CodeRows.move`. `secrets`: those of the technicians there are now; of others only the last
        step is remembered."""
        setup = self.setup()
        if setup is None:
            db.execute("UPDATE offline_setup SET sealed=x'', mac=?", (NO_MAC,))
        elif setup is not NO_SETUP:
            new.keep_setup(db, setup)
        codes = self._rows()
        for row, genuine in codes:
            moved = row._replace(tag=wrap(row.tag))
            mac = new._mac("offline_code", *moved) if genuine else NO_MAC
            values = (moved.tag, mac, row.access_code_id)
            db.execute("UPDATE offline_code SET tag=?, mac=? WHERE access_code_id=?", values)
        return (setup is not NO_SETUP) + len(codes) + self._move_small(db, new, secrets)

    def _move_small(self, db: Connection, new: "OfflineRows", secrets: Iterable[bytes]) -> int:
        tags = {self.secret_tag(each): new.secret_tag(each) for each in secrets}
        technicians, floors = self._technicians(db), self._floor_rows()
        for (slot, secret_tag, *progress), mac in technicians:
            is_genuine = self._is_genuine(mac, "technician_use", slot, secret_tag, *progress)
            columns = (slot, tags.get(secret_tag, _NO_SECRET), *progress)
            self._write_technician(
                db, columns, new._mac("technician_use", *columns) if is_genuine else NO_MAC
            )
        for *floor, mac in floors:
            is_genuine = self._is_genuine(mac, "offline_floor", *floor)
            mac = new._mac("offline_floor", *floor) if is_genuine else NO_MAC
            db.execute("UPDATE offline_floor SET mac=? WHERE kid=? AND issuer=?", (mac, *floor[:2]))
        return len(technicians) + len(floors)

    @staticmethod
    def _technicians(db: Connection) -> list[tuple[tuple[Any, ...], bytes]]:
        rows = db.execute("SELECT slot, secret_tag, last_step, drift, failures, mac FROM technician_use")
        return [(tuple(columns), mac) for *columns, mac in rows.fetchall()]

    def _keep_technician(self, db: Connection, columns: tuple[object, ...]) -> None:
        self._write_technician(db, columns, self._mac("technician_use", *columns))

    @staticmethod
    def _write_technician(db: Connection, columns: tuple[object, ...], mac: bytes) -> None:
        db.execute("INSERT OR REPLACE INTO technician_use VALUES (?, ?, ?, ?, ?, ?)", (*columns, mac))

    def _is_genuine(self, mac: bytes, *values: object) -> bool:
        return hmac.compare_digest(mac, self._mac(*values))

    def _mac(self, *values: object) -> bytes:
        return row_mac(self._row_key, *values)
