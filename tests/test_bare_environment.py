"""The agent runs where only the agent is installed, and its keypad waits for no library of the network."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLE = "agent/example.toml"
NOT_ON_A_DOOR = ("starlette", "uvicorn", "firmware_sim", "cloud_sim", "hypothesis", "pytest")
NOT_BEFORE_THE_KEYPAD = (
    "paho",
    "joserfc",
    "ssl",
    "gpiozero",
    "lgpio",
    "rich",
    "click",
    "uvicorn",
    "starlette",
)

pytestmark = pytest.mark.process


SOURCES = ("agent", "hal", "firmware_sim", "cloud_sim", "pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands of a virtual environment with the agent in it, and nothing that it does not ask for."""
    copy, environment = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("environment")
    for name in SOURCES:
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, copy / name)
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    install = [
        str(environment / "bin" / "pip"),
        "--disable-pip-version-check",
        "install",
        "--quiet",
        str(copy),
    ]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    if "NewConnectionError" in done.stderr or "name resolution" in done.stderr:
        pytest.skip("no package index can be reached")
    assert done.returncode == 0, done.stderr
    return environment / "bin"


def say(*command: Path | str) -> str:
    """What a program prints, far from the source."""
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.timeout(300)
def test_an_installation_without_extras_has_what_a_door_needs(installed: Path, tmp_path: Path) -> None:
    example = say(
        installed / "python", "-c", "import agent; print(agent.__path__[0] + '/example.toml')"
    ).strip()
    assert "8 devices on 2 readers" in say(installed / "lock-agent", "check", example)
    say(installed / "lock-agent", "new-root-secret", tmp_path / "root-secret")
    database = str(tmp_path / "lock.db")
    make = (
        "import pathlib; import agent.database; "
        f"agent.database.Database(pathlib.Path({database!r}), bytes(32))"
    )
    say(installed / "python", "-c", make)
    assert "doctor" in say(installed / "lockctl", "--help")


@pytest.mark.timeout(300)
def test_an_installation_without_extras_brings_no_simulator_libraries(installed: Path) -> None:
    listed = say(installed / "python", "-m", "pip", "list", "--format=freeze")
    names = {line.split("==")[0].lower() for line in listed.splitlines()}
    assert "lock-agent" in names
    assert names & {"starlette", "uvicorn", "hypothesis", "pytest"} == set()


def python(source: str) -> str:
    """What a fresh interpreter prints."""
    command = [sys.executable, "-c", source]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


BLOCK = f"""
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in {NOT_ON_A_DOOR}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Block())
"""


def test_an_agent_without_the_simulator_checks_a_configuration() -> None:
    said = python(f"{BLOCK}from agent.cli.daemon import main\nsys.exit(main(['check', {EXAMPLE!r}]))")
    assert "is fine: 8 devices on 2 readers" in said


def test_every_module_of_the_agent_and_of_hal_is_there_without_the_simulator() -> None:
    files = [path for package in ("agent", "hal") for path in (ROOT / package).rglob("*.py")]
    parts = [path.relative_to(ROOT).with_suffix("").parts for path in files]
    names = [".".join(part[:-1] if part[-1] == "__init__" else part) for part in parts]
    assert len(names) > 40
    python(f"{BLOCK}import importlib\nfor name in {names}: importlib.import_module(name)")


def test_the_keypad_waits_for_no_library_that_only_the_network_or_people_need() -> None:
    loaded = python("import sys, agent.assemble, agent.controller\nprint(*sys.modules)").split()
    early = {name.split(".")[0] for name in loaded} & set(NOT_BEFORE_THE_KEYPAD)
    assert early == set()
