"""What happens when people type."""

from pathlib import Path

import pytest

from agent.core.throttle import CAPACITY
from firmware_sim.site import Site, code_row
from firmware_sim.virtual_parts import NOON, VirtualClock
from hal.ports import KeysLost, LinkChanged, Pattern
from tests.controller.conftest import ANNA

GUEST = "22222222-2222-4222-8222-222222222222"


def test_a_right_code_opens_and_is_in_the_journal_before_the_strike_moves(site: Site) -> None:
    rows_at_release = []
    site.before_unlock = lambda: rows_at_release.extend(site.journal("access_granted"))
    site.type("493817#")
    assert site.strike.is_released
    assert [row["detail"]["access_code_id"] for row in rows_at_release] == [ANNA]


def test_a_wrong_code_opens_nothing_and_is_refused_for_its_reason(site: Site) -> None:
    site.type("493818#")
    assert (site.strike.releases, site.reasons()) == (0, ["unknown_code"])


def test_star_forgets_what_was_typed(site: Site) -> None:
    site.type("99*493817#")
    assert site.strike.is_released


def test_ten_seconds_of_silence_forget_what_was_typed(site: Site) -> None:
    site.type("4938")
    site.wait(10.0)
    site.type("493817#")
    assert site.strike.is_released


def test_enter_alone_is_no_entry(site: Site) -> None:
    site.type("#")
    assert site.reasons() == []


@pytest.mark.parametrize("digits", ["1", "123", "12345678901"])
def test_an_impossible_length_is_refused_and_costs_nothing(site: Site, digits: str) -> None:
    site.type(digits + "#")
    assert site.reasons() == ["impossible_length"]
    assert all(budget.tokens == CAPACITY for budget in site.store.budgets(0.0).values())


def test_lost_keys_void_the_code_being_typed(site: Site) -> None:
    site.type("493")
    site.say(KeysLost("keypad"))
    site.type("817#")
    assert (site.strike.releases, site.reasons()) == (0, ["interrupted"])


def test_lost_keys_before_the_first_digit_cost_nobody_anything(site: Site) -> None:
    site.say(KeysLost("keypad"))
    site.type("493817#")
    assert site.strike.is_released


def test_two_keypads_do_not_mix_their_digits(site: Site) -> None:
    site.type("493", keypad="outside")
    site.type("817#", keypad="inside")
    site.type("817#", keypad="outside")
    assert site.strike.releases == 1


def test_a_one_time_code_opens_once(site: Site) -> None:
    site.install(code_row(GUEST, "246802", max_uses=1))
    site.type("246802#")
    site.type("246802#")
    assert (site.strike.releases, site.reasons()) == (1, ["used_up"])


def test_a_used_one_time_code_stays_used_when_its_set_is_delivered_again(site: Site) -> None:
    once = code_row(GUEST, "246802", max_uses=1)
    site.install(once)
    site.type("246802#")
    site.install()
    site.install(once)
    site.type("246802#")
    assert (site.strike.releases, site.reasons()) == (1, ["used_up"])


def test_a_one_time_code_issued_anew_under_the_next_generation_opens_again(site: Site) -> None:
    site.install(code_row(GUEST, "246802", max_uses=1))
    site.type("246802#")
    site.install(code_row(GUEST, "246802", max_uses=1, gen=2))
    site.type("246802#")
    assert site.strike.releases == 2


def test_leading_zeros_count(site: Site) -> None:
    site.install(code_row(GUEST, "001234"))
    site.type("1234#")
    assert site.strike.releases == 0
    site.type("001234#")
    assert site.strike.releases == 1


def test_a_window_opens_at_its_first_second_and_is_over_at_its_last(site: Site) -> None:
    site.install(code_row(GUEST, "246802", starts_at=NOON + 100, ends_at=NOON + 200))
    site.type("246802#")
    site.wait(100.0)
    site.type("246802#")
    site.wait(100.0)
    site.type("246802#")
    assert (site.strike.releases, site.reasons()) == (1, ["not_yet_valid", "expired"])


def test_every_refusal_is_shown_400_ms_after_enter(site: Site) -> None:
    site.install(code_row(GUEST, "246802", ends_at=NOON - 5), code_row(ANNA, "493817"))
    for keys in ("246802#", "111111#", "12#"):
        entered = site.clock.now_s
        site.type(keys)
        site.wait(1.0)
        shown_at = [at for at, pattern in site.indicator.shown if pattern is Pattern.DENIED][-1]
        assert shown_at == pytest.approx(entered + 0.4, abs=0.01)
        site.wait(2.0)


def test_a_grant_is_shown_at_once_and_then_the_keypad_is_ready_again(site: Site) -> None:
    site.type("493817#")
    assert site.indicator.shown[-1] == (site.clock.now_s, Pattern.GRANTED)
    site.wait(4.0)
    assert site.indicator.pattern is Pattern.READY


def test_five_wrong_codes_are_all_that_is_looked_at(site: Site) -> None:
    for wrong in ("111111#", "222222#", "333333#", "444444#", "555555#"):
        site.type(wrong)
    site.type("493817#")
    assert site.strike.releases == 0
    assert site.reasons()[-1] == "throttled"
    assert site.indicator.pattern is Pattern.LOCKED_OUT


def test_a_guess_comes_back_as_slowly_as_the_live_codes_demand(site: Site) -> None:
    """One code of six digits at a yearly risk of 1 %: one guess in 3,156 s."""
    for _ in range(5):
        site.type("111111#")
    site.wait(3150.0)
    site.type("493817#")
    assert site.strike.releases == 0
    site.wait(10.0)
    site.type("493817#")
    assert site.strike.releases == 1


def test_mashing_short_codes_does_not_use_up_the_budget_of_long_ones(site: Site) -> None:
    for _ in range(6):
        site.type("111111#")
    site.type("1234567890#")
    assert site.reasons()[-1] == "unknown_code"


def test_a_right_code_gives_back_its_own_guess_and_no_other(site: Site) -> None:
    for _ in range(4):
        site.type("111111#")
    site.type("493817#")
    site.type("493817#")
    site.type("222222#")
    site.type("333333#")
    assert site.reasons() == ["unknown_code"] * 5 + ["throttled"]


def test_a_restart_gives_no_guesses_back(tmp_path: Path) -> None:
    first = Site(tmp_path)
    for _ in range(5):
        first.type("111111#")
    first.close()
    second = Site(tmp_path, VirtualClock())
    second.type("111111#")
    assert second.reasons()[-1] == "throttled"
    second.close()


def test_a_flood_of_throttled_entries_becomes_one_row_a_minute(site: Site) -> None:
    for _ in range(50):
        site.type("111111#")
    site.wait(61.0)
    throttled = [
        row["detail"] for row in site.journal("access_denied") if row["detail"]["reason"] == "throttled"
    ]
    assert [row["count"] for row in throttled] == [1, 44]


def test_twenty_failures_raise_an_alarm(site: Site) -> None:
    for _ in range(20):
        site.type("111111#")
        site.wait(3600.0)
    assert [row["detail"]["failures"] for row in site.journal("throttle_alarm")] == [20]


def test_a_keypad_that_comes_back_shows_what_it_should(site: Site) -> None:
    site.wait(5.0)
    shown = len(site.indicator.shown)
    site.say(LinkChanged("outside", False, "silent"))
    site.say(LinkChanged("outside", True, "secure session"))
    assert len(site.indicator.shown) > shown
