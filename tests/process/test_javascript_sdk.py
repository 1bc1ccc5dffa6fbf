"""Three generations of the real JavaScript SDK drive every operation at the doors of a lock-sim.

What docs/integrate.md shows of both SDKs runs here too, in the order of the page."""

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from seam.seam import Seam

from tests.cloud.site import Api
from tests.docs.pages import code_blocks, page
from tests.process.lock_sim import LockSim, running
from tests.waiting import wait_for

pytestmark = [pytest.mark.process, pytest.mark.timeout(180)]

STORY = Path(__file__).parents[1] / "javascript" / "story.mjs"
STEPS = re.findall(r"^  async '?([^'(]+?)'?\(\)", STORY.read_text(), re.MULTILINE)
PACKAGES = Path(sys.prefix) / "javascript"
"""Where `make test-tools` installs what tests/javascript/package-lock.json names."""
OLDEST_NODE = 20
BLOCKS = [block.partition("\n") for block in code_blocks(page("integrate.md"))]
JAVASCRIPT = next(text for language, _, text in BLOCKS if language == "js")
CREATES, CONVERTS, ISSUES, IS_TOLD, WAITS = (text for language, _, text in BLOCKS if language == "python")


@pytest.fixture(scope="module")
def sim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LockSim]:
    with running(tmp_path_factory.mktemp("javascript") / "site") as one:
        make_code(one, kind="programming", code="730184")  # so that codes can be made at its keypad
        yield one


def make_code(sim: LockSim, **fields: str) -> str:
    """A code that the first door holds; its id."""
    cloud, door = Api(**sim.ready["device_cloud"]), sim.ready["doors"][0]["device_id"]
    code = cloud.post(f"/locks/{door}/access_codes", **fields).body
    path = f"/access_codes/{code['access_code_id']}"
    wait_for(lambda: cloud.get(path).body["state"] == "set", 20, "the code at the lock")
    return str(code["access_code_id"])


@pytest.fixture(scope="module")
def node() -> str:
    """The program."""
    if _node_version() < OLDEST_NODE:
        pytest.skip(f"node {OLDEST_NODE} or newer is not installed (apt install nodejs npm)")
    if not (PACKAGES / ".installed").exists():
        pytest.skip("the JavaScript SDKs are not installed (make test-tools, with npm and a network)")
    return "node"


@pytest.mark.parametrize("generation", ["1-14", "1-102", "2-32"])
def test_a_generation_of_the_sdk_does_everything(node: str, sim: LockSim, generation: str) -> None:
    # Modules are looked for where the program is.
    program = shutil.copy(STORY, PACKAGES)
    seam = sim.ready["seam_api"]
    command = [node, program, f"seam-{generation}", seam["base_url"], seam["api_key"]]
    told = subprocess.run(command, capture_output=True, text=True, timeout=150, check=False)
    assert (told.stdout.splitlines(), told.returncode) == (STEPS, 0), told.stderr


def test_the_example_in_javascript_opens_a_door(node: str, sim: LockSim, tmp_path: Path) -> None:
    program = PACKAGES / f"{tmp_path.name}.mjs"
    program.write_text(JAVASCRIPT.replace("@seamapi/http", "seam-2-32"))
    try:
        assert example(sim, node, str(program)) == "success"
    finally:
        program.unlink()


def test_the_example_in_python_creates_a_code(sim: LockSim) -> None:
    assert example(sim, sys.executable, "-c", CREATES) == "set []"


def test_the_example_for_codes_made_at_the_door_makes_them_managed(sim: LockSim) -> None:
    seam = Seam(endpoint=sim.ready["seam_api"]["base_url"], api_key=sim.ready["seam_api"]["api_key"])
    door = sim.ready["doors"][0]["device_id"]
    seam.access_codes.simulate.create_unmanaged_access_code(device_id=door, name="Cleaner", code="135790")
    wait_for(lambda: seam.access_codes.unmanaged.list(device_id=door), 20, "the code made at the door")
    assert "135790 set" in example(sim, sys.executable, "-c", CONVERTS)
    wait_for(lambda: not seam.access_codes.unmanaged.list(device_id=door), 20, "no unmanaged code")


def test_the_example_for_offline_codes_issues_one_that_opens(sim: LockSim) -> None:
    digits, status = example(sim, sys.executable, "-c", ISSUES).split()
    assert status == "set"
    wait_for(lambda: not sim.strike(1)["released"], what="the end of what an example before this one did")
    before = sim.strike(1)["releases"]
    sim.verb("type", "1", f"{digits}#")
    wait_for(lambda: sim.strike(1)["releases"] == before + 1, what="the strike")
    wait_for(lambda: not sim.strike(1)["released"], what="the strike to lock again")


def test_the_example_of_a_webhook_prints_who_comes_in(sim: LockSim) -> None:
    access_code_id = make_code(sim, kind="standard", code="864202")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    program = [sys.executable, "-c", IS_TOLD.replace("8099", str(port))]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True, env=known_to(sim)) as receiver:
        try:
            wait_for(lambda: _listens(port), 20, "the receiver")
            sim.verb("type", "1", "864202#")
            assert receiver.stdout is not None
            assert receiver.stdout.readline() == f"lock.unlocked {access_code_id}\n"
        finally:
            receiver.kill()


def test_the_example_for_rate_limits_creates_its_codes(sim: LockSim) -> None:
    told = example(sim, sys.executable, "-c", WAITS)
    assert told == "Guest 0 setting\nGuest 1 setting\nGuest 2 setting"


def example(sim: LockSim, *command: str) -> str:
    """What it prints."""
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=known_to(sim))
    assert told.returncode == 0, told.stderr
    return told.stdout.strip()


def known_to(sim: LockSim) -> dict[str, str]:
    """The environment in which SDKs find the cloud."""
    seam = sim.ready["seam_api"]
    return {**os.environ, "SEAM_ENDPOINT": seam["base_url"], "SEAM_API_KEY": seam["api_key"]}


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def _node_version() -> int:
    """0 where there is none."""
    if shutil.which("node") is None:
        return 0
    said = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    return int(said.removeprefix("v").partition(".")[0])
