"""Three generations of the real JavaScript SDK drive every operation at the doors of a lock-sim.

What docs/integrate.md shows of both SDKs runs here too."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

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
EXAMPLES = {block.partition("\n")[0]: block.partition("\n")[2] for block in code_blocks(page("integrate.md"))}


@pytest.fixture(scope="module")
def sim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LockSim]:
    with running(tmp_path_factory.mktemp("javascript") / "site") as one:
        make_programmable(one)
        yield one


def make_programmable(sim: LockSim) -> None:
    """Give the first door a programming code, so that codes can be made at its keypad."""
    cloud, door = Api(**sim.ready["device_cloud"]), sim.ready["doors"][0]["device_id"]
    code = cloud.post(f"/locks/{door}/access_codes", kind="programming", code="730184").body
    path = f"/access_codes/{code['access_code_id']}"
    wait_for(lambda: cloud.get(path).body["state"] == "set", 20, "the programming code")


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
    program.write_text(EXAMPLES["js"].replace("@seamapi/http", "seam-2-32"))
    try:
        assert example(sim, node, str(program)) == "success"
    finally:
        program.unlink()


def test_the_example_in_python_creates_a_code(sim: LockSim) -> None:
    assert example(sim, sys.executable, "-c", EXAMPLES["python"]) == "set []"


def example(sim: LockSim, *command: str) -> str:
    """What it prints."""
    seam = sim.ready["seam_api"]
    known = {**os.environ, "SEAM_ENDPOINT": seam["base_url"], "SEAM_API_KEY": seam["api_key"]}
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=known)
    assert told.returncode == 0, told.stderr
    return told.stdout.strip()


def _node_version() -> int:
    """0 where there is none."""
    if shutil.which("node") is None:
        return 0
    said = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    return int(said.removeprefix("v").partition(".")[0])
