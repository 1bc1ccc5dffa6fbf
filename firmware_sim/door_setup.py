"""Prepares one door: its keys, the configuration of its agent and its board, its enrolment."""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Sequence

from agent.core.constraints import CODE_LENGTHS
from agent.enrolment import DIRECTORY
from agent.secrets import create_root_secret_file
from firmware_sim.cloud_client import CloudClient
from firmware_sim.faults import SimFault
from firmware_sim.site_directory import DoorDirectory, SiteDirectory, write_whole

UNITS = ("outside", "inside")
TOOL_TIMEOUT_S = 60.0

CONFIG = """\
# The agent of door {number} of a simulated site. Written once by lock-sim; edit it as you like and restart.
state_dir = {state}
control_socket = {control_socket}
root_secret_file = {root_secret}

[codes]
lengths = {code_lengths}

[lines.main]
port = {bus}

[readers.outside]
line = "main"
address = 0
key_file = {outside}

[readers.inside]
line = "main"
address = 1
key_file = {inside}

[devices.keypad]
driver = "osdp-keypad"
reader = "outside"

[devices.indicator]
driver = "osdp-indicator"
reader = "outside"

[devices.strike]
driver = "osdp-strike"
reader = "inside"
output = 0

[devices.contact]
driver = "osdp-contact"
reader = "inside"
input = 0

[devices.rex]
driver = "osdp-rex"
reader = "inside"
input = 1

[devices.bolt]
driver = "osdp-input"
reader = "inside"
input = 2
means = "bolt_withdrawn"

[devices.fire]
driver = "osdp-input"
reader = "inside"
input = 3
means = "fire"

[devices.mains]
driver = "osdp-input"
reader = "inside"
input = 4
means = "mains_failed"

[devices.battery]
driver = "osdp-input"
reader = "inside"
input = 5
means = "battery_low"

[devices.keypad_fault]
driver = "osdp-input"
reader = "outside"
input = 0
means = "fault"

[devices.tamper_outside]
driver = "osdp-tamper"
reader = "outside"

[devices.tamper_inside]
driver = "osdp-tamper"
reader = "inside"
"""


def set_up_door(door: DoorDirectory, code_lengths: Sequence[int] = CODE_LENGTHS) -> None:
    """Make what is not there yet; what is there is kept, with the changes people made to it."""
    door.root.mkdir(mode=0o700, exist_ok=True)
    for unit in UNITS:
        if not door.scbk(unit).exists():
            _write_secret(door, unit)
    if not door.root_secret.exists():
        create_root_secret_file(door.root_secret)
    if not door.config.exists():
        door.config.write_text(_config(door, code_lengths))
    if not door.board_config.exists():
        write_whole(door.board_config, _board_config(door))


def _write_secret(door: DoorDirectory, unit: str) -> None:
    descriptor = os.open(door.scbk(unit), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(16) + "\n")


def _config(door: DoorDirectory, code_lengths: Sequence[int]) -> str:
    paths = {
        "state": door.state,
        "control_socket": door.control_socket,
        "root_secret": door.root_secret,
        "bus": door.bus,
        **{unit: door.scbk(unit) for unit in UNITS},
    }
    quoted = {name: json.dumps(str(path)) for name, path in paths.items()}  # a JSON string is a TOML string
    return CONFIG.format(number=door.number, code_lengths=list(code_lengths), **quoted)


def _board_config(door: DoorDirectory) -> dict[str, str]:
    keys = {f"{unit}_key_file": str(door.scbk(unit)) for unit in UNITS}
    return {"line": str(door.bus), **keys}


def device_id(door: DoorDirectory) -> str | None:
    """The identity the cloud gave this door, or None while it is not enrolled."""
    path = door.state / DIRECTORY / "enrolment.json"
    return str(json.loads(path.read_text())["device_id"]) if path.exists() else None


def enrol_door(site: SiteDirectory, door: DoorDirectory) -> None:
    """Enrol as a technician would: an invitation from the cloud, handed to the agent on standard input."""
    name = f"Door {door.number}"
    invitation = run_tool(["cloud_sim", "invite", "--state", str(site.cloud), "--name", name])
    run_tool(["agent.cli.daemon", "enrol", "--config", str(door.config)], invitation)


def give_offline_keys(cloud: CloudClient, lock_id: str) -> None:
    """Have a door take offline codes, if nobody has set that up: with a key of its own, and so many serials
    that one guess in a hundred thousand opens at most."""
    path = f"/locks/{lock_id}/offline_setup"
    if cloud.get(path)["status"] == "none":
        key = {"kid": 1, "root": secrets.token_hex(32), "policy": {"serials": 3}}
        cloud.put(path, {"keys": [key]})


def run_tool(module_and_args: Sequence[str], stdin: str = "") -> str:
    """What `python -m MODULE ARGS` prints. `SimFault` with its complaint when it fails."""
    command = [sys.executable, "-m", *module_and_args]
    shown = f"python -m {' '.join(module_and_args)}"
    try:
        done = subprocess.run(
            command, input=stdin, capture_output=True, text=True, timeout=TOOL_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise SimFault(f"`{shown}` did not end within {TOOL_TIMEOUT_S:.0f} s") from error
    if done.returncode:
        raise SimFault(f"`{shown}` failed with status {done.returncode}:\n{done.stderr.strip()}")
    return done.stdout
