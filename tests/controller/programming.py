"""A door with a programming code, for the tests of codes made and removed at the door."""

from pathlib import Path
from typing import Any

from agent.core.throttle import LengthClass
from firmware_sim.site import Site, code_row
from tests.controller.conftest import ANNA

CHIEF = "cccccccc-cccc-4ccc-8ccc-cccccccccccc"
BEN = "22222222-2222-4222-8222-222222222222"
ROWS = [code_row(ANNA, "493817"), code_row(CHIEF, "246802", kind="programming")]
PROGRAM = "246802#"
NEW = "135790"


def programmed(state_dir: Path, *rows: dict[str, Any], **settings: Any) -> Site:
    """A door with Anna's code, a programming code and `rows`."""
    site = Site(state_dir, **settings)
    site.connect()
    site.install(*ROWS, *rows)
    return site


def add(site: Site, digits: str = NEW) -> str | None:
    """Make a code at the keypad; its id, None if it was refused."""
    before = len(site.journal("code_added_at_door"))
    site.type(f"{PROGRAM}1{digits}#{digits}#")
    made = details(site, "code_added_at_door")[before:]
    return str(made[0]["access_code_id"]) if made else None


def remove(site: Site, digits: str) -> bool:
    """Remove a code at the keypad; whether that was done."""
    before = len(site.journal("code_removed_at_door"))
    site.type(f"{PROGRAM}2{digits}#")
    return len(site.journal("code_removed_at_door")) > before


def details(site: Site, kind: str) -> list[dict[str, Any]]:
    """The details of the journal rows of a kind."""
    return [row["detail"] for row in site.journal(kind)]


def opens(site: Site, digits: str) -> bool:
    """Whether a code opens the door now."""
    before = site.strike.releases
    site.type(f"{digits}#")
    return site.strike.releases > before


def guesses(site: Site) -> float:
    """How many guesses at short codes are left, on the disk."""
    return site.store.budgets(0.0)[LengthClass.SHORT].tokens
