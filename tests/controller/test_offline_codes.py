"""Offline codes at a whole virtual door: keys come sealed from the cloud, codes from whoever holds a key."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_mock import MockerFixture

from agent.asked import Answer, Asked
from agent.core.offline_code import IssuerKey, Meaning, OfflineFormat, OfflineKind, issue
from agent.messages import OfflineReceived
from agent.offline_setup import offline_id
from firmware_sim.enrolled import DEVICE_ID
from firmware_sim.site import Site, code_row
from firmware_sim.virtual_parts import NOON, VirtualClock
from hal.ports import Pattern

KEY = IssuerKey(1, 0, b"k" * 32)
PHONE = IssuerKey(1, 7, b"p" * 32)
FORM = OfflineFormat(DEVICE_ID)
HOUR_S, DAY_S = 3600, 86_400
ANNA = "11111111-1111-4111-8111-111111111111"


def key_part(key: IssuerKey, **fields: Any) -> dict[str, Any]:
    return {"kid": key.kid, "issuer": key.issuer, "key": key.key.hex()} | fields


def set_up(site: Site, rev: int = 1, set_epoch: int = 1, **fields: Any) -> None:
    """The cloud's setup reaches the lock; it knows the lock's journal unless told otherwise."""
    document = {
        "device_id": DEVICE_ID,
        "journal_epoch": site.store.journal.epoch,
        "keys": [key_part(KEY)],
    } | fields
    site.say(OfflineReceived(set_epoch, rev, json.dumps(document).encode(), 1000 + rev))


def timed(hours: int, serial: int = 0, start_s: float = NOON, key: IssuerKey = KEY) -> str:
    return issue(FORM, key, start_s, Meaning(OfflineKind.TIMED, hours, serial))


def once(serial: int = 0, start_s: float = NOON, key: IssuerKey = KEY) -> str:
    return issue(FORM, key, start_s, Meaning(OfflineKind.ONCE, 24, serial))


def cancel(start_s: float, key: IssuerKey = KEY) -> str:
    return issue(FORM, key, start_s, Meaning(OfflineKind.CANCEL, 24, 0))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A door whose clock is trusted, with one key for offline codes."""
    door = Site(tmp_path)
    door.connect()
    set_up(door)
    yield door
    door.close()


def again(site: Site, tmp_path: Path) -> Site:
    """The same door after a restart of the agent."""
    site.close()
    door = Site(tmp_path, site.clock)
    door.connect()
    return door


def opens(site: Site, code: str) -> bool:
    """Type a code; whether the strike moved. The budget is no hindrance."""
    before = site.strike.releases
    site.wait(HOUR_S / 4)
    site.type(f"{code}#")
    return site.strike.releases > before


def test_a_code_opens_that_the_lock_has_never_heard_of(site: Site) -> None:
    assert opens(site, timed(48))
    [row] = site.journal("access_granted")
    start = FORM.slot_at(NOON)
    assert row["detail"] == {
        "access_code_id": offline_id(DEVICE_ID, 1, 0, start, 47),
        "gen": 1,
        "keypad": "keypad",
        "method": "offline_code",
        "kid": 1,
        "issuer": 0,
        "slot": start,
        "q": 47,
    }


def test_nothing_shows_before_the_use_is_durable(site: Site) -> None:
    seen: list[int] = []
    site.before_unlock = lambda: seen.append(len(site.journal("access_granted")))
    assert opens(site, timed(48))
    assert seen == [1]


def test_a_code_that_was_used_in_time_opens_until_its_end_and_the_tolerance(site: Site) -> None:
    code, start_s = timed(48), FORM.start_of(FORM.slot_at(NOON))
    assert opens(site, code)
    site.wait(start_s + 48 * HOUR_S + 200 - site.cloud_wall_s)
    site.type(f"{code}#")
    assert site.strike.releases == 2
    site.wait(100)
    site.type(f"{code}#")
    assert site.strike.releases == 2
    assert site.reasons() == ["expired"]


def test_a_code_that_was_not_used_within_a_day_never_opens(site: Site) -> None:
    site.wait(DAY_S + HOUR_S)
    assert not opens(site, timed(48))
    assert site.reasons() == ["unknown_code"]


def test_a_one_time_code_opens_once_also_after_restarts(site: Site, tmp_path: Path) -> None:
    assert opens(site, once())
    assert not opens(site, once())
    site = again(site, tmp_path)
    assert not opens(site, once())
    assert opens(site, once(1))
    assert site.reasons() == ["used_up", "used_up"]


def test_a_used_code_goes_on_after_a_restart_and_without_its_key(site: Site, tmp_path: Path) -> None:
    assert opens(site, timed(48))
    site = again(site, tmp_path)
    assert opens(site, timed(48))
    set_up(site, 2, keys=[])
    assert opens(site, timed(48))
    assert not opens(site, timed(48, 1))


def test_a_row_of_the_table_decides_whatever_its_state(site: Site) -> None:
    assert opens(site, timed(48))
    set_up(site, 2, denied=[{"kid": 1, "issuer": 0, "slot": FORM.slot_at(NOON), "q": 47}])
    assert not opens(site, timed(48))
    assert site.reasons() == ["revoked"]


def test_an_unused_code_can_be_denied(site: Site) -> None:
    set_up(site, 2, denied=[{"kid": 1, "issuer": 0, "slot": FORM.slot_at(NOON), "q": 47}])
    assert not opens(site, timed(48))
    assert opens(site, timed(48, 1))


def test_a_cancelling_code_ends_used_and_unused_codes_of_its_key_and_opens_nothing(
    site: Site, tmp_path: Path
) -> None:
    set_up(site, 2, keys=[key_part(KEY), key_part(PHONE)])
    assert opens(site, timed(48))
    assert opens(site, timed(48, key=PHONE))
    site.wait(HOUR_S)
    assert not opens(site, cancel(site.cloud_wall_s))
    assert site.indicator.pattern is Pattern.GRANTED
    for _ in range(2):
        assert not opens(site, timed(48))
        assert not opens(site, timed(48, 1))
        assert opens(site, timed(48, key=PHONE))
        assert opens(site, timed(48, start_s=site.cloud_wall_s))
        site = again(site, tmp_path)
    assert [row["detail"]["issuer"] for row in site.journal("offline_codes_cancelled")] == [0]


def test_codes_that_were_cancelled_stay_so_when_storage_fails_right_after(
    site: Site, mocker: MockerFixture
) -> None:
    assert opens(site, timed(48))
    site.wait(HOUR_S)
    real, begun = site.store.database._connection, 0

    def execute(statement: str, *values: Any) -> sqlite3.Cursor:
        nonlocal begun
        begun += statement.startswith("BEGIN")
        if begun == 3:  # after that of the guess, and that of the cancellation
            raise sqlite3.OperationalError("disk I/O error")
        return real.execute(statement, *values)

    failing = mocker.Mock(in_transaction=False, **{"execute.side_effect": execute})
    mocker.patch.object(site.store.database, "_connection", failing)
    site.type(f"{cancel(site.cloud_wall_s)}#")
    mocker.stopall()
    assert begun == 3
    assert not opens(site, timed(48))
    assert not opens(site, timed(48, 1))
    assert len(site.journal("offline_codes_cancelled")) == 1


def test_a_cancelling_code_gives_its_guess_back(site: Site) -> None:
    site.type(f"{cancel(NOON)}#")
    assert {budget.failures for budget in site.controller.guesses.budgets.values()} == {0}


def test_with_the_clock_unknown_no_offline_code_opens(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.connect()
    set_up(site)
    assert opens(site, timed(200))
    site.close()
    clock = VirtualClock()
    clock.boot, clock.now_s = "boot-2", 50.0
    site = Site(tmp_path, clock)
    for code in (timed(200), timed(200, 1), once(), cancel(NOON)):
        assert not opens(site, code)
    assert site.reasons() == ["clock_unknown"] * 4
    site.close()


def test_an_operating_mode_that_refuses_codes_refuses_these_and_uses_none_up(site: Site) -> None:
    site.command("mode", mode="lockdown")
    assert not opens(site, once())
    site.command("mode", mode="normal")
    assert opens(site, once())
    assert site.reasons() == ["blocked_by_mode"]


def test_a_hundred_failures_switch_offline_codes_off_until_somebody_acknowledges(site: Site) -> None:
    for _ in range(100):
        assert not opens(site, "1234567890")
        site.wait(HOUR_S)
    start_s = site.cloud_wall_s
    site.answer_time()
    assert not opens(site, once(start_s=start_s))
    assert site.reasons()[-1] == "offline_off"
    site.command("acknowledge")
    assert opens(site, once(start_s=start_s))


def test_mashing_long_codes_takes_guesses_from_long_codes_only(site: Site) -> None:
    site.install(code_row(ANNA, "493817"))
    for _ in range(6):
        site.type("1234567890#")
    site.type(f"{timed(48)}#")
    assert site.reasons()[-1] == "throttled"
    site.type("493817#")
    assert site.strike.releases == 1


def test_a_key_changes_with_its_slots_and_used_codes_stay(site: Site) -> None:
    next_slot = FORM.slot_at(NOON) + 2
    new = IssuerKey(2, 0, b"n" * 32)
    assert opens(site, timed(48))
    set_up(site, 2, keys=[key_part(KEY, last_slot=next_slot - 1), key_part(new, first_slot=next_slot)])
    site.wait(2 * HOUR_S)
    assert opens(site, timed(48))
    assert opens(site, timed(48, 1))
    assert not opens(site, timed(48, start_s=site.cloud_wall_s))
    assert opens(site, timed(48, start_s=site.cloud_wall_s, key=new))


def test_used_codes_are_forgotten_two_days_after_their_end_and_never_open_again(site: Site) -> None:
    assert opens(site, once())
    site.wait(DAY_S + 2 * DAY_S + HOUR_S)
    for _ in range(70):
        site.wait(HOUR_S)
    assert site.store.database.read("SELECT count(*) FROM offline_code") == [(0,)]
    assert not opens(site, once())


def test_a_purged_code_is_still_known_as_used(site: Site) -> None:
    assert opens(site, once())
    with site.store.database.transaction() as db:
        db.execute("DELETE FROM offline_code")
    site.controller.door_codes.lay_out_anew()
    assert not opens(site, once())
    assert site.reasons() == ["used_up"]


# --- setups -------------------------------------------------------------------------------------------


def refusals(site: Site) -> list[str]:
    return [row["detail"]["reason"] for row in site.journal("message_refused")]


def test_a_setup_is_taken_whole_told_of_and_kept_over_a_restart(site: Site, tmp_path: Path) -> None:
    assert [row["detail"] for row in site.journal("offline_setup")] == [
        {"rev": 1, "keys": 1, "technicians": 0}
    ]
    assert site.uplink.statuses[-1]["offline_rev"] == 1
    site = again(site, tmp_path)
    assert site.uplink.statuses[-1]["offline_rev"] == 1
    assert opens(site, timed(48))


def test_an_older_setup_is_refused_and_the_same_is_silent(site: Site) -> None:
    set_up(site, 5, keys=[])
    set_up(site, 5, keys=[])
    set_up(site, 4)
    set_up(site, 5)
    set_up(site, 6, set_epoch=2)
    assert refusals(site) == ["stale_revision", "conflicting_revision", "other_set_epoch"]
    assert not opens(site, timed(48))
    assert len(site.journal("offline_setup")) == 2


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"keys": [{"kid": 1}]}, "offline_setup_invalid"),
        ({"colour": "red"}, "offline_setup_invalid"),
        ({"keys": [key_part(IssuerKey(kid, 0, bytes(32))) for kid in range(4)]}, "offline_setup_invalid"),
        ({"device_id": "another"}, "wrong_device"),
        ({"digits": 8}, "offline_lengths_collide"),
        ({"digits": 9, "technicians": [{"slot": 1, "secret": "A" * 32}]}, "offline_lengths_collide"),
    ],
)
def test_a_setup_that_cannot_be_is_refused_and_the_old_one_stays(
    site: Site, fields: dict[str, Any], reason: str
) -> None:
    set_up(site, 2, **fields)
    assert refusals(site) == [reason]
    assert opens(site, timed(48))


def test_nine_digits_are_taken_where_no_technician_has_them(site: Site) -> None:
    set_up(site, 2, digits=9)
    form = OfflineFormat(DEVICE_ID, 9)
    assert opens(site, issue(form, KEY, NOON, Meaning(OfflineKind.TIMED, 48, 0)))
    assert not opens(site, timed(48, 1))


def test_after_a_new_database_codes_from_before_it_are_refused_until_the_cloud_knows_of_it(
    tmp_path: Path,
) -> None:
    site = Site(tmp_path)
    site.connect()
    set_up(site, journal_epoch="that of the lost one")
    assert not opens(site, once())
    site.wait(2 * HOUR_S)
    later_s = site.cloud_wall_s
    assert opens(site, once(start_s=later_s))
    set_up(site, 2)
    assert opens(site, once(1))
    site.close()


def test_a_setup_that_came_without_the_time_begins_when_the_time_is_known(tmp_path: Path) -> None:
    site = Site(tmp_path)
    set_up(site, journal_epoch="that of the lost one")
    site.wait(HOUR_S)
    site.connect()
    assert not opens(site, once(start_s=site.cloud_wall_s))
    assert opens(site, once(start_s=site.cloud_wall_s + 2 * HOUR_S)) is False
    site.wait(2 * HOUR_S)
    assert opens(site, once(start_s=site.cloud_wall_s))
    site.close()


def test_codes_from_before_a_new_database_stay_refused_when_its_beginning_cannot_be_noted_at_once(
    tmp_path: Path,
) -> None:
    site = Site(tmp_path)
    set_up(site, journal_epoch="that of the lost one")
    with site.store.database.transaction() as db:
        db.execute("CREATE TRIGGER full BEFORE INSERT ON offline_setup BEGIN SELECT RAISE(ABORT, ''); END")
    site.connect()
    assert not opens(site, once())
    with site.store.database.transaction() as db:
        db.execute("DROP TRIGGER full")
    assert not opens(site, once())
    site.wait(2 * HOUR_S)
    assert opens(site, once(start_s=site.cloud_wall_s))
    site.close()


def test_keys_and_digits_are_nowhere_in_the_database_or_the_journal(site: Site, tmp_path: Path) -> None:
    code = timed(48)
    assert opens(site, code)
    site.type("1234509876#")
    text = json.dumps(site.journal())
    site.store.database.checkpoint()
    raw = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    for secret in (code, "1234509876", KEY.key.hex()):
        assert secret not in text
        assert secret.encode() not in raw
    assert KEY.key not in raw


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE offline_setup SET rev = 9",
        "UPDATE offline_setup SET sealed = zeroblob(200)",
        "UPDATE offline_setup SET began_s = 1",
    ],
)
def test_a_setup_changed_by_hand_counts_no_more_and_is_reported(
    site: Site, tmp_path: Path, statement: str
) -> None:
    with site.store.database.transaction() as db:
        db.execute(statement)
    site = again(site, tmp_path)
    assert not opens(site, timed(48))
    assert {"what": "offline_setup_changed_from_outside"} in [row["detail"] for row in site.journal("fault")]
    assert site.uplink.statuses[-1]["offline_rev"] == 0
    set_up(site, 10)
    assert opens(site, timed(48))


@pytest.mark.parametrize(
    "statement",
    ["UPDATE offline_code SET ends_at = ends_at + 999999", "UPDATE offline_code SET max_uses = 9"],
)
def test_a_used_code_changed_by_hand_does_not_open(site: Site, tmp_path: Path, statement: str) -> None:
    assert opens(site, once())
    with site.store.database.transaction() as db:
        db.execute(statement)
    site = again(site, tmp_path)
    assert not opens(site, once())
    assert [row["detail"]["what"] for row in site.journal("fault")] == ["offline_codes_changed_from_outside"]


def test_a_floor_lowered_by_hand_closes_the_key(site: Site, tmp_path: Path) -> None:
    site.type(f"{cancel(NOON)}#")
    with site.store.database.transaction() as db:
        db.execute("UPDATE offline_floor SET slot = 0")
    site = again(site, tmp_path)
    assert not opens(site, timed(48))
    assert len(site.journal("fault")) == 1


def test_the_chance_of_a_guess_counts_codes_that_nobody_used_yet(site: Site) -> None:
    assert site.controller.guesses.chances == {10: pytest.approx(1.01196e-5)}
    lines: list[dict[str, Any]] = []
    site.say(Asked("facts", {}, Answer(lines.append, 1)))
    assert lines[0]["result"]["long_chance_until_off"] == pytest.approx(101 * 1.01196e-5, rel=1e-3)
    set_up(site, 2, technicians=[{"slot": 1, "secret": "A" * 32}], keys=[])
    assert site.controller.guesses.chances == {10: 0.0, 9: 4e-6}
