"""Offline codes at a whole virtual door: keys come sealed from the cloud, codes from whoever holds a key."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_mock import MockerFixture

from agent.asked import Answer, Asked
from agent.core.offline_code import IssuerKey
from agent.offline_setup import offline_id
from firmware_sim.enrolled import DEVICE_ID
from firmware_sim.site import Site, code_row
from firmware_sim.virtual_parts import NOON, VirtualClock
from hal.ports import Pattern
from tests.controller.offline import (
    ANNA,
    DAY_S,
    FORM,
    HOUR_S,
    KEY,
    PHONE,
    again,
    cancel,
    key_part,
    offline_door,
    once,
    opens,
    set_up,
    timed,
)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A door whose clock is trusted, with one key for offline codes."""
    door = offline_door(tmp_path)
    yield door
    door.close()


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


def test_the_chance_of_a_guess_counts_codes_that_nobody_used_yet(site: Site) -> None:
    assert site.controller.guesses.chances == {10: pytest.approx(1.01196e-5)}
    lines: list[dict[str, Any]] = []
    site.say(Asked("facts", {}, Answer(lines.append, 1)))
    assert lines[0]["result"]["long_chance_until_off"] == pytest.approx(101 * 1.01196e-5, rel=1e-3)
    set_up(site, 2, technicians=[{"slot": 1, "secret": "A" * 32}], keys=[])
    assert site.controller.guesses.chances == {10: 0.0, 9: 4e-6}
