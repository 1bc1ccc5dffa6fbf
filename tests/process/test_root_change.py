"""The root secret of a lock of real processes is replaced while people type and its cloud goes on."""

import subprocess
from pathlib import Path

import pytest

from agent.enrolment import load_enrolment
from agent.secrets import RootSecret, SecretFault, SecretSource, load_root_secret
from tests.process.doors import AGENT, Door
from tests.process.test_wipe import files, wipe
from tests.waiting import wait_for

pytestmark = pytest.mark.process


def rotate(door: Door, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*AGENT, "rotate-root", *arguments, "--config", str(door.files.config)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def root(door: Door) -> RootSecret:
    return load_root_secret(SecretSource(file=door.files.root_secret))


def coming(door: Door) -> Path:
    return door.files.root_secret.with_name(f"{door.files.root_secret.name}.next")


def test_traffic_goes_on_while_it_is_replaced_and_the_agent_is_killed_meanwhile(door: Door) -> None:
    door.start()
    first = root(door)
    codes = door.new_codes(3)
    once = door.new_codes(1, is_one_time_use=True)[0]
    assert door.opens(once.digits)
    for how_it_ends in (door.stop, door.kill, door.stop):
        codes += door.new_codes(2, wait=False)
        door.type(codes[0].digits)
        assert rotate(door).returncode == 0
        codes += door.new_codes(2, wait=False)
        door.type("#")
        how_it_ends()
        codes += door.new_codes(2, wait=False)
        door.start()
    door.new_codes(1)
    changes = [row["detail"] for row in door.rows() if row["kind"] == "root_secret_changed"]
    assert len(changes) == 3
    assert sorted(path.name for path in door.files.root.glob("root-secret*")) == ["root-secret"]
    door.stop()
    door.refill()
    door.start()
    assert [each.digits for each in codes[:4] + codes[-2:] if not door.opens(each.digits)] == []
    assert not door.opens(once.digits)
    wait_for(lambda: told(door) == 3, what="the cloud to hear of it")
    with pytest.raises(SecretFault):
        load_enrolment(door.files.state, first)


def told(door: Door) -> int:
    return sum(event["event_type"] == "lock.root_secret_changed" for event in door.events())


def test_the_command_says_what_to_do_next_and_does_it_once(door: Door) -> None:
    door.start()
    made = rotate(door)
    assert (made.returncode, "restart the agent" in made.stdout) == (0, True)
    assert coming(door).stat().st_mode & 0o777 == 0o400
    assert door.ask("facts")["root_secret_stage"] == "unused"
    again = rotate(door)
    assert (again.returncode, "is not replaced" in again.stderr) == (78, True)
    early = rotate(door, "--finish")
    assert (early.returncode, "restart the agent first" in early.stderr) == (78, True)
    door.stop()
    door.start()
    assert door.ask("facts")["root_secret_stage"] == "none"
    done = rotate(door, "--finish")
    assert (done.returncode, done.stdout) == (0, "there is nothing to finish\n")


def test_an_emergency_code_made_before_the_restart_opens_after_it(door: Door) -> None:
    config = door.files.config
    config.write_text(config.read_text() + "\n[emergency]\nenabled = true\n")
    door.start()
    door.stop()
    assert rotate(door).returncode == 0
    command = [*AGENT, "emergency-code", "--config", str(config)]
    made = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    door.start()
    assert not coming(door).exists()
    assert door.opens(made.stdout.strip())


@pytest.mark.parametrize("is_moved", [False, True])
def test_a_lock_is_wiped_in_the_middle_of_it(door: Door, is_moved: bool) -> None:
    door.start()
    door.stop()
    assert rotate(door).returncode == 0
    new = coming(door).read_bytes()
    if is_moved:
        old = door.files.root_secret.read_bytes()
        door.start()
        door.stop()
        coming(door).write_bytes(door.files.root_secret.read_bytes())  # as where the agent may not rename
        coming(door).chmod(0o400)
        door.files.root_secret.chmod(0o600)
        door.files.root_secret.write_bytes(old)
    done = wipe(door, door.device_id)
    assert (done.returncode, done.stdout, files(door)) == (0, "wiped\n", [])
    left = b"".join(path.read_bytes() for path in door.files.root.rglob("*") if path.is_file())
    assert new.strip() not in left
    assert not coming(door).exists()
