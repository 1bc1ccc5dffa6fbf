"""The database: its settings, its owner, its schema, and rows nobody may edit."""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agent.core.access_code import AccessCode, Kind
from agent.core.lifetime import History
from agent.core.throttle import Budget, LengthClass
from agent.core.timekeeping import Anchor, RtcPair
from agent.database import Database
from agent.errors import StateDamaged, StateDirBusy, StorageFault
from agent.journal import Event, Stamp
from agent.state_dir import StateDirLock
from agent.store import KeptClock, Store

SCHEMA = Path(__file__).parents[2] / "agent" / "schema"
STAMP = Stamp("boot", 1000, 1_790_000_000_000, "trusted")
CODE = AccessCode(access_code_id="a", gen=1, code_rev=1, kind=Kind.STANDARD)


def opened(path: Path, device_id: str = "dev") -> Store:
    """The store at `path`."""
    return Store(path / "lock.db", device_id=device_id, row_key=b"r" * 32, store_key=bytes(32))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A new store."""
    new = opened(tmp_path)
    yield new
    new.close()


def grant(store: Store) -> None:
    """Record one grant of CODE."""
    store.record_grant(STAMP, [Event("access_granted")], CODE, 1000, LengthClass.SHORT, Budget())


def history(store: Store) -> History:
    """What has happened to CODE."""
    with store.database.transaction() as db:
        return store.codes._history(db, "a", 1)


def test_the_settings_that_survive_a_power_cut_are_really_on(store: Store) -> None:
    asked = ("locking_mode", "journal_mode", "synchronous", "wal_autocheckpoint", "max_page_count")
    found = [store.database.read(f"PRAGMA {name}")[0][0] for name in asked]
    assert found == ["exclusive", "wal", 2, 0, 16_384]


def test_nobody_else_can_open_the_file_while_the_agent_has_it(store: Store) -> None:
    other = sqlite3.connect(store.database.path, timeout=0.0)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("SELECT * FROM lock")
    other.close()


def test_a_new_database_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "lock.db.new").write_bytes(b"half a file from a power cut")
    Database(tmp_path / "lock.db", bytes(32)).close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lock.db"]


def test_a_file_that_is_no_database_is_a_fault_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "lock.db").write_bytes(b"not a database, but long enough to look at" * 100)
    with pytest.raises(StorageFault, match=r"lock\.db"):
        opened(tmp_path)


def test_the_database_of_another_lock_is_refused(tmp_path: Path) -> None:
    opened(tmp_path, "dev").close()
    with pytest.raises(StorageFault, match="belongs to device dev"):
        opened(tmp_path, "other")


def test_a_database_from_the_future_is_refused_and_left_alone(tmp_path: Path) -> None:
    opened(tmp_path).close()
    raw = sqlite3.connect(tmp_path / "lock.db")
    raw.execute("PRAGMA user_version=99")
    raw.close()
    with pytest.raises(StorageFault, match="install the newer agent"):
        opened(tmp_path)


def test_the_journal_epoch_belongs_to_the_database(tmp_path: Path) -> None:
    first, other = opened(tmp_path), opened_elsewhere(tmp_path)
    assert first.journal.epoch != other.journal.epoch
    first.close()
    other.close()
    again = opened(tmp_path)
    assert again.journal.epoch == first.journal.epoch
    again.close()


def opened_elsewhere(tmp_path: Path) -> Store:
    """A second store, of a second lock."""
    (tmp_path / "other").mkdir()
    return opened(tmp_path / "other")


def test_a_grant_is_recorded_whole_or_not_at_all(store: Store) -> None:
    store.database._connection.execute(
        "CREATE TRIGGER full BEFORE INSERT ON journal BEGIN SELECT RAISE(ABORT, 'full'); END"
    )
    with pytest.raises(StorageFault, match="full"):
        grant(store)
    assert store.database.read("SELECT count(*) FROM code_use") == [(0,)]
    assert store.journal.last_seq == 0


def test_after_a_failed_write_the_journal_goes_on_without_a_hole(store: Store) -> None:
    store.database._connection.execute(
        "CREATE TRIGGER full BEFORE INSERT ON journal BEGIN SELECT RAISE(ABORT, 'full'); END"
    )
    with pytest.raises(StorageFault):
        store.record(STAMP, Event("boot"))
    store.database._connection.execute("DROP TRIGGER full")
    store.record(STAMP, Event("boot"))
    assert [row["seq"] for row in store.journal.after(0, 10)] == [1]


def test_uses_are_counted_across_restarts(tmp_path: Path) -> None:
    for _ in range(2):
        store = opened(tmp_path)
        grant(store)
        store.close()
    store = opened(tmp_path)
    assert store.database.read("SELECT uses FROM code_use") == [(2,)]
    store.close()


def test_a_use_count_edited_by_hand_opens_nothing(store: Store) -> None:
    grant(store)
    with store.database.transaction() as db:
        db.execute("UPDATE code_use SET uses=0")
    with pytest.raises(StorageFault, match="changed from outside"):
        grant(store)


def test_budgets_are_what_they_were_and_time_without_the_agent_earns_nothing(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.debit(LengthClass.SHORT, Budget(tokens=1.5, at_s=10.0, failures=3))
    store.close()
    again = opened(tmp_path)
    assert again.budgets(now=99_999.0)[LengthClass.SHORT] == Budget(1.5, 99_999.0, 3)
    assert again.budgets(now=0.0)[LengthClass.LONG] == Budget()
    again.close()


def test_the_floor_never_goes_back_and_the_estimate_counts_for_its_own_boot_only(store: Store) -> None:
    anchor = Anchor(5.0, 1_790_000_000.0, 1.0)
    kept = KeptClock(floor_s=1000, signed_floor_s=800, anchor=anchor, rtc=RtcPair(7, 1000.5, 2.0))
    store.save_clock("boot-1", kept)
    store.save_clock("boot-1", replace(kept, floor_s=900, signed_floor_s=700))
    assert store.clock("boot-1") == kept
    assert store.clock("boot-2") == replace(kept, anchor=None)


def test_a_state_directory_has_one_owner(tmp_path: Path) -> None:
    first = StateDirLock(tmp_path)
    with pytest.raises(StateDirBusy, match=r"belongs to a running lock-agent \(process \d+\)"):
        StateDirLock(tmp_path)
    first.release()
    StateDirLock(tmp_path).release()


def test_when_a_code_was_first_used_and_known_survives_a_restart(tmp_path: Path) -> None:
    store = opened(tmp_path)
    store.note_known([CODE], 900)
    grant(store)
    store.close()
    again = opened(tmp_path)
    again.record_grant(STAMP, [Event("access_granted")], CODE, 2000, LengthClass.SHORT, Budget())
    assert history(again) == History(uses=2, first_used_at=1000, known_since=900)
    again.close()


@pytest.mark.parametrize("column", ["uses", "first_used_at", "known_since"])
def test_a_history_edited_by_hand_opens_nothing(store: Store, column: str) -> None:
    store.note_known([CODE], 900)
    grant(store)
    with store.database.transaction() as db:
        db.execute(f"UPDATE code_use SET {column}=0")
    with pytest.raises(StorageFault, match="changed from outside"):
        grant(store)


def test_a_database_that_was_never_sealed_is_not_believed(tmp_path: Path) -> None:
    raw = sqlite3.connect(tmp_path / "lock.db")
    raw.executescript((SCHEMA / "0001.sql").read_text())
    raw.execute("PRAGMA user_version=1")
    raw.close()
    with pytest.raises(StateDamaged):
        opened(tmp_path)
