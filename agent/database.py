"""The lock's SQLite file: opened with settings that survive a power cut, brought up to the newest schema."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

from agent.errors import StateDamaged, StorageFault
from agent.state_seal import StateSeal

MAX_PAGES = 16_384
"""64 MiB of 4 KiB pages: a full database must be ours to prune, never the disk's to refuse."""
CACHE_KIB = 512
"""Pages kept in memory: enough for the path of an entry; a code set is read through once."""

# Order matters: exclusive before WAL, so that no shared memory file is ever made (spec reliability 3.3).
_PRAGMAS = (
    ("locking_mode", "EXCLUSIVE", "exclusive"),
    ("journal_mode", "WAL", "wal"),
    ("synchronous", "FULL", 2),
    ("wal_autocheckpoint", "0", 0),
    ("cache_size", str(-CACHE_KIB), -CACHE_KIB),
    ("max_page_count", str(MAX_PAGES), MAX_PAGES),
    ("foreign_keys", "ON", 1),
    ("trusted_schema", "OFF", 0),
    ("recursive_triggers", "ON", 1),  # so that a row that is replaced is seen to go
    ("temp_store", "MEMORY", 2),
    ("cell_size_check", "ON", 1),
    ("secure_delete", "ON", 1),  # Debian's SQLite does so anyway, others do not
)


_OF_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_OF_DAMAGE_AT_OPEN = (*_OF_DAMAGE, sqlite3.SQLITE_ERROR)
"""What is asked there fails in a sound file only if a table or column is not there."""


class Database:
    """One connection, used by the controller thread only; nobody else opens the file."""

    def __init__(self, path: Path, row_key: bytes) -> None:
        """Open `path`, creating it whole or not at all. `row_key`: 32 bytes, for the seal over what decides.
        Raises StateDamaged for a file that nothing may be believed of, else StorageFault."""
        self.path = path
        self._seal = StateSeal(row_key)
        with _faults(f"open {path}", _OF_DAMAGE_AT_OPEN):
            if not path.exists():
                _create(path)
            self._connection = _connect(path)
            try:
                self._begin()
            except BaseException:
                self._connection.close()
                raise
        self._is_sure = True
        self._is_open = True

    def _begin(self) -> None:
        if (found := self.quick_check()) != "ok":
            raise StateDamaged(f"{self.path} is damaged: {found}")
        version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        scripts = _scripts_after(version)
        if version:
            self._check_seal()
        if scripts:
            self._connection.executescript(f"BEGIN IMMEDIATE; {scripts}")
            self._seal.count(self._connection)
            self._seal.write(self._connection)
            self._connection.execute("COMMIT")
        self._seal.lay(self._connection)

    def _check_seal(self) -> None:
        if not self._seal.is_intact(self._connection):
            raise StateDamaged(f"{self.path} is not as the agent left it: another hand has changed it")
        self._is_sure = True

    def close(self) -> None:
        """Fold the WAL into the file and close. May be called twice."""
        if self._is_open:
            self._is_open = False
            with _faults("close"):
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything inside becomes durable at the end, or nothing does and StorageFault is raised."""
        with _faults("write"):
            try:
                if not self._is_sure:
                    self._check_seal()
                self._is_sure = False  # what the seal counted may not come to be
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
                self._seal.write(self._connection)
                self._connection.execute("COMMIT")
                self._is_sure = True
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    @contextmanager
    def changing_key(self, row_key: bytes) -> Iterator[sqlite3.Connection]:
        """A transaction that ends with everything sealed under another key (32 bytes). Of what rows were
        before, the file keeps nothing once it is closed."""
        with _faults("write anew"):
            self._connection.execute("VACUUM")
        with self.transaction() as db:
            self._seal.lift(db)
            yield db
            self._seal.change_key(db, row_key)
            self._seal.lay(db)

    def read(self, statement: str, parameters: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        """All rows of a query."""
        with _faults("read"):
            return self._connection.execute(statement, parameters).fetchall()

    def checkpoint(self) -> None:
        """Idle work: move what is durable in the WAL into the file, so that the WAL stays short."""
        with _faults("checkpoint"):
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def quick_check(self) -> str:
        """`ok`, or what SQLite found wrong (34 ms for 22 MB)."""
        return str(self.read("PRAGMA quick_check(1)")[0][0])

    def disk_free_bytes(self) -> int:
        """What is left on the file system of the database, for us."""
        with _faults("look at the disk"):
            return shutil.disk_usage(self.path.parent).free


@contextmanager
def _faults(doing: str, of_damage: tuple[int, ...] = _OF_DAMAGE) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        is_damaged = getattr(error, "sqlite_errorcode", 0) & 0xFF in of_damage
        raise (StateDamaged if is_damaged else StorageFault)(f"cannot {doing}: {error}") from error
    except OSError as error:
        raise StorageFault(f"cannot {doing}: {error.strerror or error}") from error


def _create(path: Path) -> None:
    """A new file appears under its name only when it is complete and on the disk."""
    new = path.with_suffix(".db.new")
    # A write-ahead log without its file would be played into the new one.
    for leftover in (new, Path(f"{new}-wal"), Path(f"{new}-journal"), Path(f"{path}-wal")):
        leftover.unlink(missing_ok=True)
    connection = sqlite3.connect(new, isolation_level=None)
    connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
    connection.execute("CREATE TABLE made (at INTEGER) STRICT")
    connection.execute("DROP TABLE made")
    connection.close()
    new.chmod(0o600)
    _sync(new)
    new.rename(path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    for name, value, wanted in _PRAGMAS:
        connection.execute(f"PRAGMA {name}={value}")
        got = connection.execute(f"PRAGMA {name}").fetchone()[0]
        if got != wanted:
            raise sqlite3.OperationalError(f"PRAGMA {name} is {got!r} and cannot be made {wanted!r}")
    return connection


def _scripts_after(version: int) -> str:
    """What brings a database of `version` up to the newest one."""
    scripts = sorted(entry.name for entry in files("agent.schema").iterdir() if entry.name.endswith(".sql"))
    newest = int(scripts[-1][:4])
    if version > newest:
        raise sqlite3.OperationalError(
            f"the database is of version {version}, this agent knows {newest}: install the newer agent"
        )
    wanted = [name for name in scripts if int(name[:4]) > version]
    texts = [files("agent.schema").joinpath(name).read_text("utf-8") for name in wanted]
    return "".join([*texts, f"PRAGMA user_version={newest};"]) if wanted else ""
