"""lock-sim with two doors, as scripts and people find it."""

import json
import os
import re
import shutil
import signal
import stat
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.cli.client import Client
from tests.cli.conftest import FACTS, STATUS
from tests.cli.documented import DOCS
from tests.process.lock_sim import LockSim, lock_sim, processes_of, running
from tests.waiting import wait_for

pytestmark = [pytest.mark.process, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def sim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LockSim]:
    with running(tmp_path_factory.mktemp("sim") / "site") as one:
        yield one


def ask_cloud(sim: LockSim, path: str, body: dict[str, Any] | None = None) -> Any:
    cloud = sim.ready["device_cloud"]
    headers = {"Authorization": f"Bearer {cloud['token']}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(cloud["base_url"] + path, data, headers)) as answer:
        return json.load(answer)


def create_code(sim: LockSim, door: int, digits: str) -> None:
    """Create a code and wait until the lock holds it."""
    lock = sim.ready["doors"][door - 1]["device_id"]
    created = ask_cloud(sim, f"/locks/{lock}/access_codes", {"name": "Visitor", "code": digits})
    path = f"/access_codes/{created['access_code_id']}"
    wait_for(lambda: ask_cloud(sim, path)["state"] == "set", 20, "the lock to hold the code")


def test_the_ready_file_has_the_keys_scripts_rely_on(sim: LockSim) -> None:
    assert set(sim.ready) == {"device_cloud", "seam_api", "mqtt", "panel", "doors"}
    assert set(sim.ready["seam_api"]) == {"base_url", "api_key"}
    assert sim.ready["mqtt"]["url"].startswith("mqtts://")
    assert [set(door) for door in sim.ready["doors"]] == [
        {"device_id", "board", "control_socket", "state_dir"}
    ] * 2


def test_the_page_shows_the_ready_file_as_it_is(sim: LockSim) -> None:
    page = (DOCS / "simulator.md").read_text()
    shown = json.loads(page.partition("```json\n")[2].partition("```")[0])
    assert {key: set(value) for key, value in shown.items() if key != "doors"} == {
        key: set(value) for key, value in sim.ready.items() if key != "doors"
    }
    assert set(shown["doors"][0]) == set(sim.ready["doors"][0])


def test_the_ready_file_is_private_since_it_holds_the_token(sim: LockSim) -> None:
    assert stat.S_IMODE(sim.ready_file.stat().st_mode) == 0o600


def test_when_the_ready_file_is_there_everything_answers(sim: LockSim) -> None:
    for door in sim.ready["doors"]:
        lock = ask_cloud(sim, f"/locks/{door['device_id']}")
        assert (lock["online"], lock["clock"], lock["strike"]) == (True, "trusted", "locked")


def test_each_door_is_a_lock_of_its_own(sim: LockSim) -> None:
    create_code(sim, 1, "246810")
    sim.verb("type", "2", "246810#")
    denied = wait_for(lambda: "unknown code" in sim.lockctl(2, "journal").stdout)
    assert denied
    assert sim.strike(2)["releases"] == 0


@pytest.mark.skipif(shutil.which("curl") is None, reason="the printed lines use curl")
def test_the_printed_lines_do_what_is_printed_above_them(sim: LockSim) -> None:
    printed = sim.state_dir.with_suffix(".out").read_text()
    prepare = printed.partition("first:\n")[2].partition("\n")[0]
    steps = [step.splitlines() for step in re.split(r"^\d\. ", printed, flags=re.MULTILINE)[1:]]
    typed = [[line for line in step if line.startswith("  ")] for step in steps]

    def shell(*lines: str) -> str:
        script = "\n".join(("set -e", prepare, *lines))
        done = subprocess.run(["sh", "-c", script], check=True, capture_output=True, text=True, timeout=60)
        return done.stdout

    def opened(times: int) -> None:
        journal = ("journal", "--limit", "100")
        wait_for(lambda: sim.lockctl(1, *journal).stdout.count("access granted") == times, 20, f"{times}")

    def holds(answer: str) -> None:
        wait_for(lambda: json.loads(answer)["access_code_id"] in sim.lockctl(1, "codes").stdout, 20)

    watch, create, walk, look, program, schedule, offline, cut = typed
    assert watch == ["  lockctl watch"]
    shown = [line for step in steps for line in step if "--state-dir" not in line]
    assert max(len(f"1. {line}") if not line.startswith(" ") else len(line) for line in shown) <= 80
    holds(shell(*create))
    shell(*walk)
    opened(1)
    wait_for(lambda: "lock.unlocked" in shell(*look))
    holds(shell(*program[:2]))
    shell(program[2])
    wait_for(lambda: "unmanaged" in sim.lockctl(1, "codes").stdout, 20)
    shell(program[3])
    opened(2)
    *put, mode, take_back = schedule
    shell(*put)
    wait_for(lambda: "passage" in shell(mode), 20)
    shell(take_back)
    wait_for(lambda: "normal" in shell(mode), 20)
    issued = json.loads(shell(*offline[:2]))
    shell(offline[2].replace("DIGITS", issued["code"]))
    opened(3)
    shell(*cut[:2])
    wait_for(lambda: "not connected" in sim.lockctl(1, "status").stdout, 20)
    shell(cut[2])
    opened(4)
    shell(*cut[3:])
    wait_for(lambda: "uplink    connected" in sim.lockctl(1, "status").stdout, 20)


def test_the_file_for_the_shell_is_private_since_it_holds_the_token(sim: LockSim) -> None:
    assert stat.S_IMODE((sim.state_dir / "env.sh").stat().st_mode) == 0o600


def test_the_small_verbs_move_the_door(sim: LockSim) -> None:
    assert sim.verb("door", "2", "open").returncode == 0
    wait_for(lambda: "door open" in re.sub(" +", " ", sim.lockctl(2, "status").stdout))
    assert sim.verb("door", "2", "close").returncode == 0
    wait_for(lambda: "door closed" in re.sub(" +", " ", sim.lockctl(2, "status").stdout))


def test_lockctl_never_shows_the_digits_of_a_code(sim: LockSim) -> None:
    create_code(sim, 1, "135792")
    shown = [sim.lockctl(1, verb, "--json").stdout for verb in ("codes", "journal", "status", "doctor")]
    assert all(shown)
    assert not any("135792" in text for text in shown)


def test_the_agent_answers_with_the_documented_keys(sim: LockSim) -> None:
    with Client(Path(sim.ready["doors"][0]["control_socket"])) as client:
        assert client.ask("status").keys() == STATUS.keys()
        facts = client.ask("facts")
    assert facts.keys() == FACTS.keys()
    documented = (DOCS / "lockctl.md").read_text()
    assert [key for key in facts if key not in documented] == []


def test_doctor_finds_a_simulated_lock_in_order(sim: LockSim) -> None:
    result = sim.lockctl(1, "doctor", "--json")
    levels = {one["name"]: one["level"] for one in json.loads(result.stdout)["findings"]}
    assert {name for name, level in levels.items() if level == "fail"} == set()
    assert result.returncode == 0


def test_a_second_lock_sim_on_the_same_state_is_refused(sim: LockSim) -> None:
    second = lock_sim("--state-dir", str(sim.state_dir))
    assert second.returncode == 1
    assert "a lock-sim runs on" in second.stderr


def test_a_door_that_does_not_exist_is_named(sim: LockSim) -> None:
    result = sim.verb("type", "9", "1#")
    assert (result.returncode, "there is no door 9: this site has doors 1 to 2" in result.stderr) == (1, True)


def test_keys_that_no_keypad_has_are_refused(sim: LockSim) -> None:
    result = sim.verb("type", "1", "12x4#")
    assert (result.returncode, "keys that no keypad has" in result.stderr) == (2, True)


def test_ctrl_c_leaves_no_process_and_no_stray_file_and_codes_survive(tmp_path: Path) -> None:
    site = tmp_path / "site"
    with running(site, "--doors", "1") as sim:
        create_code(sim, 1, "864209")
        before = sim.ready["doors"][0]["device_id"]
        assert sim.stop() == 0
        assert processes_of(site) == []
        stray = [path for path in site.rglob("*") if path.is_symlink() or path.is_socket()]
        assert (stray, sim.ready_file.exists(), (site / "running.json").exists()) == ([], False, False)
        assert not (site / "env.sh").exists()
    with running(site, "--doors", "1") as sim:
        assert sim.ready["doors"][0]["device_id"] == before
        sim.verb("type", "1", "864209#")
        wait_for(lambda: sim.strike(1)["releases"] == 1)
        assert sim.stop(signal.SIGTERM) == 0


def test_a_lock_sim_killed_with_9_takes_everything_with_it_and_starts_again(tmp_path: Path) -> None:
    with running(tmp_path / "site", "--doors", "1") as sim:
        assert len(processes_of(sim.state_dir)) > 1
        sim.stop(signal.SIGKILL)
        wait_for(lambda: not processes_of(sim.state_dir), 20)
    with running(tmp_path / "site", "--doors", "1") as sim:
        assert sim.stop() == 0


def test_an_agent_that_dies_ends_the_site_with_the_end_of_its_log(tmp_path: Path) -> None:
    with running(tmp_path / "site", "--doors", "1") as sim:
        os.kill(processes_of(sim.state_dir, "daemon run")[0], signal.SIGKILL)
        assert sim.process.wait(30) == 1
        assert "agent-1 ended by SIGKILL" in sim.state_dir.with_suffix(".out").read_text()
        assert processes_of(sim.state_dir) == []
