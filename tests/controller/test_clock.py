"""What the door does when its clock is right, old, wrong or unknown."""

from pathlib import Path

from firmware_sim.site import NOON, Site, VirtualClock, code_row
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
