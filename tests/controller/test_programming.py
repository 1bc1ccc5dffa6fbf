"""Programming at a keypad: what a session does, shows, costs, and lets nobody find out."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.core.verifier import CodeTable
from agent.programming_side import MayProgram
from firmware_sim.site import Site, code_row
from firmware_sim.virtual_parts import NOON
from hal.ports import KeysLost, Pattern
from tests.controller.conftest import ANNA
from tests.controller.programming import (
    BEN,
    CHIEF,
    NEW,
    PROGRAM,
    ROWS,
    add,
    details,
    guesses,
    opens,
    programmed,
    remove,
)
from tests.controller.test_commands import restarted


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A door with an ordinary code and a programming code."""
    door = programmed(tmp_path)
    yield door
    door.close()


# --- a session ----------------------------------------------------------------------------------------


def test_a_programming_code_opens_nothing_and_is_recorded_as_what_it_is(site: Site) -> None:
    site.type(PROGRAM)
    assert (site.strike.releases, site.indicator.pattern) == (0, Pattern.PROGRAMMING)
    assert details(site, "programming_started") == [{"access_code_id": CHIEF, "gen": 1, "keypad": "keypad"}]
    assert site.journal("access_granted", "access_denied") == []


def test_what_is_typed_twice_becomes_a_code_that_opens(site: Site) -> None:
    site.type(f"{PROGRAM}1{NEW}#{NEW}#")
    site.wait(4.0)
    shown = [pattern for _, pattern in site.indicator.shown]
    assert shown[-3:] == [Pattern.PROGRAMMING, Pattern.GRANTED, Pattern.READY]
    assert opens(site, NEW)


def test_removed_digits_open_no_longer(site: Site) -> None:
    assert remove(site, "493817")
    assert not opens(site, "493817")


@pytest.mark.parametrize(
    "keys", [f"1{NEW}#135791#", "2000000#", "3", f"1{NEW}#{NEW}*", "1493817#493817#", "2*", "1123#", "#"]
)
def test_anything_else_changes_nothing(site: Site, keys: str) -> None:
    before = site.store.database.read("SELECT count(*) FROM local_code, door_removal")
    site.type(PROGRAM + keys)
    site.wait(40.0)
    assert site.journal("code_added_at_door", "code_removed_at_door") == []
    assert site.store.database.read("SELECT count(*) FROM local_code, door_removal") == before
    assert site.indicator.pattern is Pattern.READY
    assert not opens(site, NEW) and opens(site, "493817")


def test_silence_ends_it_and_the_next_digits_are_a_code_again(site: Site) -> None:
    site.type(f"{PROGRAM}1{NEW}#")
    start = site.clock.now_s
    site.wait(60.0)
    shown = [(round(at - start, 3), pattern) for at, pattern in site.indicator.shown]
    assert shown[-2:] == [(0.0, Pattern.PROGRAMMING), (30.0, Pattern.READY)]
    site.type(f"{NEW}#")
    assert site.reasons() == ["unknown_code"]


def test_it_belongs_to_the_keypad_where_it_began(site: Site) -> None:
    site.type(PROGRAM, "front")
    site.type("493817#", "back")
    site.type(f"1{NEW}#{NEW}#", "front")
    assert (site.strike.releases, len(site.journal("code_added_at_door"))) == (1, 1)


def test_lost_keys_spoil_it(site: Site) -> None:
    site.type(f"{PROGRAM}1{NEW}#")
    site.say(KeysLost("keypad"))
    site.type(f"{NEW}#")
    assert details(site, "programming_refused") == [{"stream": "keypad", "reason": "interrupted", "count": 1}]
    assert site.strike.releases == 0


def test_a_restart_forgets_it(site: Site, tmp_path: Path) -> None:
    site.type(f"{PROGRAM}1{NEW}#")
    again = restarted(site, tmp_path)
    again.type(f"{NEW}#")
    assert (again.reasons(), again.journal("code_added_at_door")) == (["unknown_code"], [])


def test_rules_and_uses_of_a_programming_code_count(site: Site) -> None:
    site.install(code_row(CHIEF, "246802", kind="programming", max_uses=1))
    assert add(site)
    assert add(site, "135792") is None
    assert site.reasons()[0] == "used_up"
    site.install(code_row(CHIEF, "246802", kind="programming", starts_at=NOON + 9000, code_rev=2, gen=2))
    assert add(site, "135792") is None
    assert "not_yet_valid" in site.reasons()


@pytest.mark.parametrize("mode", ["lockdown", "vacation", "privacy"])
def test_a_mode_that_refuses_codes_refuses_programming_also_when_it_has_begun(site: Site, mode: str) -> None:
    site.type(PROGRAM)
    site.command("mode", mode=mode)
    site.type(f"1{NEW}#{NEW}#")
    site.type(PROGRAM)
    assert details(site, "programming_refused")[0]["reason"] == "blocked_by_mode"
    assert (site.reasons(), len(site.journal("programming_started"))) == (["blocked_by_mode"], 1)


def test_a_programming_code_that_is_revoked_ends_what_it_began(site: Site) -> None:
    site.type(PROGRAM)
    site.command("revoke", ids=[CHIEF])
    site.type(f"1{NEW}#{NEW}#")
    assert details(site, "programming_refused")[0]["reason"] == "revoked"


@pytest.mark.parametrize(
    ("reason", "rules"),
    [
        ("expired", {"ends_at": NOON + 60}),
        ("disabled", {"enabled": False}),
        ("programming_off", {"kind": "standard"}),
    ],
)
def test_a_session_that_is_kept_open_does_not_outlive_its_code(
    site: Site, reason: str, rules: dict[str, Any]
) -> None:
    site.type(PROGRAM)
    site.install(code_row(CHIEF, "246802", **{"kind": "programming", "code_rev": 2} | rules))
    for _ in range(4):
        site.wait(25.0)
        site.type("#")
    site.type(f"1{NEW}#{NEW}#")
    assert details(site, "programming_refused")[0]["reason"] == reason
    assert (site.journal("code_added_at_door"), guesses(site)) == ([], 5.0)


def test_the_configuration_can_turn_it_off(tmp_path: Path) -> None:
    site = programmed(tmp_path, programming=MayProgram(keypad=False))
    for _ in range(7):
        site.type(PROGRAM)
    assert set(site.reasons()) == {"programming_off"}
    assert (guesses(site), site.journal("programming_started")) == (5.0, [])
    site.close()


# --- what it costs and what it tells ----------------------------------------------------------------------


def test_a_session_that_does_something_costs_no_guess(site: Site) -> None:
    add(site)
    remove(site, NEW)
    assert guesses(site) == 5.0


@pytest.mark.parametrize("keys", ["1493817#493817#", "2000000#"])
def test_to_find_out_about_other_codes_costs_a_guess_each_time(site: Site, keys: str) -> None:
    for left in (4.0, 3.0, 2.0, 1.0, 0.0):
        site.type(PROGRAM + keys)
        assert guesses(site) == left
    site.type(PROGRAM)
    assert site.reasons() == ["throttled"]


def test_an_attempt_without_a_guess_looks_at_nothing(site: Site) -> None:
    for _ in range(4):
        site.type("000000#")
    site.type(PROGRAM)
    site.type("000000#", "other")
    site.type("2493817#")
    assert details(site, "programming_refused") == [{"stream": "keypad", "reason": "throttled", "count": 1}]
    assert site.journal("code_removed_at_door") == []


def test_it_is_counted_before_it_is_looked_at(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[float] = []
    really_find = CodeTable.find

    def find(table: CodeTable, tag: bytes) -> tuple[int, int]:
        seen.append(guesses(site))
        return really_find(table, tag)

    monkeypatch.setattr(CodeTable, "find", find)
    remove(site, "493817")
    assert seen == [4.0, 4.0], "the programming code, and what was to be removed"


def test_every_refusal_looks_the_same(site: Site) -> None:
    seen = []
    for keys in ("1493817#493817#", "2000000#", f"1{NEW}#135791#", "1123#", "9#"):
        site.type(PROGRAM)
        before, began = len(site.indicator.shown), site.clock.now_s
        site.type(keys)
        site.wait(5.0)
        seen.append([(round(at - began, 3), shown) for at, shown in site.indicator.shown[before:]])
    assert seen[0] and all(each == seen[0] for each in seen)


def test_failed_attempts_raise_the_alarm_of_failed_guesses(site: Site) -> None:
    for _ in range(20):
        site.type(PROGRAM + "2000000#")
        site.wait(3601.0)
    assert details(site, "throttle_alarm") == [{"length_class": "short", "failures": 20}]


# --- what is written ----------------------------------------------------------------------------------------


def test_the_row_of_a_new_code_names_who_made_it_and_seals_its_digits_to_the_cloud(site: Site) -> None:
    made = add(site)
    (detail,) = details(site, "code_added_at_door")
    sealed = detail.pop("sealed")
    assert detail == {"access_code_id": made, "gen": 1, "source": "keypad", "by": CHIEF}
    assert NEW not in sealed
    assert site.made_at_door() == [{"access_code_id": made, "gen": 1, "code": NEW}]


def test_the_row_of_a_removal_says_whose_code_it_was_and_whether_it_is_for_good(site: Site) -> None:
    site.install(*ROWS, code_row(BEN, "111222", is_external_modification_allowed=True))
    made = add(site)
    for digits in ("493817", "111222", NEW):
        remove(site, digits)
    common = {"gen": 1, "source": "keypad", "by": CHIEF}
    assert details(site, "code_removed_at_door") == [
        {**common, "access_code_id": ANNA, "is_managed": True, "stays": False},
        {**common, "access_code_id": BEN, "is_managed": True, "stays": True},
        {**common, "access_code_id": made, "is_managed": False, "stays": True},
    ]


def test_it_is_durable_before_the_keypad_shows_it(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[Pattern, int]] = []
    really_show = site.indicator.show

    def show(pattern: Pattern) -> None:
        if pattern is not Pattern.KEY:
            seen.append((pattern, len(site.journal("code_added_at_door"))))
        really_show(pattern)

    monkeypatch.setattr(site.indicator, "show", show)
    add(site)
    assert seen == [(Pattern.PROGRAMMING, 0), (Pattern.GRANTED, 1)]
