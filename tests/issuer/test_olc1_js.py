"""The JavaScript module issues the codes that the lock reads."""

import functools
import json
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from agent.core.offline_code import (
    EPOCH_S,
    LENGTHS,
    LONGEST_H,
    PHASES_S,
    IssuerKey,
    Meaning,
    OfflineFormat,
    OfflineKind,
    issue,
)

MODULE = Path(__file__).parents[2] / "issuer" / "js" / "olc1.js"
OLDEST_NODE = 20
ISSUE_EACH_LINE = """
import { importKey, issue } from "%s";
import { createInterface } from "node:readline";
for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  const key = await importKey(Buffer.from(asked.key, "hex"));
  console.log(await issue({ ...asked, key, start: new Date(asked.start) }));
}
"""


@functools.cache
def _node_version() -> int:
    if shutil.which("node") is None:
        return 0
    shown = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    return int(shown.removeprefix("v").partition(".")[0])


@pytest.fixture
def node() -> str:
    """The program."""
    if _node_version() < OLDEST_NODE:
        pytest.skip(f"node {OLDEST_NODE} or newer is not installed (apt install nodejs)")
    return "node"


def test_the_module_agrees_with_the_published_vectors_and_refuses_what_no_code_can_say(node: str) -> None:
    told = subprocess.run(
        [node, "--test", str(MODULE.parent)], capture_output=True, text=True, timeout=50, check=False
    )
    assert told.returncode == 0, told.stdout
    assert "# fail 0" in told.stdout


def test_the_module_issues_what_the_agent_issues_for_anything(node: str, tmp_path: Path) -> None:
    draw = random.Random(2026)
    asked, expected = [], []
    for _ in range(300):
        digits, phase_s = draw.choice(LENGTHS), draw.choice(PHASES_S)
        kid, issuer, key = draw.randrange(256), draw.randrange(256), draw.randbytes(32)
        kind = draw.choice(list(OfflineKind))
        most = {OfflineKind.TIMED: 4, OfflineKind.ONCE: 48, OfflineKind.CANCEL: 1}[kind]
        meaning = Meaning(kind, draw.randint(1, LONGEST_H), draw.randrange(most))
        start_s = EPOCH_S + phase_s + draw.randrange(255 * 24_000 * 3600)
        form = OfflineFormat(f"lock-{draw.random()}", digits, phase_s)
        expected.append(issue(form, IssuerKey(kid, issuer, key), start_s, meaning))
        asked.append(
            {
                "deviceId": form.device_id,
                "digits": digits,
                "phaseS": phase_s,
                "kid": kid,
                "issuer": issuer,
                "key": key.hex(),
                "kind": kind.value,
                "start": start_s * 1000,
                "hours": meaning.hours,
                "serial": meaning.serial,
            }
        )
    program = tmp_path / "issue-each-line.mjs"
    program.write_text(ISSUE_EACH_LINE % MODULE.as_uri())
    lines = "\n".join(json.dumps(one) for one in asked)
    told = subprocess.run(
        [node, str(program)], input=lines, capture_output=True, text=True, timeout=50, check=False
    )
    assert told.stdout.split() == expected, told.stderr
