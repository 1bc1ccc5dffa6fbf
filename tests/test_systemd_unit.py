"""The unit that ships: systemd understands it, and it starts what exists, with nothing to wait for."""

import configparser
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from agent.cli.daemon import DEFAULT_CONFIG
from agent.config import Config

ROOT = Path(__file__).parents[1]
UNIT = ROOT / "systemd" / "lock-agent.service"
USERS = ROOT / "systemd" / "lock-agent.sysusers"
DROP_IN = ROOT / "systemd" / "lock-agent-gpio.conf"


@pytest.fixture
def unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=True, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # as configparser's own page does it
    parser.read_string(UNIT.read_text())
    return parser


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    installed, drop_in = tmp_path / UNIT.name, tmp_path / f"{UNIT.name}.d" / "gpio.conf"
    drop_in.parent.mkdir()
    for source, target in ((UNIT, installed), (DROP_IN, drop_in)):
        target.write_text(source.read_text().replace("/opt/lock-agent/bin/lock-agent", "/bin/true"))
    command = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(installed)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.skipif(shutil.which("systemd-sysusers") is None, reason="systemd-sysusers is not installed")
def test_systemd_accepts_the_users() -> None:
    command = ["systemd-sysusers", "--dry-run", str(USERS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_unit_runs_the_agent_with_the_configuration_the_agent_defaults_to(
    unit: configparser.ConfigParser,
) -> None:
    command = shlex.split(unit["Service"]["ExecStart"])
    assert command[1:] == ["run", "--config", str(DEFAULT_CONFIG)]


def test_the_directories_of_the_unit_are_the_ones_the_configuration_defaults_to(
    unit: configparser.ConfigParser,
) -> None:
    assert Path("/var/lib", unit["Service"]["StateDirectory"]) == Config().state_dir
    assert Path("/run", unit["Service"]["RuntimeDirectory"]) == Config().control_socket.parent


def test_a_door_that_fails_is_started_again_for_ever(unit: configparser.ConfigParser) -> None:
    service = unit["Service"]
    assert (service["Restart"], service["RestartSec"]) == ("always", "2")
    assert unit["Unit"]["StartLimitIntervalSec"] == "0"


def test_the_door_waits_for_no_network(unit: configparser.ConfigParser) -> None:
    assert set(unit["Unit"]) == {"Description", "StartLimitIntervalSec"}


def test_a_door_on_pins_is_locked_after_any_end_of_the_agent(unit: configparser.ConfigParser) -> None:
    unit.read_string(DROP_IN.read_text())
    command = shlex.split(unit["Service"]["ExecStopPost"])
    assert command == [
        *shlex.split(unit["Service"]["ExecStart"])[:1],
        "make-safe",
        "--config",
        str(DEFAULT_CONFIG),
    ]
