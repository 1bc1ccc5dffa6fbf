"""Somebody took the card out, changed what decides, and put it back: nothing opens, and it is said."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from firmware_sim.site import Site, code_row
from tests.controller.conftest import ANNA

BEN = "22222222-2222-4222-8222-222222222222"
CHIEF = "33333333-3333-4333-8333-333333333333"
CODES = {"anna": "493817", "once": "246802", "chief": "135790"}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A door with a code that is used up, one that is revoked, and no guess left; it is off."""
    (tmp_path / "state").mkdir()
    door = Site(tmp_path / "state")
    door.connect()
    door.install(
        code_row(ANNA, CODES["anna"]),
        code_row(BEN, CODES["once"], max_uses=1),
        code_row(CHIEF, CODES["chief"]),
    )
    door.type(f"{CODES['once']}#")
    door.wait(10)
    door.command("revoke", ids=[CHIEF])
    door.command("mode", mode="vacation")
    for _ in range(5):
        door.type("999999#")
    door.close()
    yield door


def after(site: Site, tmp_path: Path, *statements: str) -> Site:
    """The door once it is on again, after another program changed its database."""
    with closing(sqlite3.connect(tmp_path / "state" / "lock.db", isolation_level=None)) as raw:
        for statement in statements:
            assert raw.execute(statement).rowcount != 0, statement
    return Site(tmp_path / "state", site.clock)


def opened_by_any(site: Site) -> int:
    """How often the strike moves when everybody tries, without a cloud, once there are guesses again."""
    site.type("999999#")
    site.wait(20_000)
    for digits in CODES.values():
        site.type(f"{digits}#")
        site.wait(20)
    return site.strike.releases


def faults(site: Site) -> list[str]:
    return [row["detail"]["what"] for row in site.journal("fault")]


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM code_use",
        "DELETE FROM revocation",
        "DELETE FROM operating_mode",
        "DELETE FROM throttle",
        "UPDATE throttle SET tokens = 5, failures = 0",
        "UPDATE lock SET applied_rev = 0",
        "UPDATE lock SET highest_rev = 0",
        "UPDATE lock SET set_epoch = 2",
        "UPDATE lock SET floor_s = 0",
        "UPDATE lock SET anchor_wall_s = anchor_wall_s - 86400",
        "DELETE FROM access_code",
        "UPDATE access_code SET from_rev = 0",
        "DELETE FROM journal WHERE seq = (SELECT max(seq) FROM journal)",
    ],
)
def test_a_change_of_what_decides_is_found_reported_and_opens_for_nobody(
    site: Site, tmp_path: Path, statement: str
) -> None:
    again = after(site, tmp_path, statement)
    assert faults(again) == ["database_set_aside"]
    assert opened_by_any(again) == 0
    assert again.reasons() == ["throttled", *["unknown_code"] * 3]
    again.close()
    assert (tmp_path / "state" / "lock.db.set-aside-1").exists()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE access_code SET definition = replace(definition, 'standard', 'passage')",
        "UPDATE access_code SET tag = (SELECT tag FROM access_code LIMIT 1)",
        "UPDATE code_use SET uses = 0",
    ],
)
def test_a_change_of_codes_that_carry_a_mac_costs_those_codes_alone(
    site: Site, tmp_path: Path, statement: str
) -> None:
    again = after(site, tmp_path, f"{statement} WHERE access_code_id = '{BEN}'")
    states = {
        state.error.value: each for each, state in again.controller.codes.holding.states() if state.error
    }
    assert (states, faults(again)) == ({"mac_failed": BEN}, ["codes_changed_from_outside"])
    assert again.journal("fault")[0]["detail"]["access_code_ids"] == [BEN]
    again.connect()
    again.command("mode", mode="normal")
    again.wait(3600)
    again.type(f"{CODES['anna']}#")
    assert again.strike.releases == 1
    again.close()


def test_a_row_that_was_genuine_once_does_not_come_back(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    door = Site(tmp_path / "state")
    door.connect()
    door.install(code_row(ANNA, CODES["anna"]))
    door.close()
    shutil.copy(tmp_path / "state" / "lock.db", tmp_path / "before.db")
    door = Site(tmp_path / "state", door.clock)
    door.connect()
    door.install()
    door.close()
    again = after(
        door,
        tmp_path,
        f"ATTACH '{tmp_path}/before.db' AS before",
        "INSERT INTO access_code SELECT * FROM before.access_code",
    )
    assert (faults(again), opened_by_any(again)) == (["database_set_aside"], 0)
    again.close()


def test_what_nobody_touched_goes_on_as_it_was(site: Site) -> None:
    state_dir = Path(site.store.database.path).parent
    again = Site(state_dir, site.clock)
    assert (faults(again), again.controller.commands.mode.value) == ([], "vacation")
    again.close()


def test_with_the_cloud_a_lock_that_began_anew_is_whole_again(site: Site, tmp_path: Path) -> None:
    again = after(site, tmp_path, "DELETE FROM revocation")
    again.connect()
    again.wait(3600)
    again.install(code_row(ANNA, CODES["anna"]))
    again.type(f"{CODES['anna']}#")
    assert again.strike.releases == 1
    again.close()
