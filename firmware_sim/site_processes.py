"""A simulated site as the processes it really is: broker, cloud, and for each door a board and an agent."""

import os
import selectors
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.cli.client import AgentUnreachable, Client
from agent.core.constraints import CODE_LENGTHS
from cloud_sim.device_cloud_api import BASE_PATH as DEVICE_CLOUD_PATH
from cloud_sim.retention import DEFAULT_DAYS
from cloud_sim.seam.connections import DISCONNECTED_AFTER_S
from cloud_sim.seam.dispatch import BASE_PATH as SEAM_PATH
from cloud_sim.state_directory import StateDirectory
from firmware_sim.broker_child import start_broker
from firmware_sim.child import Child, until
from firmware_sim.cloud_client import CloudClient
from firmware_sim.door_setup import device_id, enrol_door, give_offline_keys, run_tool, set_up_door
from firmware_sim.faults import NotInTime, SimFault
from firmware_sim.site_directory import DoorDirectory, SiteDirectory, write_whole

READY_TIMEOUT_S = 60.0
STEADY_S = 0.5
"""An uplink connects once more when it has learnt the time."""
STOP_TIMEOUT_S = 8.0
CODE_LENGTHS_OF_DOOR = {2: (6,)}
"""Doors differ, and clients should meet that here first: the second takes codes of six digits only."""
OFFLINE_DOOR = 1
"""The one that takes offline codes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteOptions:
    """What the person asked for. `broker`: builtin, mosquitto, or the mqtts:// URL of somebody else's."""

    doors: int = 2
    broker: str = "builtin"
    http_port: int = 0
    keep_events_days: int = DEFAULT_DAYS
    rate_limits: str | None = None
    """Of the Seam API, see `cloud_sim.rate_limits`; None for none."""
    disconnected_after_s: float = DISCONNECTED_AFTER_S

    @property
    def broker_url(self) -> str | None:
        """The URL of a broker that is not ours to start."""
        return self.broker if "://" in self.broker else None


@dataclass(frozen=True, slots=True)
class RunningDoor:
    """A door that answers."""

    number: int
    device_id: str
    board: str
    """host:port of the board's control address."""
    control_socket: Path
    state_dir: Path

    def status(self) -> dict[str, Any] | None:
        """The agent's own account, or None while it does not answer."""
        try:
            with Client(self.control_socket) as client:
                return client.ask("status")
        except AgentUnreachable:
            return None


class Site:
    """Starts and stops the processes. Use from one thread, and call `stop` whatever happened in between."""

    def __init__(self, directory: SiteDirectory, options: SiteOptions) -> None:
        """`directory` is acquired."""
        self.directory = directory
        self.options = options
        self.children: dict[str, Child] = {}
        """By name, in the order they were started."""
        self.doors: list[RunningDoor] = []
        self.record = directory.record(options.broker_url)
        self._cloud_url = ""

    @property
    def cloud(self) -> CloudClient:
        """A client of the running cloud."""
        return CloudClient(self._cloud_url, self.directory.token_file.read_text().strip())

    @property
    def seam_url(self) -> str:
        """Where the running cloud answers the SDKs of the Seam API."""
        return self._cloud_url.removesuffix(DEVICE_CLOUD_PATH) + SEAM_PATH

    @property
    def _cloud_state(self) -> StateDirectory:
        return StateDirectory(self.directory.cloud)

    def start(self) -> None:
        """Start everything and return once everything answers. `SimFault` when something does not."""
        needed = (self._cloud_state.api_token, self._cloud_state.seam_api_key, self._cloud_state.revoked)
        if not all(file.exists() for file in needed):
            run_tool(["cloud_sim", "init", "--state", str(self.directory.cloud)])
        self._cloud_state.cut_off.unlink(missing_ok=True)
        self.start_broker()
        self.start_cloud()
        doors = [self.directory.door(number) for number in range(1, self.options.doors + 1)]
        for door in doors:
            set_up_door(door, CODE_LENGTHS_OF_DOOR.get(door.number, CODE_LENGTHS))
            self._start("board", door, ["firmware_sim.board", "--config", str(door.board_config)])
        for door in doors:
            if device_id(door) is None:
                enrol_door(self.directory, door)
        for door in doors:
            self._start("agent", door, ["agent.cli.daemon", "run", "--config", str(door.config)])
        self.doors = [self._running(door) for door in doors]
        for running in self.doors:
            if running.number == OFFLINE_DOOR:
                give_offline_keys(self.cloud, running.device_id)
        write_whole(self._cloud_state.boards, {door.device_id: door.board for door in self.doors})
        write_whole(self._running_file, self.ready_document())
        self.wait_until_ready()

    def start_broker(self) -> None:
        """Start our broker, or start it again at the same address; nothing to do for somebody else's."""
        if self.options.broker_url is None:
            self.children["broker"] = start_broker(self.options.broker, self.record.mqtt_url, self.directory)

    def kill_broker(self) -> None:
        """Pull the network out: the broker dies without a word to anybody."""
        self.children.pop("broker").kill()

    def kill_cloud(self) -> None:
        """Take the cloud away from everybody."""
        self.children.pop("cloud").kill()

    def start_cloud(self) -> None:
        """Start the cloud, or start it again: it keeps everything but its HTTP port."""
        where = ["--state", str(self.directory.cloud), "--http-port", str(self.options.http_port)]
        how = ["--mqtt", self.record.mqtt_url, "--keep-events-days", str(self.options.keep_events_days)]
        how += ["--disconnected-after", str(self.options.disconnected_after_s)]
        if self.options.rate_limits is not None:
            how += ["--rate-limits", self.options.rate_limits]
        self._spawn("cloud", ["cloud_sim", "serve", *where, *how])
        self._cloud_url = self.children["cloud"].ready_line(READY_TIMEOUT_S)

    def _start(self, kind: str, door: DoorDirectory, command: list[str]) -> None:
        self._spawn(f"{kind}-{door.number}", command)

    def _spawn(self, name: str, module_and_args: list[str]) -> None:
        command = [sys.executable, "-m", *module_and_args]
        self.children[name] = Child(name, command, self.directory.log(name))

    def _running(self, door: DoorDirectory) -> RunningDoor:
        board = self.children[f"board-{door.number}"].ready_line(READY_TIMEOUT_S)
        identity = device_id(door)
        if identity is None:
            raise SimFault(f"door {door.number} has no identity although it enrolled; see {door.state}")
        return RunningDoor(door.number, identity, board, door.control_socket, door.state)

    def wait_until_one_ends(self) -> None:
        """Block while all is well; `SimFault` with the end of its log as soon as any process ends."""
        with selectors.DefaultSelector() as selector:
            watched = {os.pidfd_open(child.pid): child for child in self.children.values()}
            try:
                for descriptor in watched:
                    selector.register(descriptor, selectors.EVENT_READ)
                for key, _ in selector.select():
                    watched[key.fd].check()
            finally:
                for descriptor in watched:
                    os.close(descriptor)

    def wait_until_ready(self) -> None:
        """Return once every keypad is served, every uplink is up, and the cloud knows every door's time."""
        children = list(self.children.values())
        try:
            until(_steadily(lambda: not self._missing(), STEADY_S), READY_TIMEOUT_S, "the site", children)
        except NotInTime:
            raise SimFault(
                f"after {READY_TIMEOUT_S:.0f} s there is still no {', no '.join(self._missing()) or 'rest'}; "
                f"the logs are in {self.directory.log('agent-1').parent}"
            ) from None

    def _missing(self) -> list[str]:
        missing = []
        for door in self.doors:
            status = door.status()
            if status is None or not status["links"] or not all(status["links"].values()):
                missing.append(f"keypad at door {door.number}")
            elif not status["uplink"]["connected"]:
                missing.append(f"uplink of door {door.number}")
            elif not self._is_known(door):
                missing.append(f"trusted clock of door {door.number} at the cloud")
            elif not self._has_its_keys(door):
                missing.append(f"keys for offline codes at door {door.number}")
        return missing

    def _is_known(self, door: RunningDoor) -> bool:
        try:
            lock = self.cloud.get(f"/locks/{door.device_id}")
        except SimFault:  # a cloud that ended is reported with its log
            return False
        return bool(lock["online"]) and lock["clock"] == "trusted"

    def _has_its_keys(self, door: RunningDoor) -> bool:
        """The lock takes what is issued from now on: it has its setup, and knows that the cloud knows it."""
        setup = self.cloud.get(f"/locks/{door.device_id}/offline_setup")
        is_applied = setup["status"] == "applied" and setup["offline_setup"]["journal_epoch"] != ""
        return door.number != OFFLINE_DOOR or is_applied

    def ready_document(self) -> dict[str, Any]:
        """What scripts need to know; parts that do not exist yet are null."""
        return {
            "device_cloud": {"base_url": self._cloud_url, "token": self.cloud.token},
            "seam_api": {
                "base_url": self.seam_url,
                "api_key": self._cloud_state.seam_api_key.read_text().strip(),
            },
            "mqtt": {"url": self.record.mqtt_url},
            "panel": {"url": None},
            "doors": [
                {
                    "device_id": door.device_id,
                    "board": door.board,
                    "control_socket": str(door.control_socket),
                    "state_dir": str(door.state_dir),
                }
                for door in self.doors
            ],
        }

    @property
    def _running_file(self) -> Path:
        return running_file(self.directory)

    def stop(self) -> None:
        """End every process, agents first, and remove what only a running site has. May be called twice."""
        deadline = time.monotonic() + STOP_TIMEOUT_S
        for group in ("agent", "board", "cloud", "broker"):
            ending = [child for name, child in self.children.items() if name.startswith(group)]
            for child in ending:
                child.terminate()
            for child in ending:
                child.wait(deadline)
        self.children.clear()
        for file in (self._running_file, self._cloud_state.boards, self._cloud_state.cut_off):
            file.unlink(missing_ok=True)


def _steadily(condition: Callable[[], bool], for_s: float) -> Callable[[], bool]:
    """True once `condition` has been so for a while."""
    since: float | None = None

    def is_steady() -> bool:
        nonlocal since
        now = time.monotonic()
        since = (now if since is None else since) if condition() else None
        return since is not None and now - since >= for_s

    return is_steady


def running_file(directory: SiteDirectory) -> Path:
    """The ready document of the site that runs on `directory`; it is there only while it runs."""
    return directory.root / "running.json"
