"""The cloud's one SQLite connection: opening, schema versions, transactions."""

import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from cloud_sim.state_directory import NotInitialised

_PRAGMAS = (
    "locking_mode=EXCLUSIVE",  # one process; SQLite before 3.51.3 can corrupt a WAL shared by two
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "secure_delete=ON",  # what is deleted, names and digits among it, is overwritten
)


@dataclass(frozen=True, slots=True)
class Database:
    """Owned by one thread, that of the event loop; sqlite3 refuses every other. Faults are sqlite3.Error."""

    connection: sqlite3.Connection

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside is durable together when the block ends, or undone when it raises."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    def run(self, sql: str, *values: object) -> sqlite3.Cursor:
        """Execute one statement; outside a transaction it is durable at once."""
        return self.connection.execute(sql, values)

    def row(self, sql: str, *values: object) -> dict[str, Any] | None:
        """The first row by column name, or None."""
        found: dict[str, Any] | None = self.connection.execute(sql, values).fetchone()
        return found

    def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        """All rows by column name."""
        return self.connection.execute(sql, values).fetchall()

    @property
    def owner_id(self) -> str:
        """The one owner of all locks of this cloud, made with the database."""
        owner = self.row("SELECT owner_id FROM cloud")
        return "" if owner is None else str(owner["owner_id"])

    def scrub(self) -> None:
        """Leave in the files only what is still stored: no remains in free pages, none in the log. Reads and
        writes all of it; outside a transaction."""
        self.run("VACUUM")
        self.empty_log()

    def empty_log(self) -> None:
        """Bring the log into the database file and cut it to nothing."""
        self.run("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self) -> None:
        """Give the file back; the WAL is merged into it."""
        self.connection.close()


def open_database(path: Path) -> Database:
    """Open or create the database, mode 0600 (access codes are in it), and bring its schema up to date.

    Raises NotInitialised for a database of a newer version or one that another process serves."""
    path.touch(mode=0o600, exist_ok=True)
    connection = sqlite3.connect(path, isolation_level=None, timeout=2)
    connection.row_factory = _by_name
    database = Database(connection)
    try:
        for pragma in _PRAGMAS:
            database.run(f"PRAGMA {pragma}")
        _migrate(database, path)
        database.empty_log()
    except sqlite3.OperationalError as error:
        connection.close()
        raise NotInitialised(
            f"cannot open {path}: {error}; is another cloud serving the same state?"
        ) from error
    return database


def _migrate(database: Database, path: Path) -> None:
    steps = sorted(
        (entry for entry in files("cloud_sim").joinpath("schema").iterdir() if entry.name.endswith(".sql")),
        key=lambda entry: entry.name,
    )
    version = (database.row("PRAGMA user_version") or {})["user_version"]
    if version > len(steps):
        database.close()
        raise NotInitialised(f"{path} is of version {version}, this program knows {len(steps)}; update it")
    for number, step in enumerate(steps[version:], start=version + 1):
        script = f"BEGIN IMMEDIATE;\n{step.read_text()}\nPRAGMA user_version = {number};\nCOMMIT;"
        database.connection.executescript(script)
    database.run("INSERT OR IGNORE INTO cloud VALUES (1, ?)", str(uuid.uuid4()))


def _by_name(cursor: sqlite3.Cursor, values: tuple[Any, ...]) -> dict[str, Any]:
    return {column[0]: value for column, value in zip(cursor.description, values, strict=True)}
