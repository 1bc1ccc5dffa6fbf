"""docs/device-cloud.md tells of every path, every verb and every failure, and its examples run."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from starlette.endpoints import HTTPEndpoint
from starlette.routing import BaseRoute, Mount, Route

from cloud_sim.authority import load
from cloud_sim.database import Database
from cloud_sim.device_cloud_api import Cloud, device_cloud
from cloud_sim.downlink import Downlink
from cloud_sim.enrolments import Enroller
from cloud_sim.state_directory import StateDirectory
from tests.cloud.site import NOWHERE, Api

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "device-cloud.md").read_text()
EXAMPLES = [line for block in re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL) for line in block.splitlines()]


def calls(routes: list[BaseRoute], prefix: str = "") -> set[str]:
    """`GET /path` for every verb of every route."""
    found: set[str] = set()
    for route in routes:
        if isinstance(route, Mount):
            found |= calls(list(route.routes), prefix + route.path)
        elif isinstance(route, Route) and issubclass(route.endpoint, HTTPEndpoint):  # type: ignore[arg-type]  # classes only
            path = prefix + route.path.replace("{", "<").replace(":path}", "}").replace("}", ">")
            verbs = [
                verb for verb in ("get", "post", "delete", "put", "patch") if hasattr(route.endpoint, verb)
            ]
            found |= {f"{verb.upper()} {path}" for verb in verbs}
    return found


def test_every_call_is_documented(database: Database, state: StateDirectory) -> None:
    keys = load(state)
    downlink = Downlink(database, keys.keyring, lambda *_, **__: None, lambda: 0.0, lambda *_: None)
    enroller = Enroller(database, keys, "", NOWHERE)
    app = device_cloud(Cloud(database, downlink, enroller, lambda: False, lambda: 0.0, "token"))
    found = calls(app.routes)
    assert len(found) >= 20
    assert {call for call in found if f"`{call}`" not in GUIDE and f"`{call}?" not in GUIDE} == set()


def test_every_failure_is_documented() -> None:
    sources = [path.read_text() for path in (ROOT / "cloud_sim").glob("api_*.py")]
    sources.append((ROOT / "cloud_sim" / "device_cloud_api.py").read_text())
    codes = set(re.findall(r'ApiError\(\s*(?:\d+|error\.status_code), "([A-Z_]+)"', "\n".join(sources)))
    table = set(re.findall(r"^\| \d+ \| `([A-Z_]+)`", GUIDE, re.MULTILINE))
    assert codes == table


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_examples_run_as_they_stand(api: Api, lock_id: str) -> None:
    code = api.post(f"/locks/{lock_id}/access_codes").body["access_code_id"]
    given = {"BASE": api.base_url, "TOKEN": api.token or "", "LOCK_ID": lock_id, "ACCESS_CODE_ID": code}
    assert len(EXAMPLES) >= 12
    for example in EXAMPLES:
        done = subprocess.run(
            ["bash", "-c", example], env=os.environ | given, capture_output=True, check=False, timeout=30
        )
        assert done.returncode == 0, (example, done.stderr)
