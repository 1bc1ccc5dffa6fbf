"""The seal over what decides: whatever another hand does to the file, it shows at the next start."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.database import Database
from agent.errors import StateDamaged, StorageFault
from agent.journal import Event, Stamp
from agent.set_aside import KEEP, open_store, set_aside_files
from agent.state_seal import UNSEALED
from agent.store import Store

STAMP = Stamp("boot", 1000, 1_790_000_000_000, "trusted")
KEY = b"r" * 32
VALUES = {"TEXT": "{}", "INTEGER": 1, "REAL": 1.5, "BLOB": b"sixteen bytes...", "mode": "normal"}
DECIDING = (
    "access_code",
    "changed_settings",
    "code_use",
    "door_removal",
    "local_code",
    "lock",
    "offline_code",
    "offline_floor",
    "offline_setup",
    "operating_mode",
    "revocation",
    "technician_use",
    "throttle",
)


def opened(path: Path) -> Store:
    return open_store(path / "lock.db", device_id="dev", row_key=KEY, store_key=bytes(32), set_epoch=1)


def columns(db: sqlite3.Connection, table: str) -> list[tuple[str, str, bool]]:
    """Name, type, and whether it is part of the key."""
    found = db.execute(f"PRAGMA table_info({table})")
    return [(name, kind, bool(key)) for _, name, kind, _, _, key in found]


def fill(db: sqlite3.Connection, table: str) -> None:
    """One row, as the agent would write it: on its own connection."""
    values = [VALUES[kind] for _, kind, _ in columns(db, table)]
    db.execute(f"INSERT OR REPLACE INTO {table} VALUES ({', '.join('?' * len(values))})", values)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A database with a row in each table, closed."""
    path = tmp_path / "state"
    path.mkdir()
    store = opened(path)
    with store.database.transaction() as db:
        for table in set(DECIDING) - {"lock"}:
            fill(db, table)
    store.record(STAMP, Event("boot"), Event("access_granted"))
    store.close()
    return path


def by_hand(state: Path, *statements: str) -> None:
    """Another program changes the file."""
    with closing(sqlite3.connect(state / "lock.db", isolation_level=None)) as raw:
        for statement in statements:
            assert raw.execute(statement).rowcount != 0


def is_believed(state: Path) -> bool:
    try:
        Database(state / "lock.db", KEY).close()
    except StateDamaged:
        return False
    return True


def test_what_nobody_touched_is_believed_however_often_it_is_opened(state: Path) -> None:
    assert [is_believed(state) for _ in range(3)] == [True] * 3


def test_every_table_is_sealed_but_those_that_tell_and_do_not_decide(state: Path) -> None:
    with closing(sqlite3.connect(state / "lock.db")) as raw:
        tables = {name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type='table'")}
    assert {name for name in tables if not name.startswith("sqlite_")} - set(UNSEALED) >= set(DECIDING)


@pytest.mark.parametrize("table", DECIDING)
def test_a_row_taken_away_shows(state: Path, table: str) -> None:
    by_hand(state, f"DELETE FROM {table}")
    assert not is_believed(state)


@pytest.mark.parametrize("table", DECIDING)
def test_a_change_of_what_is_under_no_mac_of_its_own_shows(state: Path, table: str) -> None:
    with closing(sqlite3.connect(state / "lock.db", isolation_level=None)) as raw:
        found = columns(raw, table)
    has_mac = any(name == "mac" for name, _, _ in found)
    for name, kind, is_key in found:
        if is_key and name == "id" and kind == "INTEGER":
            continue  # the schema allows one value
        if not has_mac or is_key or name == "mac":
            copy = state.parent / f"without-{table}-{name}"
            shutil.copytree(state, copy)
            value = {"TEXT": "'other'", "INTEGER": "7", "REAL": "7.25", "BLOB": "zeroblob(16)"}[kind]
            by_hand(copy, f"UPDATE {table} SET {name} = {value}")
            assert not is_believed(copy), name


def test_a_row_that_was_genuine_and_is_put_back_shows(tmp_path: Path) -> None:
    tmp_path.joinpath("state").mkdir()
    store = opened(tmp_path / "state")
    with store.database.transaction() as db:
        fill(db, "revocation")
    store.close()
    by_hand(tmp_path / "state", "CREATE TABLE copy AS SELECT * FROM access_code", "DROP TABLE copy")
    assert is_believed(tmp_path / "state")
    by_hand(tmp_path / "state", "INSERT INTO revocation VALUES ('another', 7)")
    assert not is_believed(tmp_path / "state")


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM journal WHERE seq = 2",
        "UPDATE journal SET hash = 'other' WHERE seq = 2",
        "INSERT INTO journal SELECT 3, row, hash FROM journal WHERE seq = 2",
        "DELETE FROM state_seal",
        "UPDATE state_seal SET seal = zeroblob(32)",
        "DROP TABLE state_seal",
        "DROP TABLE code_use",
        "ALTER TABLE throttle ADD COLUMN more INTEGER",
        "PRAGMA user_version = 3",
    ],
)
def test_the_newest_row_of_the_journal_the_schema_and_the_seal_itself_cannot_be_changed(
    state: Path, statement: str
) -> None:
    with closing(sqlite3.connect(state / "lock.db", isolation_level=None)) as raw:
        raw.execute(statement)
    assert not is_believed(state)


def test_another_key_believes_nothing(state: Path) -> None:
    with pytest.raises(StateDamaged, match="another hand"):
        Database(state / "lock.db", bytes(32))


def test_a_transaction_that_failed_leaves_the_seal_as_it_was(state: Path) -> None:
    database = Database(state / "lock.db", KEY)
    with pytest.raises(StorageFault, match="no such table"), database.transaction() as db:
        db.execute("DELETE FROM revocation")
        db.execute("DELETE FROM no_such_table")
    with database.transaction() as db:
        db.execute("DELETE FROM door_removal")
    database.close()
    assert is_believed(state)


CHANGES: dict[str, Callable[[sqlite3.Connection, int], object]] = {
    "insert": lambda db, n: db.execute("INSERT OR IGNORE INTO revocation VALUES (?, ?)", (str(n % 5), n)),
    "replace": lambda db, n: db.execute("INSERT OR REPLACE INTO revocation VALUES (?, ?)", (str(n % 5), n)),
    "upsert": lambda db, n: db.execute(
        "INSERT INTO revocation VALUES (?, ?) ON CONFLICT DO UPDATE SET until_rev=excluded.until_rev + 1",
        (str(n % 5), n),
    ),
    "update": lambda db, n: db.execute("UPDATE revocation SET until_rev = until_rev + ?", (n,)),
    "rename": lambda db, n: db.execute(
        "UPDATE OR REPLACE revocation SET access_code_id = ? WHERE until_rev < ?", (str(n % 5), n)
    ),
    "delete": lambda db, n: db.execute("DELETE FROM revocation WHERE until_rev > ?", (n,)),
    "clear": lambda db, _: db.execute("DELETE FROM revocation"),
    "budget": lambda db, n: db.execute("INSERT OR REPLACE INTO throttle VALUES ('short', ?, ?)", (n, n)),
    "clock": lambda db, n: db.execute("UPDATE lock SET floor_s = ?, anchor_at_s = ?", (n, n)),
}


@settings(max_examples=40, deadline=None)
@given(
    turns=st.lists(
        st.tuples(st.lists(st.tuples(st.sampled_from(sorted(CHANGES)), st.integers(0, 9))), st.booleans()),
        max_size=8,
    )
)
def test_whatever_the_agent_writes_or_gives_up_it_believes_itself(
    tmp_path_factory: pytest.TempPathFactory, turns: list[tuple[list[tuple[str, int]], bool]]
) -> None:
    path = tmp_path_factory.mktemp("state")
    store = opened(path)
    for changes, is_given_up in turns:
        with suppress(StorageFault), store.database.transaction() as db:
            for name, number in changes:
                CHANGES[name](db, number)
            if is_given_up:
                db.execute("SELECT 1 FROM no_such_table")
    store.close()
    assert is_believed(path)


# --- what is done then --------------------------------------------------------------------------------


def test_what_is_not_believed_is_set_aside_whole_and_a_new_database_begins_without_guesses(
    state: Path,
) -> None:
    by_hand(state, "DELETE FROM code_use")
    damaged = (state / "lock.db").read_bytes()
    store = opened(state)
    assert (store.replaces, store.journal.last_seq) == ("lock.db.set-aside-1", 0)
    assert [budget.tokens for budget in store.budgets(0.0).values()] == [0.0, 0.0]
    store.close()
    assert (state / "lock.db.set-aside-1").read_bytes() == damaged
    again = opened(state)
    assert again.replaces == ""
    again.close()


@pytest.fixture
def torn(state: Path) -> Iterator[Path]:
    """A database in the middle of which the card has lost some pages."""
    content = bytearray((state / "lock.db").read_bytes())
    content[8192 : len(content) - 8192] = bytes(len(content) - 16384)
    (state / "lock.db").write_bytes(content)
    yield state


def test_a_database_with_lost_pages_is_set_aside(torn: Path) -> None:
    store = opened(torn)
    assert store.replaces
    store.close()


def test_a_write_ahead_log_goes_with_its_file_and_never_into_the_new_one(state: Path) -> None:
    (state / "lock.db-wal").write_bytes(b"the end of another life")
    (state / "lock.db").write_bytes(b"no database at all, but long enough for a look" * 100)
    opened(state).close()
    assert (state / "lock.db.set-aside-1.wal").read_bytes() == b"the end of another life"
    assert set_aside_files(state / "lock.db") == ["lock.db.set-aside-1"]


def test_of_many_only_the_newest_are_kept(state: Path) -> None:
    for number in range(KEEP + 2):
        (state / "lock.db").write_bytes(f"no database {number}".encode() * 100)
        opened(state).close()
    assert set_aside_files(state / "lock.db") == [f"lock.db.set-aside-{n}" for n in range(3, KEEP + 3)]


def test_what_may_pass_costs_no_database(state: Path) -> None:
    (state / "lock.db").chmod(0o600)
    newer = "PRAGMA user_version = 99"
    with closing(sqlite3.connect(state / "lock.db", isolation_level=None)) as raw:
        raw.execute(newer)
    with pytest.raises(StorageFault, match="install the newer agent"):
        opened(state)
    with pytest.raises(StorageFault, match="belongs to device"):
        other = state.parent / "other"
        other.mkdir()
        opened(other).close()
        Store(other / "lock.db", device_id="another", row_key=KEY, store_key=bytes(32))
    assert set_aside_files(state / "lock.db") == []
