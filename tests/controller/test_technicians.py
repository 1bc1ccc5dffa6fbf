"""Rolling codes at a whole virtual door."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyotp
import pytest

from firmware_sim.site import Site
from firmware_sim.virtual_parts import VirtualClock
from tests.controller.offline import again, set_up

SECRET = base64.b32encode(b"12345678901234567890").decode()


def technicians(**fields: Any) -> list[dict[str, Any]]:
    return [{"slot": 42, "secret": SECRET} | fields]


def shown(at_s: float, slot: int = 42) -> str:
    """What somebody types who reads the app."""
    return f"{slot:03d}{pyotp.TOTP(SECRET).at(int(at_s))}"


def type_now(site: Site) -> bool:
    """Read the app and type what it shows. The budget is no hindrance."""
    before = site.strike.releases
    site.wait(3600)
    site.type(f"{shown(site.cloud_wall_s)}#")
    return site.strike.releases > before


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A door whose clock is trusted, and that knows a technician."""
    door = Site(tmp_path)
    door.connect()
    set_up(door, keys=[], technicians=technicians())
    yield door
    door.close()


def test_a_technician_opens_and_the_journal_names_the_slot(site: Site) -> None:
    assert type_now(site)
    assert [row["detail"] for row in site.journal("access_granted")] == [
        {"keypad": "keypad", "method": "totp", "technician": 42}
    ]


def test_a_step_opens_once_also_after_a_restart(site: Site, tmp_path: Path) -> None:
    digits = shown(site.cloud_wall_s)
    site.type(f"{digits}#{digits}#")
    assert site.strike.releases == 1
    site = again(site, tmp_path)
    site.type(f"{digits}#")
    assert site.strike.releases == 0
    assert site.reasons() == ["used_up", "used_up"]


def test_the_step_is_durable_before_the_strike_moves(site: Site) -> None:
    seen: list[object] = []
    site.before_unlock = lambda: seen.extend(site.store.database.read("SELECT last_step FROM technician_use"))
    at_s = site.cloud_wall_s
    site.type(f"{shown(at_s)}#")
    assert seen == [(int(at_s) // 30,)]


def fail(site: Site, times: int) -> None:
    for _ in range(times):
        site.wait(3600)
        site.type("042000000#")
    assert site.reasons()[-times:] == ["unknown_code"] * times


def test_ten_failures_in_a_row_switch_a_technician_off_until_somebody_acknowledges(
    site: Site, tmp_path: Path
) -> None:
    fail(site, 5)
    site = again(site, tmp_path)
    fail(site, 5)
    assert not type_now(site)
    assert site.reasons()[-1] == "technician_off"
    set_up(site, 2, keys=[], technicians=technicians())
    assert not type_now(site)
    site.answer_time()
    site.command("acknowledge", length_class="long")
    assert type_now(again(site, tmp_path))


def test_a_success_begins_the_count_of_failures_anew(site: Site) -> None:
    fail(site, 9)
    assert type_now(site)
    fail(site, 9)
    assert type_now(site)


def test_a_new_secret_begins_with_no_failures(site: Site) -> None:
    fail(site, 10)
    other = base64.b32encode(b"o" * 20).decode()
    set_up(site, 2, keys=[], technicians=technicians(secret=other))
    site.wait(3600)
    site.type(f"042{pyotp.TOTP(other).at(int(site.cloud_wall_s))}#")
    assert site.strike.releases == 1


def test_revoked_early_and_late_technicians_are_refused(site: Site) -> None:
    now_s = int(site.cloud_wall_s)
    rules: list[dict[str, Any]] = [{"is_revoked": True}, {"ends_at": now_s}, {"starts_at": now_s + 10**6}]
    for rev, fields in enumerate(rules, 2):
        set_up(site, rev, keys=[], technicians=technicians(**fields))
        assert not type_now(site)
    assert site.reasons() == ["revoked", "expired", "expired"]


def test_with_the_clock_unknown_no_technician_opens(site: Site, tmp_path: Path) -> None:
    site.close()
    clock = VirtualClock()
    clock.boot, clock.now_s = "boot-2", 50.0
    site = Site(tmp_path, clock)
    assert not type_now(site)
    assert site.reasons() == ["clock_unknown"]


def test_a_progress_changed_by_hand_switches_the_technician_off(site: Site, tmp_path: Path) -> None:
    assert type_now(site)
    with site.store.database.transaction() as db:
        db.execute("UPDATE technician_use SET last_step = 0")
    site = again(site, tmp_path)
    assert not type_now(site)
    assert site.reasons() == ["technician_off"]
    assert [row["detail"]["what"] for row in site.journal("fault")] == ["technicians_changed_from_outside"]


def test_after_a_new_database_no_step_of_before_opens(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.connect()
    set_up(site, journal_epoch="that of the lost one", keys=[], technicians=technicians())
    site.type(f"{shown(site.cloud_wall_s)}#")
    assert site.strike.releases == 0
    assert type_now(site)
    site.close()


@pytest.mark.parametrize("entry", ["1234", "12345678", "042000000", "999000000", "1234567890"])
def test_every_entry_costs_six_decodes_and_four_passwords_whatever_is_set_up(site: Site, entry: str) -> None:
    setups: list[dict[str, Any]] = [{}, {"keys": []}, {"technicians": technicians()}]
    for rev, fields in enumerate(setups, 2):
        set_up(site, rev, **fields)
        offline = site.controller.offline
        site.type(f"{entry}#")
        assert offline.work() == (6, 4)
