"""What the door does when its clock is right, old, wrong or unknown."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.asked import Answer, Asked
from agent.clock_watch import ClockSettings
from firmware_sim.site import Site, code_row
from firmware_sim.virtual_parts import NOON, VirtualClock
from hal.ports import Pattern

ONGOING = code_row("11111111-1111-4111-8111-111111111111", "493817")
TIMED = code_row(
    "22222222-2222-4222-8222-222222222222", "246802", starts_at=NOON - 100, ends_at=NOON + 9_000_000
)


def with_codes(state_dir: Path, *rows: dict[str, object]) -> VirtualClock:
    """A door that got its codes and was then switched off for a minute."""
    site = Site(state_dir)
    site.connect()
    site.install(*rows)
    site.close()
    site.clock.now_s += 60.0
    site.clock.wall_s += 60.0
    return site.clock


def rebooted(clock: VirtualClock) -> VirtualClock:
    """The machine starts anew, without a battery for its clock."""
    clock.boot, clock.now_s, clock.wall_s = "boot-2", 5.0, 0.0
    return clock


def test_after_a_boot_without_a_clock_only_codes_without_a_window_open(tmp_path: Path) -> None:
    site = Site(tmp_path, rebooted(with_codes(tmp_path, ONGOING, TIMED)))
    assert site.indicator.pattern is Pattern.CLOCK_UNKNOWN
    site.type("246802#")
    site.type("493817#")
    assert (site.strike.releases, site.reasons()) == (1, ["clock_unknown"])
    site.close()


def test_a_restart_of_the_agent_alone_keeps_the_time(tmp_path: Path) -> None:
    site = Site(tmp_path, with_codes(tmp_path, TIMED))
    site.type("246802#")
    assert site.strike.releases == 1
    site.close()


def test_signed_time_brings_timed_codes_back(tmp_path: Path) -> None:
    site = Site(tmp_path, rebooted(with_codes(tmp_path, TIMED)))
    site.connect()
    site.type("246802#")
    assert site.strike.releases == 1
    site.close()


def test_setting_the_clock_of_the_host_opens_and_closes_nothing(site: Site) -> None:
    site.install(ONGOING, TIMED | {"starts_at": NOON + 1000})
    site.clock.wall_s += 5000
    site.type("246802#")
    site.clock.wall_s -= 500_000
    site.type("493817#")
    assert site.reasons() == ["not_yet_valid"]


def test_a_flagged_code_works_without_a_clock_if_it_had_begun_when_time_was_last_certain(
    tmp_path: Path,
) -> None:
    rows = [
        TIMED | {"works_without_clock": True},
        code_row(
            "3" * 8 + "-3333-4333-8333-333333333333", "135791", starts_at=NOON + 50, works_without_clock=True
        ),
    ]
    site = Site(tmp_path, rebooted(with_codes(tmp_path, *rows)))
    site.type("246802#")
    site.type("135791#")
    assert (site.strike.releases, site.reasons()) == (1, ["clock_unknown"])
    site.close()


def test_what_has_certainly_ended_is_expired_even_without_a_clock(tmp_path: Path) -> None:
    row = code_row(
        "2" * 8 + "-2222-4222-8222-222222222222", "246802", ends_at=NOON - 10, works_without_clock=True
    )
    site = Site(tmp_path, rebooted(with_codes(tmp_path, row)))
    site.type("246802#")
    assert site.reasons() == ["expired"]
    site.close()


def test_a_late_answer_to_the_question_for_time_is_not_believed(site: Site) -> None:
    site.controller.cloud.connect()
    site.controller.clock.connected(site.clock.now_s)
    site.clock.now_s += 11.0
    site.answer_time()
    assert [row["detail"]["reason"] for row in site.journal("message_refused")] == ["time_answer_late"]


def test_an_answer_to_somebody_elses_question_is_not_believed(site: Site) -> None:
    site.controller.clock.connected(site.clock.now_s)
    site.uplink.requests[-1] = type(site.uplink.requests[-1])(type="time", nonce="0" * 32)
    site.answer_time()
    assert [row["detail"]["reason"] for row in site.journal("message_refused")] == ["unknown_nonce"]


def test_ntp_far_from_our_own_estimate_is_not_believed(site: Site) -> None:
    site.clock.ntp_s = NOON + 40_000.0
    before = site.controller.clock.certain_wall_s(site.clock.now_s)
    site.wait(700.0)
    assert site.controller.clock.certain_wall_s(site.clock.now_s) < before + 800


def test_without_any_source_trust_becomes_holdover_and_in_the_end_unknown(site: Site) -> None:
    site.controller.clock.disconnected()
    site.wait(1000.0)
    assert site.controller.clock.reading(site.clock.now_s).trust.value == "holdover"
    site.wait(3_100_000.0)
    assert site.controller.clock.reading(site.clock.now_s).trust.value == "unknown"


# --- set at the door ------------------------------------------------------------------------------------


def _with(state_dir: Path, clock: VirtualClock | None, settings: ClockSettings) -> Site:
    """A door with `[clock]` as given."""
    return Site(state_dir, clock, clock_settings=settings)


def set_clock(site: Site, wall_s: Any) -> dict[str, Any]:
    """What `lockctl clock set` is answered."""
    lines: list[dict[str, Any]] = []
    site.say(Asked("clock_set", {"wall_s": wall_s}, Answer(lines.append)))
    return lines[0]


@pytest.fixture
def lost(tmp_path: Path) -> Iterator[Site]:
    """A door that allows it, after a boot without any time."""
    clock = rebooted(with_codes(tmp_path, ONGOING, TIMED))
    door = _with(tmp_path, clock, ClockSettings(100.0, trust_ntp=False, lockctl=True))
    yield door
    door.close()


def test_a_technician_brings_timed_codes_back_and_the_journal_says_so(lost: Site) -> None:
    assert set_clock(lost, NOON + 60)["result"] == {"wall_s": NOON + 60}
    lost.type("246802#")
    assert (lost.strike.releases, lost.reasons()) == (1, [])
    assert [row["detail"] for row in lost.journal("clock_set")] == [
        {"wall_s": NOON + 60, "source": "lockctl"}
    ]


def test_the_time_that_was_set_counts_until_the_machine_starts_anew(lost: Site, tmp_path: Path) -> None:
    set_clock(lost, NOON + 60)
    lost.close()
    again = Site(tmp_path, lost.clock)
    again.type("246802#")
    assert again.strike.releases == 1
    again.close()
    again = Site(tmp_path, rebooted(again.clock))
    again.clock.boot = "boot-3"
    again.close()
    dark = Site(tmp_path, again.clock)
    dark.type("246802#")
    assert dark.reasons() == ["clock_unknown"]
    dark.close()


def test_it_is_off_unless_the_configuration_allows_it(tmp_path: Path) -> None:
    site = Site(tmp_path, rebooted(with_codes(tmp_path, TIMED)))
    error = set_clock(site, NOON + 60)["error"]
    assert (error["code"], "[clock]" in error["message"]) == ("forbidden", True)
    site.type("246802#")
    assert site.reasons() == ["clock_unknown"]
    site.close()


@pytest.mark.parametrize(
    ("wall_s", "code"),
    [
        (NOON - 3600, "time_below_floor"),
        ("noon", "bad_argument"),
        (True, "bad_argument"),
        (-1, "bad_argument"),
        (NOON * 10, "bad_argument"),
        (None, "bad_argument"),
    ],
)
def test_no_time_that_has_passed_or_is_none_is_taken(lost: Site, wall_s: Any, code: str) -> None:
    assert set_clock(lost, wall_s)["error"]["code"] == code
    assert lost.controller.clock.reading(lost.clock.now_s).trust.value == "unknown"


def test_a_time_typed_wrong_expires_nothing_for_ever(lost: Site) -> None:
    set_clock(lost, NOON + 80_000_000)
    lost.type("246802#")
    lost.wait(7200.0)
    lost.cloud_wall_s = float(NOON + 7260)
    lost.connect()
    lost.type("246802#")
    assert (lost.reasons(), lost.strike.releases) == (["expired"], 1)


def test_a_clock_that_is_known_cannot_be_set(lost: Site) -> None:
    lost.connect()
    assert set_clock(lost, NOON + 8_000)["error"]["code"] == "time_known"


# --- a hardware clock -----------------------------------------------------------------------------------


@pytest.fixture
def rtc(tmp_path: Path) -> Path:
    """What stands for /sys/class/rtc/rtc0/since_epoch: a clock that shows some time of its own."""
    shown = tmp_path / "rtc0" / "since_epoch"
    shown.parent.mkdir()
    shown.write_text("946684800\n")
    return shown


def with_rtc(tmp_path: Path, rtc: Path, clock: VirtualClock | None = None) -> Site:
    settings = ClockSettings(100.0, trust_ntp=False, rtc=rtc)
    return _with(tmp_path, clock, settings)


def off_for(site: Site, rtc: Path, seconds: int, counted: int | None = None) -> VirtualClock:
    """The machine is off for so long; the hardware clock counts on."""
    site.close()
    counted = seconds if counted is None else counted
    rtc.write_text(f"{int(rtc.read_text()) + counted}\n")
    clock = rebooted(site.clock)
    clock.boot += "+"
    return clock


def test_with_a_hardware_clock_timed_codes_work_after_a_boot_without_a_network(
    tmp_path: Path, rtc: Path
) -> None:
    site = with_rtc(tmp_path, rtc)
    site.connect()
    site.install(TIMED | {"ends_at": NOON + 200_000})
    again = with_rtc(tmp_path, rtc, off_for(site, rtc, 100_000))
    clock = again.controller.clock.reading(again.clock.now_s)
    assert (clock.trust.value, round(clock.wall_s)) == ("holdover", NOON + 100_000)
    again.type("246802#")
    assert again.strike.releases == 1
    last = with_rtc(tmp_path, rtc, off_for(again, rtc, 110_000))
    last.type("246802#")
    assert last.reasons() == ["expired"]
    last.close()


@pytest.mark.parametrize("counted", [-946_684_800, -10])
def test_a_hardware_clock_that_went_back_tells_no_time(tmp_path: Path, rtc: Path, counted: int) -> None:
    site = with_rtc(tmp_path, rtc)
    site.connect()
    site.install(TIMED)
    again = with_rtc(tmp_path, rtc, off_for(site, rtc, 100, counted))
    again.type("246802#")
    assert (again.reasons(), again.controller.clock.rtc_fault) == (["clock_unknown"], "rtc_stepped")
    again.close()


def test_a_hardware_clock_that_another_program_sets_is_not_believed(tmp_path: Path, rtc: Path) -> None:
    site = with_rtc(tmp_path, rtc)
    site.connect()
    site.controller.clock.disconnected()
    rtc.write_text(f"{int(rtc.read_text()) + 86_400}\n")
    site.wait(700.0)
    assert site.controller.clock.rtc_fault == "rtc_stepped"
    assert abs(site.controller.clock.reading(site.clock.now_s).wall_s - site.cloud_wall_s) < 2
    site.close()


def test_a_hardware_clock_that_is_not_there_is_said(tmp_path: Path) -> None:
    site = with_rtc(tmp_path, tmp_path / "none")
    assert site.controller.clock.rtc_fault == "rtc_silent"
    site.close()
