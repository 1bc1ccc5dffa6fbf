"""A passage code makes the door free for everybody, and typed again an ordinary door."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.core.mode_schedule import Standing
from agent.core.modes import Mode
from firmware_sim.site import Site, code_row
from firmware_sim.virtual_parts import NOON
from hal.ports import Pattern
from tests.controller.conftest import ANNA
from tests.controller.test_commands import restarted

SHOP = "22222222-2222-4222-8222-222222222222"
KEYS = "246802#"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A door with an ordinary code and a passage code."""
    door = Site(tmp_path)
    door.connect()
    door.install(code_row(ANNA, "493817"), code_row(SHOP, "246802", kind="passage"))
    yield door
    door.close()


def modes(site: Site) -> list[dict[str, Any]]:
    return [row["detail"] for row in site.journal("mode")]


def test_it_frees_the_door_and_typed_again_locks_it(site: Site) -> None:
    site.type(KEYS)
    site.wait(100.0)
    assert (site.strike.is_released, site.uplink.statuses[-1]["mode"]) == (True, "passage")
    site.type(KEYS)
    assert (site.strike.is_released, site.uplink.statuses[-1]["mode"]) == (False, "normal")
    assert modes(site) == [{"mode": "passage", "why": "code"}, {"mode": "normal", "why": "code"}]


def test_who_did_it_stands_in_the_row_before(site: Site) -> None:
    site.type(KEYS)
    granted = site.journal()[-2]
    assert (granted["kind"], granted["detail"]["access_code_id"]) == ("access_granted", SHOP)
    assert site.indicator.pattern is Pattern.GRANTED


def test_mode_and_rows_are_durable_before_the_strike_moves(site: Site) -> None:
    seen: list[Any] = []
    site.before_unlock = lambda: seen.append((site.store.modes.standing(), len(modes(site))))
    site.type(KEYS)
    assert seen[0] == (Standing(mode=Mode.PASSAGE, by="code"), 1)


def test_the_mode_outlives_a_restart(site: Site, tmp_path: Path) -> None:
    site.type(KEYS)
    again = restarted(site, tmp_path)
    assert again.strike.is_released
    again.type(KEYS)
    assert (again.strike.is_released, again.controller.commands.mode) == (False, Mode.NORMAL)


@pytest.mark.parametrize("mode", [Mode.VACATION, Mode.PRIVACY, Mode.LOCKDOWN])
def test_it_changes_nothing_where_codes_are_refused(site: Site, mode: Mode) -> None:
    site.command("mode", mode=mode.value)
    site.type(KEYS)
    assert (site.strike.releases, site.reasons()) == (0, ["blocked_by_mode"])
    assert site.controller.commands.mode is mode


def test_it_opens_once_in_a_mode_that_it_would_end_unasked(site: Site) -> None:
    site.command("mode", mode="no_remote")
    site.type(KEYS)
    assert site.strike.is_released
    site.wait(6.0)
    assert (site.strike.is_released, site.controller.commands.mode) == (False, Mode.NO_REMOTE)


def test_its_rules_count_like_those_of_any_code(site: Site) -> None:
    site.install(code_row(SHOP, "246802", kind="passage", max_uses=1, ends_at=NOON + 100))
    site.type(KEYS)
    site.type(KEYS)
    assert (site.reasons(), site.controller.commands.mode) == (["used_up"], Mode.PASSAGE)


def test_other_codes_leave_passage_alone(site: Site) -> None:
    site.type(KEYS)
    site.type("493817#")
    assert site.controller.commands.mode is Mode.PASSAGE


def test_one_that_became_durable_too_late_changes_nothing_also_after_a_restart(
    site: Site, tmp_path: Path
) -> None:
    def stall(statement: str) -> None:
        site.clock.now_s += 6.0 if statement == "COMMIT" else 0.0

    site.store.database._connection.set_trace_callback(stall)
    site.type(KEYS)
    assert (site.strike.releases, site.indicator.pattern) == (0, Pattern.FAULT)
    assert modes(site)[-1] == {"mode": "normal", "why": "too_late"}
    again = restarted(site, tmp_path)
    again.wait(60.0)
    assert (again.strike.releases, again.controller.commands.mode) == (0, Mode.NORMAL)
