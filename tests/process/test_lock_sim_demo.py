"""`lock-sim demo`: the whole visit on real parts, and a visible failure where something is missing."""

import json
import socket
from pathlib import Path

import pytest

from cloud_sim.mosquitto import find_mosquitto
from tests.process.lock_sim import lock_sim, processes_of

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
