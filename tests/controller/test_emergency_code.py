"""One code for one opening, when the table is lost and the network gone; and not a second one."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path

import pytest

from agent.command_side import Permissions
from agent.core.throttle import LengthClass
from agent.emergency_code import DIGITS, FILE_NAME, EmergencyCode, make_emergency_code
from agent.errors import StorageFault
from agent.secrets import SecretFault, create_root_secret_file
from agent.state_dir import StateDirLock
from firmware_sim.site import EMERGENCY_KEY, Site, code_row
from firmware_sim.virtual_parts import VirtualClock
from tests.controller.conftest import ANNA


def started(state_dir: Path, clock: VirtualClock | None = None) -> Site:
    return Site(state_dir, clock, emergency=True, permissions=Permissions(local=frozenset({"mode"})))


@pytest.fixture
def digits(tmp_path: Path) -> str:
    """Made while the lock was being set up."""
    return make_emergency_code(tmp_path / FILE_NAME, EMERGENCY_KEY, again=False)


@pytest.fixture
def site(tmp_path: Path, digits: str) -> Iterator[Site]:
    """A lock that has just lost everything: no code, no time, no cloud."""
    assert digits
    door = started(tmp_path)
    yield door
    door.close()


def test_it_opens_once_without_codes_time_and_cloud_and_the_journal_says_so(site: Site, digits: str) -> None:
    site.type(f"{digits}#")
    site.wait(20)
    site.type(f"{digits}#")
    (row,) = site.journal("access_granted")
    assert (site.strike.releases, row["detail"]["method"]) == (1, "emergency_code")
    assert site.reasons() == ["clock_unknown"]
    assert site.controller.emergency.state() == "none"


def test_it_gives_its_own_guess_back(site: Site, digits: str) -> None:
    site.type("1234567890#")
    site.type(f"{digits}#")
    assert site.controller.guesses.budgets[LengthClass.LONG].tokens == pytest.approx(4.0, abs=0.01)


def test_it_opens_where_the_database_was_set_aside_once_a_guess_is_earned(
    tmp_path: Path, site: Site, digits: str
) -> None:
    site.close()
    (tmp_path / "lock.db").write_bytes(b"the card is worn out" * 500)
    again = started(tmp_path, site.clock)
    again.type(f"{digits}#")
    again.wait(3700.0)
    again.type(f"{digits}#")
    assert (again.reasons(), again.strike.releases) == (["throttled"], 1)
    again.close()


def test_guesses_at_it_are_counted_before_it_is_looked_at(site: Site, digits: str) -> None:
    for number in range(5):
        site.type(f"{number:010d}#")
    site.type(f"{digits}#")
    assert (site.reasons()[-1], site.strike.releases) == ("throttled", 0)


def test_it_is_off_by_default(tmp_path: Path, digits: str) -> None:
    door = Site(tmp_path)
    door.type(f"{digits}#")
    assert (door.strike.releases, door.controller.emergency.state()) == (0, "off")
    door.close()


def test_a_lockdown_stands_above_it_and_does_not_use_it_up(site: Site, digits: str) -> None:
    site.connect()
    site.command("mode", mode="lockdown")
    site.type(f"{digits}#")
    assert (site.reasons(), site.strike.releases) == (["blocked_by_mode"], 0)
    site.command("mode", mode="normal")
    site.type(f"{digits}#")
    assert site.strike.releases == 1


def test_codes_go_on_beside_it(site: Site, digits: str) -> None:
    site.connect()
    site.install(code_row(ANNA, "493817"))
    for each in ("493817", digits, "493817"):
        site.type(f"{each}#")
        site.wait(20)
    assert site.strike.releases == 3


# --- whoever has the card -----------------------------------------------------------------------------


def test_its_file_put_back_after_its_use_opens_nothing(tmp_path: Path, site: Site, digits: str) -> None:
    shutil.copy(tmp_path / FILE_NAME, tmp_path / "before")
    site.type(f"{digits}#")
    shutil.copy(tmp_path / "before", tmp_path / FILE_NAME)
    site.wait(20)
    site.type(f"{digits}#")
    assert site.strike.releases == 1


def test_a_database_lost_after_its_use_does_not_bring_it_back(
    tmp_path: Path, site: Site, digits: str
) -> None:
    site.type(f"{digits}#")
    site.close()
    (tmp_path / "lock.db").unlink()
    again = started(tmp_path, site.clock)
    again.type(f"{digits}#")
    assert again.strike.releases == 0
    again.close()


CHANGES: list[Callable[[dict[str, str]], object]] = [
    lambda kept: kept.update(id="00000000-0000-4000-8000-000000000000"),
    lambda kept: kept.update(salt="00" * 16),
    lambda kept: kept.update(tag="00" * 32),
    lambda kept: kept.update(mac="00" * 16),
    lambda kept: kept.update(mac="no hex"),
    lambda kept: kept.pop("tag"),
    lambda kept: kept.clear(),
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_changed_by_hand_opens_nothing_and_doctor_says_so(
    tmp_path: Path, site: Site, digits: str, change: Callable[[dict[str, str]], object]
) -> None:
    kept = json.loads((tmp_path / FILE_NAME).read_text())
    change(kept)
    (tmp_path / FILE_NAME).write_text(json.dumps(kept))
    site.type(f"{digits}#")
    assert (site.strike.releases, site.controller.emergency.state()) == (0, "changed")


def test_the_file_of_another_lock_opens_nothing(tmp_path: Path, site: Site) -> None:
    other = make_emergency_code(tmp_path / FILE_NAME, b"o" * 32, again=True)
    site.type(f"{other}#")
    assert site.strike.releases == 0


def test_what_cannot_be_used_up_opens_nothing(tmp_path: Path, digits: str) -> None:
    code = EmergencyCode(tmp_path / FILE_NAME, EMERGENCY_KEY, lambda _id, _gen: None, enabled=True)
    assert code.look(digits) is None, "its history cannot be read"
    (tmp_path / FILE_NAME).unlink()
    with pytest.raises(StorageFault, match="emergency code"):
        code.burn()


def test_its_digits_are_kept_nowhere_and_only_its_owner_reads_the_file(tmp_path: Path, digits: str) -> None:
    content = (tmp_path / FILE_NAME).read_bytes()
    assert digits.encode() not in content
    assert (len(digits), (tmp_path / FILE_NAME).stat().st_mode & 0o777) == (DIGITS, 0o600)


def test_one_that_is_there_is_replaced_only_when_that_is_asked_for(tmp_path: Path, digits: str) -> None:
    with pytest.raises(SecretFault, match="--again"):
        make_emergency_code(tmp_path / FILE_NAME, EMERGENCY_KEY, again=False)
    other = make_emergency_code(tmp_path / FILE_NAME, EMERGENCY_KEY, again=True)
    door = started(tmp_path)
    door.type(f"{digits}#")
    door.type(f"{other}#")
    assert door.strike.releases == 1
    door.close()


def test_it_is_made_of_the_keys_that_the_keypad_has(tmp_path: Path) -> None:
    made = {make_emergency_code(tmp_path / FILE_NAME, EMERGENCY_KEY, again=True, keys="17") for _ in range(5)}
    assert set("".join(made)) == {"1", "7"}


def test_the_command_shows_it_once_and_refuses_while_the_agent_runs(tmp_path: Path) -> None:
    create_root_secret_file(tmp_path / "root-secret")
    config = tmp_path / "lock-agent.toml"
    text = (resources.files("agent") / "example.toml").read_text()
    text = text.replace("/var/lib/lock-agent", str(tmp_path / "state"))
    config.write_text(text.replace("/etc/lock-agent/root-secret", str(tmp_path / "root-secret")))
    command = [sys.executable, "-m", "agent.cli.daemon", "emergency-code", "--config", str(config)]

    def run(*more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*command, *more], capture_output=True, text=True, check=False)

    first = run()
    assert (first.returncode, len(first.stdout.strip()), "[emergency]" in first.stderr) == (0, DIGITS, True)
    assert (run().returncode, run("--again").returncode) == (78, 0)
    lock = StateDirLock(tmp_path / "state")
    busy = run("--again")
    lock.release()
    assert (busy.returncode, "running lock-agent" in busy.stderr) == (78, True)
