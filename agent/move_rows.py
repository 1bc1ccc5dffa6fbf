"""The database under another root secret: one transaction, in which every row, tag and seal changes keys."""

from functools import partial
from pathlib import Path
from sqlite3 import Connection
from typing import Any

from agent.code_rows import CodeRows
from agent.core.tag_keys import wrapped
from agent.database import Database
from agent.door_code_rows import DoorCodeRows
from agent.errors import StateDamaged
from agent.journal import Event, Journal, Stamp
from agent.mode_rows import ModeRows
from agent.offline_rows import OfflineRows
from agent.offline_setup import decode_setup
from agent.secrets import RootSecret
from agent.tag_key_rows import TagKeyRows


def move_database(path: Path, old: RootSecret, new: RootSecret, stamp: Stamp) -> None:
    """Have the database at `path` be under `new`, if it is under `old`; what it was then is in no byte of it.

    One that is under neither stays for whoever opens it, and sets it aside. Again is harmless. Nobody else
    has it open. Raises StorageFault; nothing has changed then."""
    if not path.exists():
        return
    try:
        database = Database(path, old.derive("row"))
    except StateDamaged:
        return  # to have it open and closed has emptied its write-ahead log, whatever that was
    try:
        _move(database, old, new, stamp)
    finally:
        database.close()


class _Rows:
    """All rows of a database that carry something made with a key of one root secret."""

    def __init__(self, database: Database, root: RootSecret) -> None:
        row_key, store_key = root.derive("row"), root.derive("store")
        self.codes = CodeRows(database, row_key)
        self.door_codes = DoorCodeRows(database, row_key, self.codes)
        self.offline = OfflineRows(database, row_key, store_key, self.codes)
        self.modes = ModeRows(database, row_key)

    def secrets(self) -> list[bytes]:
        """Those of the technicians."""
        setup = self.offline.setup()
        if setup is None or not setup.document:
            return []
        return [each.technician().secret for each in decode_setup(setup.document).technicians]

    def move(self, db: Connection, new: "_Rows", tag_key: bytes) -> int:
        """Put them under the keys of `new`, each tag wrapped with `tag_key`; returns how many."""
        wrap = partial(wrapped, tag_key)
        return (
            self.codes.move(db, new.codes, wrap)
            + self.door_codes.move(db, new.door_codes, wrap)
            + self.offline.move(db, new.offline, wrap, self.secrets())
            + self.modes.move(db, new.modes)
        )


def _move(database: Database, old: RootSecret, new: RootSecret, stamp: Stamp) -> None:
    tag_keys = TagKeyRows(database, old.derive("store")).with_newest(old.derive("tag"))
    with database.changing_key(new.derive("row")) as db:
        TagKeyRows.keep(db, new.derive("store"), tag_keys)
        rows = _Rows(database, old).move(db, _Rows(database, new), new.derive("tag"))
        found: list[Any] = db.execute("SELECT journal_epoch, acked_seq FROM lock").fetchall()
        for journal_epoch, acked_seq in found:
            told = Event("root_secret_changed", {"rows": rows})
            Journal(database, journal_epoch, acked_seq).append(db, stamp, [told])
