"""The disk refuses: nothing opens without a record, the keypad says so, and it passes."""

from pathlib import Path

import pytest

from tests.process.doors import Door
from tests.waiting import wait_for

pytestmark = pytest.mark.process

DEBIT, OUTCOME = 1, 2
"""The commits of an entry, in order."""


@pytest.mark.parametrize("commit", [DEBIT, OUTCOME])
def test_a_full_disk_opens_nothing_shows_a_fault_and_is_got_over(
    door: Door, tmp_path: Path, commit: int
) -> None:
    full = tmp_path / "full"
    door.start("disk-full-at-commit", f"{commit}:{full}")
    (courier,) = door.new_codes(1, is_one_time_use=True)
    door.stop()
    door.start("disk-full-at-commit", f"{commit}:{full}", network=False)
    full.touch()
    door.type(f"{courier.digits}#")
    wait_for(lambda: door.see()["indicator"] == "fault", what="the keypad to show a fault")
    assert (door.openings(), door.status()["strike"]) == (0, "locked")
    full.unlink()
    assert door.opens(courier.digits)
    wait_for(lambda: door.see()["indicator"] == "ready", what="the fault to be over")
    door.kill()
    assert (door.grants(courier), door.openings()) == (1, 1)


def test_a_full_disk_locks_nobody_in(door: Door, tmp_path: Path) -> None:
    full = tmp_path / "full"
    door.start("disk-full-at-commit", f"1:{full}", network=False)
    full.touch()
    door.tell_board("rex")
    wait_for(lambda: door.openings() == 1, what="the button inside to open")
