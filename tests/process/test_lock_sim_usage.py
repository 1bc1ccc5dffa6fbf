"""lock-sim used wrongly: a clear word, the right exit status, nothing started."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.process.lock_sim import lock_sim

pytestmark = pytest.mark.process


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["--doors", "0"], "0 is not in the range"),
        (["--doors", "many"], "not a valid integer"),
        (["--broker", "carrier-pigeon"], "is not builtin, mosquitto or an mqtts:// URL"),
        (["--broker", "mqtts://nowhere"], "needs a host and a port"),
        (["--broker", "mqtts://nowhere:port"], "needs a host and a port"),
        (["demo", "--broker", "mqtts://elsewhere:8883"], "is not one of 'builtin', 'mosquitto'"),
        (["--http-port", "70000"], "70000 is not in the range"),
        (["--sing"], "No such option"),
        (["sing"], "No such command"),
        (["door", "1", "ajar"], "'ajar' is not one of"),
        (["type", "0", "1#"], "0 is not in the range"),
        (["do", "1", "dance"], "'dance' is not one of"),
        (["do", "1", "jam", "jammed"], "'jammed' is not of the form FIELD=VALUE"),
        (["do", "1", "jam", "jammed=perhaps"], "jam: Expected `bool`"),
        (["do", "1", "jam", "stuck=true"], "jam: Object contains unknown field `stuck`"),
        (["do", "1", "hold", "keys=12x"], "hold: Expected `str` matching regex"),
    ],
)
def test_wrong_arguments_are_named(args: list[str], complaint: str) -> None:
    result = lock_sim(*args)
    assert (result.returncode, result.stdout) == (2, "")
    assert complaint in result.stderr


def test_a_verb_without_a_running_site_says_so(tmp_path: Path) -> None:
    result = lock_sim("state", "--state-dir", str(tmp_path), "1")
    assert (result.returncode, "no lock-sim runs on" in result.stderr) == (1, True)


def test_a_state_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = lock_sim("--state-dir", str(tmp_path / "file" / "site"))
    assert (result.returncode, "--state-dir" in result.stderr) == (1, True)


def test_a_broker_other_than_the_one_the_locks_know_is_refused(tmp_path: Path) -> None:
    (tmp_path / "site.json").write_text(
        f'{{"root": "{tmp_path}", "mqtt_url": "mqtts://127.0.0.1:1", "is_own_broker": true}}'
    )
    result = lock_sim("--state-dir", str(tmp_path), "--broker", "mqtts://elsewhere:8883")
    assert result.returncode == 1
    assert "enrolled for the broker mqtts://127.0.0.1:1" in result.stderr


def test_a_ready_file_in_a_directory_that_does_not_exist_is_refused_before_anything_starts(
    tmp_path: Path,
) -> None:
    ready_file = tmp_path / "missing" / "ready.json"
    result = lock_sim("--state-dir", str(tmp_path / "site"), "--ready-file", str(ready_file))
    assert (result.returncode, f"there is no directory {ready_file.parent}" in result.stderr) == (1, True)
    assert not (tmp_path / "site").exists()


def test_without_the_libraries_of_the_simulator_it_says_how_to_get_them() -> None:
    hide = "import sys; sys.modules['uvicorn'] = None"
    source = f"{hide}; from firmware_sim.command import main; main()"
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=False)
    assert (done.returncode, "pip install '.[sim]'" in done.stderr) == (1, True)
    assert "Traceback" not in done.stderr
