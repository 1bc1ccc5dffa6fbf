"""`lock-sim demo`: the whole visit on real parts, and a visible failure where something is missing."""

import json
import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from cloud_sim.mosquitto import find_mosquitto
from tests.process.lock_sim import COMMAND, lock_sim, processes_of
from tests.waiting import wait_for

pytestmark = [pytest.mark.process, pytest.mark.timeout(180)]

NO_MOSQUITTO = pytest.mark.skipif(find_mosquitto() is None, reason="mosquitto is not installed")


@pytest.mark.parametrize("broker", ["builtin", pytest.param("mosquitto", marks=NO_MOSQUITTO)])
def test_the_demo_goes_as_told(tmp_path: Path, broker: str) -> None:
    site = tmp_path / "site"
    done = lock_sim("demo", "--state-dir", str(site), "--broker", broker, timeout_s=150)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.rstrip().endswith("All went as told.")
    assert processes_of(site) == []


def test_the_demo_fails_visibly_at_the_step_that_went_wrong(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"mqtts://127.0.0.1:{taken.getsockname()[1]}"
        record = {"root": str(tmp_path), "mqtt_url": url, "is_own_broker": True}
        (tmp_path / "site.json").write_text(json.dumps(record))
        done = lock_sim("demo", "--state-dir", str(tmp_path))
    assert done.returncode == 1
    assert "FAILED" in done.stdout.splitlines()[-1]
    assert "taken by another program" in done.stderr


def test_a_demo_that_is_interrupted_fails_and_leaves_nothing(tmp_path: Path) -> None:
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen([*COMMAND, "demo"], env=env, stdout=subprocess.PIPE) as demo:
        wait_for(lambda: processes_of(tmp_path, "cloud_sim serve"), 30)
        demo.send_signal(signal.SIGINT)
        assert demo.wait(30) == 128 + signal.SIGINT
    assert (processes_of(tmp_path), list(tmp_path.iterdir())) == ([], [])


def test_a_part_that_dies_during_the_demo_is_the_explanation(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*COMMAND, "demo", "--state-dir", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as demo:
        agent = wait_for(lambda: processes_of(tmp_path, "daemon run"), 60)[0]
        os.kill(agent, signal.SIGKILL)
        assert "agent-1 ended by SIGKILL" in demo.communicate(timeout=60)[1]
        assert demo.returncode == 1
