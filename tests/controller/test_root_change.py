"""The root secret of a lock is replaced, and with it every key that is made from it; nothing else changes."""

import errno
import itertools
import os
import resource
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pytest_mock import MockerFixture

from agent.command_side import Permissions
from agent.core.verifier import tag_of
from agent.emergency_code import FILE_NAME, EmergencyCode
from agent.enrolment import load_enrolment
from agent.move_rows import move_database
from agent.offline_rows import NEVER_SLOT
from agent.root_change import finish, make_next, root_of, settle
from agent.secrets import Purpose, SecretFault, SecretSource, load_root_secret
from agent.store import Store
from firmware_sim.enrolled import DEVICE_ID, key_ring
from firmware_sim.site import Site, code_row
from firmware_sim.virtual_parts import VirtualClock
from tests.controller.conftest import ANNA
from tests.controller.programming import BEN, CHIEF, NEW, add
from tests.controller.rotation import STAMP, Machine, new_machine
from tests.controller.test_offline_codes import KEY, cancel, key_part, once, opens, set_up, timed
from tests.controller.test_technicians import fail, shown, technicians, type_now

EVE = "44444444-4444-4444-8444-444444444444"
DIGITS = {"anna": "493817", "chief": "246802", "once": "975312", "revoked": "864201"}
ROWS = [
    code_row(ANNA, DIGITS["anna"]),
    code_row(CHIEF, DIGITS["chief"], kind="programming"),
    code_row(BEN, DIGITS["once"], max_uses=1),
    code_row(EVE, DIGITS["revoked"]),
]
OFFLINE, OFFLINE_ONCE = timed(48), once(serial=1)
MAY = Permissions(local=frozenset({"mode"}))


def lived(machine: Machine) -> Site:
    """A door with every kind of code, one of each used, one revoked and one guess spent."""
    site = machine.start(permissions=MAY)
    site.install(*ROWS)
    set_up(site, technicians=technicians(), keys=[key_part(KEY)])
    assert add(site, NEW)
    assert all(opens(site, digits) for digits in (DIGITS["once"], OFFLINE, OFFLINE_ONCE))
    assert opens(site, f"{shown(site.cloud_wall_s + 900)}")
    site.command("revoke", ids=[EVE])
    site.command("config", release_s=9)
    return site


def what_opens(site: Site) -> dict[str, bool]:
    """Every code is typed once, by people who are patient."""
    codes = {**DIGITS, "door": NEW, "offline": OFFLINE, "offline once": OFFLINE_ONCE}
    found = {name: opens(site, digits) for name, digits in codes.items() if name != "chief"}
    return {**found, "technician": opens(site, shown(site.cloud_wall_s + 900))}


STILL = {
    "anna": True,
    "once": False,
    "revoked": False,
    "door": True,
    "offline": True,
    "offline once": False,
    "technician": True,
}


def faults(site: Site) -> list[str]:
    return [row["detail"]["what"] for row in site.journal("fault")]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return new_machine(tmp_path)


@pytest.fixture
def clock(machine: Machine) -> VirtualClock:
    """That of a door that has lived, and is off; its root secret is about to be replaced."""
    site = lived(machine)
    site.close()
    machine.rotate()
    return site.clock


# --- nothing else changes -------------------------------------------------------------------------------


@pytest.mark.parametrize("times", [1, 3])
def test_what_opened_opens_and_what_was_refused_is_refused(machine: Machine, times: int) -> None:
    site = lived(machine)
    emergency = machine.emergency_code()
    budgets, floors = site.store.budgets(0.0), site.store.offline.floors()
    for _ in range(times):
        site.close()
        machine.rotate()
        site = machine.start(site.clock, permissions=MAY)
    assert (site.store.budgets(0.0), site.store.offline.floors()) == (budgets, floors)
    assert (what_opens(site), faults(site)) == (STILL, [])
    assert site.controller.door.release_s == 9
    assert (opens(site, emergency), opens(site, emergency)) == (True, False)
    assert len(site.journal("root_secret_changed")) == times
    site.close()


def test_codes_that_come_and_are_made_afterwards_are_found_and_old_digits_are_known(
    machine: Machine, clock: VirtualClock
) -> None:
    site = machine.start(clock)
    site.install(*ROWS, code_row("55555555-5555-4555-8555-555555555555", "310975"))
    assert opens(site, "310975")
    assert add(site, "310976")
    assert opens(site, "310976")
    assert [add(site, DIGITS["anna"]), add(site, NEW)] == [None, None]
    site.close()


def test_a_rolling_code_of_before_opens_no_second_time(machine: Machine) -> None:
    site = lived(machine)
    digits = shown(site.cloud_wall_s)
    assert opens(site, shown(site.cloud_wall_s + 900))
    site.close()
    machine.rotate()
    site = machine.start(site.clock)
    site.type(f"{digits}#")
    site.type(f"{shown(site.cloud_wall_s)}#")
    assert site.strike.releases == 0
    site.close()


def test_failures_of_a_technician_go_on_counting(machine: Machine) -> None:
    site = machine.start()
    set_up(site, keys=[], technicians=technicians())
    fail(site, 5)
    site.close()
    machine.rotate()
    site = machine.start(site.clock)
    fail(site, 5)
    assert not type_now(site)
    assert site.reasons()[-1] == "technician_off"
    site.close()


def test_a_cancellation_at_the_keypad_stays(machine: Machine) -> None:
    site = machine.start()
    set_up(site)
    assert opens(site, OFFLINE)
    site.wait(3600)
    site.type(f"{cancel(site.cloud_wall_s)}#")
    assert site.journal("offline_codes_cancelled")
    site.close()
    machine.rotate()
    site = machine.start(site.clock)
    assert not opens(site, OFFLINE)
    assert not opens(site, timed(48, serial=2))
    site.close()


def test_a_set_that_is_only_staged_is_moved_as_well(machine: Machine) -> None:
    site = machine.start()
    site.install(*ROWS)
    rows = [*ROWS, code_row("55555555-5555-4555-8555-555555555555", "310975")]
    site.offer(rows)
    site.say(site.bucket(rows, 0, 1))
    assert site.store.revision().applied_rev == 2
    site.close()
    machine.rotate()
    again = machine.start(site.clock)
    assert opens(again, "310975")
    again.close()


def test_the_journal_says_how_many_rows_were_moved_and_nothing_about_keys(
    machine: Machine, clock: VirtualClock
) -> None:
    site = machine.start(clock)
    (row,) = site.journal("root_secret_changed")
    assert row["detail"].keys() == {"rows"}
    assert row["detail"]["rows"] > 10
    site.close()


# --- what the old secret is worth afterwards ------------------------------------------------------------


def every_tag(machine: Machine) -> set[bytes]:
    with closing(sqlite3.connect(machine.state / "lock.db")) as db:
        tables = ("access_code", "local_code", "offline_code")
        return {tag for table in tables for (tag,) in db.execute(f"SELECT tag FROM {table}") if tag}


def bytes_below(directory: Path) -> bytes:
    return b"\n".join(path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file())


def leave_deleted_rows(machine: Machine) -> None:
    """As a program does that does not overwrite what it deletes."""
    with closing(sqlite3.connect(machine.state / "lock.db", isolation_level=None)) as raw:
        for statement in (
            "PRAGMA secure_delete=OFF",
            "CREATE TABLE was AS SELECT tag FROM access_code",
            "DROP TABLE was",
        ):
            raw.execute(statement)


def test_the_old_root_secret_opens_nothing_of_the_whole_disk(machine: Machine) -> None:
    site = lived(machine)
    site.close()
    leave_deleted_rows(machine)
    (machine.state / "lock.db.set-aside-1").write_bytes((machine.state / "lock.db").read_bytes())
    (machine.state / "lock.db.set-aside-1.wal").write_bytes(b"and its log")
    old, before = machine.root, every_tag(machine)
    assert tag_of(old.derive("tag"), DIGITS["anna"]) in before
    machine.rotate()
    machine.start(site.clock).close()
    left = bytes_below(machine.directory)
    assert [tag for tag in before if tag in left] == []
    assert every_tag(machine).isdisjoint(tag_of(old.derive("tag"), each) for each in (*DIGITS.values(), NEW))
    with pytest.raises(SecretFault):
        load_enrolment(machine.state, old)
    purposes: tuple[Purpose, ...] = ("tag", "row", "store", "tls", "emergency")
    keys = [old.derive(each) for each in purposes]
    assert [key for key in keys if key in left or key.hex().encode() in left] == []
    assert sorted(path.name for path in machine.secret.parent.iterdir()) == ["root-secret"]
    assert not list(machine.state.glob("*.old")) + list(machine.state.glob("*.set-aside*"))


def test_the_secret_of_before_is_overwritten_where_it_lay(machine: Machine, clock: VirtualClock) -> None:
    del clock
    before = os.open(machine.secret, os.O_RDONLY)
    machine.settle()
    assert set(os.read(before, 100)) == {0}
    os.close(before)


# --- what another hand has changed ----------------------------------------------------------------------

BY_HAND = [
    (
        "codes_changed_from_outside",
        "anna",
        f"UPDATE access_code SET code_length=9 WHERE access_code_id='{ANNA}'",
    ),
    ("codes_changed_from_outside", "once", f"UPDATE code_use SET uses=0 WHERE access_code_id='{BEN}'"),
    ("door_codes_changed_from_outside", "door", "UPDATE local_code SET code_length=9"),
    ("offline_codes_changed_from_outside", "offline once", "UPDATE offline_code SET max_uses=7"),
    ("technicians_changed_from_outside", "technician", "UPDATE technician_use SET failures=1"),
    ("settings_changed_from_outside", "", "UPDATE changed_settings SET settings='{}'"),
    ("operating_mode_changed_from_outside", "", "UPDATE operating_mode SET mode='passage'"),
]


@pytest.mark.parametrize(("fault", "code", "statement"), BY_HAND, ids=[each[2][7:40] for each in BY_HAND])
def test_what_was_false_stays_false_and_is_reported(
    machine: Machine, fault: str, code: str, statement: str
) -> None:
    site = lived(machine)
    site.command("mode", mode="vacation")
    site.command("mode", mode="normal")
    site.close()
    with closing(sqlite3.connect(machine.state / "lock.db", isolation_level=None)) as raw:
        assert raw.execute(statement).rowcount > 0
    machine.rotate()
    site = machine.start(site.clock)
    assert fault in faults(site)
    if code:
        assert what_opens(site)[code] is False
    site.close()


def test_a_floor_lowered_by_hand_closes_the_key_afterwards_too(machine: Machine) -> None:
    site = machine.start()
    set_up(site)
    site.type(f"{cancel(site.cloud_wall_s)}#")
    site.close()
    with closing(sqlite3.connect(machine.state / "lock.db", isolation_level=None)) as raw:
        assert raw.execute("UPDATE offline_floor SET slot=0").rowcount == 1
    machine.rotate()
    site = machine.start(site.clock)
    assert set(site.store.offline.floors().values()) == {NEVER_SLOT}
    assert not opens(site, timed(48))
    site.close()


def test_a_setup_that_was_changed_by_hand_is_not_sealed_anew(machine: Machine) -> None:
    lived(machine).close()
    with closing(sqlite3.connect(machine.state / "lock.db", isolation_level=None)) as raw:
        raw.execute("UPDATE offline_setup SET began_s=1")
    machine.rotate()
    site = machine.start()
    assert site.store.offline.setup() is None
    with site.store.database.transaction() as db:
        assert db.execute("SELECT sealed FROM offline_setup").fetchall() == [(b"",)]
    site.close()


def test_a_database_that_is_under_neither_secret_is_set_aside_and_a_new_one_begins(
    machine: Machine, clock: VirtualClock
) -> None:
    with closing(sqlite3.connect(machine.state / "lock.db", isolation_level=None)) as raw:
        raw.execute("DELETE FROM code_use")
    site = machine.start(clock)
    assert faults(site) == ["database_set_aside"]
    site.wait(7200)
    site.install(*ROWS)
    assert opens(site, DIGITS["anna"])
    assert site.store.database.read("SELECT * FROM former_tag_key") == []
    site.close()


def test_an_emergency_code_that_was_changed_by_hand_stays_so(machine: Machine, clock: VirtualClock) -> None:
    digits = machine.emergency_code()
    file = machine.state / FILE_NAME
    file.write_text(file.read_text().replace('"salt": "', '"salt": "00'))
    site = machine.start(clock)
    assert (opens(site, digits), site.controller.emergency.state()) == (False, "changed")
    site.close()


# --- wherever the power goes ----------------------------------------------------------------------------

STATEMENTS = ("BEGIN", "COMMIT", "VACUUM", "PRAGMA wal_checkpoint", "INSERT INTO journal")
CHANGING = {"os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.truncate"}


def changes_files(event: str, arguments: tuple[Any, ...]) -> bool:
    if event == "open" and isinstance(arguments[2], int):
        return bool(arguments[2] & (os.O_WRONLY | os.O_RDWR))
    return event in CHANGING


def dies_at(number: int, act: Callable[[], object]) -> bool:
    """Do it in a process of its own, that is killed before its `number`th change of a file, or step of the
    database; whether it came to that."""
    child = os.fork()
    if child == 0:
        _act_until(number, act)
    status = os.waitpid(child, 0)[1]
    assert status in (0, signal.SIGKILL)
    return status != 0


def _act_until(number: int, act: Callable[[], object]) -> None:
    steps, really_connect = itertools.count(1), sqlite3.connect

    def step(is_step: bool) -> None:
        if is_step and next(steps) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    def connect(*args: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = really_connect(*args, **options)
        connection.set_trace_callback(lambda statement: step(statement.startswith(STATEMENTS)))
        return connection

    sqlite3.connect = connect  # type: ignore[assignment]  # this process is about to die
    sys.addaudithook(lambda event, arguments: step(changes_files(event, arguments)))
    try:
        act()
        os._exit(0)
    finally:
        os._exit(1)


@pytest.fixture
def copies(machine: Machine, clock: VirtualClock, tmp_path: Path) -> Iterator[Machine]:
    """Machines that all stand before the same start, each in a directory of its own."""
    del clock
    machine.emergency_code()
    return (
        Machine(shutil.copytree(machine.directory, tmp_path / f"copy-{number}", ignore=_no_copies))
        for number in itertools.count(1)
    )


def _no_copies(directory: str, names: list[str]) -> list[str]:
    del directory
    return [name for name in names if name.startswith("copy-")]


def test_killed_at_any_step_the_next_start_ends_with_everything_moved_and_nothing_lost(
    machine: Machine, copies: Iterator[Machine]
) -> None:
    tags = every_tag(machine)
    for number in itertools.count(1):
        copy = next(copies)
        died = dies_at(number, copy.settle)
        assert is_whole(copy, tags), number
        if not died:
            break
    assert number > 30


def is_whole(machine: Machine, tags_before: set[bytes]) -> bool:
    """Everything is under what was the next root secret, no row is false, and nothing of before is left."""
    root = machine.settle().root
    left = bytes_below(machine.directory)
    row_key, store_key = root.derive("row"), root.derive("store")
    store = Store(machine.state / "lock.db", device_id=DEVICE_ID, row_key=row_key, store_key=store_key)
    tag = store.tag_keys.with_newest(root.derive("tag")).tag_of(DIGITS["anna"])
    held = [*store.codes.with_tag(tag), *(read.held for read in store.codes.counting())]
    told = [row for row in store.journal.after(0, 1000) if row["kind"] == "root_secret_changed"]
    emergency = EmergencyCode(
        machine.state / FILE_NAME, root.derive("emergency"), store.codes.history_of, enabled=True
    )
    held += store.local_codes()
    store.close()
    return (
        (len(held), len(told), emergency.state()) == (len(ROWS) + 4, 1, "ready")
        and all(each.row for each in held)
        and load_enrolment(machine.state, root).device_id == DEVICE_ID
        and not machine.coming.exists()
        and not any(tag in left for tag in tags_before)
    )


def test_killed_again_and_again_it_ends_as_well(machine: Machine, clock: VirtualClock) -> None:
    machine.emergency_code()
    numbers = itertools.count(1)
    while dies_at(next(numbers), machine.settle):
        pass
    site = machine.start(clock)
    assert (what_opens(site), faults(site)) == (STILL, [])
    site.close()


def test_a_lock_that_is_enrolled_again_in_the_middle_goes_on_as_well(
    machine: Machine, clock: VirtualClock
) -> None:
    source, coming = SecretSource(file=machine.secret), SecretSource(file=machine.coming)
    move_database(machine.state / "lock.db", machine.root, load_root_secret(coming), STAMP)
    shutil.rmtree(machine.state / "enrolment")
    key_ring(machine.state, root_of(machine.state, source))
    site = machine.start(clock)
    assert (what_opens(site), faults(site)) == (STILL, [])
    site.close()


# --- who may not rename ---------------------------------------------------------------------------------


def test_a_secret_whose_place_may_not_be_taken_is_worked_with_and_said(
    machine: Machine, clock: VirtualClock, mocker: MockerFixture
) -> None:
    mocker.patch.object(Path, "replace", side_effect=OSError(errno.EROFS, "Read-only file system"))
    for start in range(2):
        settled = machine.settle()
        assert (settled.is_next, settled.stage()) == (True, "unfinished")
        site = machine.start(clock)
        assert faults(site) == ["root_secret_of_before_still_there"] * (start + 1)
        assert opens(site, DIGITS["anna"])
        site.close()
    mocker.stopall()
    assert finish(machine.state, machine.secret)
    assert settled.stage() == "none"
    site = machine.start(clock)
    assert opens(site, DIGITS["anna"])
    assert len(faults(site)) == 2
    site.close()


def test_once_everything_is_moved_a_database_under_the_old_secret_is_a_strangers(
    machine: Machine, clock: VirtualClock, mocker: MockerFixture
) -> None:
    before = (machine.state / "lock.db").read_bytes()
    mocker.patch.object(Path, "replace", side_effect=OSError(errno.EROFS, "Read-only file system"))
    machine.settle()
    (machine.state / "lock.db").write_bytes(before)
    site = machine.start(clock)
    assert faults(site)[0] == "database_set_aside"
    site.close()


def test_a_full_disk_moves_nothing_and_the_next_start_does(machine: Machine, clock: VirtualClock) -> None:
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, unlimited[1]))
    try:
        settled = machine.settle()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    assert settled.stage() == "failed"
    assert load_enrolment(machine.state, machine.root)
    site = machine.start(clock)
    assert (what_opens(site), faults(site)) == (STILL, [])
    site.close()


def test_nothing_is_finished_before_everything_is_moved(machine: Machine, clock: VirtualClock) -> None:
    del clock
    with pytest.raises(SecretFault, match="restart the agent first"):
        finish(machine.state, machine.secret)
    assert machine.coming.exists()
    machine.settle()
    assert not finish(machine.state, machine.secret)


def test_of_a_credential_the_next_one_is_worked_with_until_it_has_the_name(
    machine: Machine, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    credentials = machine.directory / "credentials"
    credentials.mkdir()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    source = SecretSource(credential="root")
    (credentials / "root").write_bytes(machine.secret.read_bytes())
    (credentials / "root-next").write_bytes(machine.coming.read_bytes())
    settled = settle(machine.state, source, STAMP)
    assert (settled.stage(), "credential root-next" in settled.root.describe()) == ("unfinished", True)
    (credentials / "root-next").rename(credentials / "root")
    settled = settle(machine.state, source, STAMP)
    assert settled.stage() == "none"
    site = Site(machine.state, clock, root=settled.root)
    assert opens(site, DIGITS["anna"])
    site.close()


# --- what people get wrong ------------------------------------------------------------------------------


def spoil(path: Path, content: str, mode: int = 0o400) -> None:
    path.unlink(missing_ok=True)
    path.write_text(content)
    path.chmod(mode)


WRONG: dict[str, tuple[str, Callable[[Machine], None]]] = {
    "both wrong": ("the root secret is another one", lambda machine: spoil(machine.secret, "ab" * 32)),
    "the old one is gone": ("does not exist", lambda machine: machine.secret.unlink()),
}


UNUSABLE: dict[str, tuple[str, Callable[[Machine], None]]] = {
    "garbage": ("64 hexadecimal digits", lambda machine: spoil(machine.coming, "garbage")),
    "empty": ("64 hexadecimal digits", lambda machine: spoil(machine.coming, "")),
    "readable by others": ("chmod 0400", lambda machine: machine.coming.chmod(0o444)),
}


@pytest.mark.parametrize("what", UNUSABLE)
def test_a_next_secret_that_cannot_be_used_keeps_no_door_shut(
    machine: Machine, clock: VirtualClock, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    message, make_wrong = UNUSABLE[what]
    coming = machine.coming.read_bytes()
    make_wrong(machine)
    assert machine.settle().stage() == "failed"
    assert root_of(machine.state, SecretSource(file=machine.secret)).derive("row") == machine.root.derive(
        "row"
    )
    site = machine.start(clock)
    assert (what_opens(site), faults(site)) == (STILL, ["next_root_secret_not_used"])
    assert message in caplog.text
    site.close()
    spoil(machine.coming, coming.decode())
    site = machine.start(clock)
    assert (opens(site, DIGITS["anna"]), machine.coming.exists()) == (True, False)
    site.close()


def test_one_that_cannot_be_used_any_more_in_the_middle_of_it_is_a_fault(
    machine: Machine, clock: VirtualClock
) -> None:
    del clock
    coming = load_root_secret(SecretSource(file=machine.coming))
    move_database(machine.state / "lock.db", machine.root, coming, STAMP)
    spoil(machine.coming, "garbage")
    with pytest.raises(SecretFault, match="64 hexadecimal digits"):
        machine.settle()


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_secret_is_named_and_nothing_is_lost(
    machine: Machine, clock: VirtualClock, what: str
) -> None:
    message, make_wrong = WRONG[what]
    kept = (machine.secret.read_bytes(), machine.coming.read_bytes())
    make_wrong(machine)
    with pytest.raises(SecretFault, match=message):
        machine.settle()
    for path, content in zip((machine.secret, machine.coming), kept, strict=True):
        spoil(path, content.decode())
    site = machine.start(clock)
    assert what_opens(site) == STILL
    site.close()


def test_the_old_secret_is_not_needed_once_everything_is_moved(
    machine: Machine, clock: VirtualClock, mocker: MockerFixture
) -> None:
    mocker.patch.object(Path, "replace", side_effect=OSError(errno.EROFS, "Read-only file system"))
    machine.settle()
    mocker.stopall()
    machine.secret.unlink()
    site = machine.start(clock)
    assert opens(site, DIGITS["anna"])
    assert machine.secret.exists()
    site.close()


def test_a_next_secret_is_never_replaced_and_one_that_lies_there_unused_is_said(machine: Machine) -> None:
    settled = machine.settle()
    assert settled.stage() == "none"
    machine.rotate()
    assert settled.stage() == "unused"
    with pytest.raises(SecretFault, match="is not replaced"):
        machine.rotate()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_made_by_root_it_belongs_to_whoever_the_root_secret_belongs_to(machine: Machine) -> None:
    os.chown(machine.secret, 65534, 65534)
    machine.rotate()
    assert (machine.coming.stat().st_uid, machine.coming.stat().st_gid) == (65534, 65534)


def test_a_symbolic_link_is_not_replaced_by_a_file(machine: Machine) -> None:
    link = machine.directory / "link"
    link.symlink_to(machine.secret)
    with pytest.raises(SecretFault, match="symbolic link"):
        make_next(link)


def test_there_must_be_a_root_secret_to_replace(tmp_path: Path) -> None:
    with pytest.raises(SecretFault, match="new-root-secret"):
        make_next(tmp_path / "root-secret")
