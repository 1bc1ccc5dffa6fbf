"""One simulated door whose agent the benchmarks start and stop, with the cloud and the broker it needs."""

import json
import socket
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from agent.cli.client import AgentUnreachable, Client
from firmware_sim.board_client import ask_board
from firmware_sim.child import Child, until
from firmware_sim.site_directory import SiteDirectory
from firmware_sim.site_processes import Site, SiteOptions

SHORT_RELEASE = "\n[door]\nrelease_s = 0.1\n"
"""The strike is locked again before the next sample."""
LIMIT_S = 60.0
CODES_AT_ONCE = 1000
CONNECTIONS = 4


class House:
    """A running site of one door. The digits of its codes are known here by their number."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.files = site.directory.door(1)
        self.door = site.doors[0]
        self.cloud = site.cloud
        self.board_address = self.door.board
        with self.files.config.open("a") as config:
            config.write(SHORT_RELEASE)
        self.restart_agent()
        self.codes_made = 0

    @property
    def agent(self) -> Child:
        """The process that is measured."""
        return self._site.children["agent-1"]

    # --- programs -------------------------------------------------------------------------------------

    def start_agent(self) -> None:
        """Start it, without waiting for anything."""
        command = [sys.executable, "-m", "agent.cli.daemon", "run", "--config", str(self.files.config)]
        self._site.children["agent-1"] = Child("agent-1", command, self._site.directory.log("agent-1"))

    def stop_agent(self) -> None:
        """Stop it as systemd does."""
        self.agent.terminate()
        self.agent.wait(time.monotonic() + LIMIT_S)

    def restart_agent(self) -> None:
        """Stop it and start it, until the uplink is up again."""
        self.stop_agent()
        self.start_agent()
        self.wait(lambda: self.is_served() and self.status()["uplink"]["connected"], "the agent")

    def restart_board(self) -> None:
        """A board that has never seen this agent; the agent is not running."""
        self._site.children["board-1"].kill()
        command = [sys.executable, "-m", "firmware_sim.board", "--config", str(self.files.board_config)]
        board = Child("board-1", command, self._site.directory.log("board-1"))
        self._site.children["board-1"] = board
        self.board_address = board.ready_line(LIMIT_S)

    def wait(self, condition: Any, what: str, timeout_s: float = LIMIT_S) -> None:
        """Until `condition` holds; `SimFault` when it does not in time, or the agent ends."""
        until(condition, timeout_s, what, [self.agent])

    # --- what the agent and the board say -------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """`lockctl status`."""
        with Client(self.files.control_socket) as client:
            return client.ask("status")

    def is_served(self) -> bool:
        """The agent hears all of its readers."""
        with suppress(AgentUnreachable):
            status = self.status()
            return len(status["links"]) == 2 and all(status["links"].values()) and status["door"] != "unknown"
        return False

    def type(self, keys: str) -> None:
        """Press keys at the keypad."""
        ask_board(self.board_address, {"type": "keys", "keys": keys})

    # --- codes ------------------------------------------------------------------------------------------

    def create_codes(self, count: int) -> list[tuple[str, str]]:
        """Create codes over HTTP, a request each: their digits and ids."""
        return [self._create() for _ in range(count)]

    def _create(self) -> tuple[str, str]:
        (digits,) = self._next_digits(1)
        made = self.cloud.post(self._codes_path, {"code": digits})
        return digits, made["access_code_id"]

    def create_at_once(self, count: int) -> None:
        """Create codes over HTTP, up to a thousand a request."""
        for first in range(0, count, CODES_AT_ONCE):
            wanted = self._next_digits(min(CODES_AT_ONCE, count - first))
            self.cloud.post(self._codes_path, {"access_codes": [{"code": digits} for digits in wanted]})

    def create_kept_alive(self, count: int) -> None:
        """Create codes over HTTP, a request each, over a few connections that stay open."""
        wanted = self._next_digits(count)
        with ThreadPoolExecutor(CONNECTIONS) as pool:
            shares = [wanted[number::CONNECTIONS] for number in range(CONNECTIONS)]
            for each in pool.map(self._create_over_one_connection, shares):
                del each  # a failure is raised here

    def _create_over_one_connection(self, wanted: list[str]) -> None:
        base = urlsplit(self.cloud.base_url)
        headers = {"Authorization": f"Bearer {self.cloud.token}", "Content-Type": "application/json"}
        connection = HTTPConnection(base.hostname or "", base.port, timeout=LIMIT_S)
        try:
            for digits in wanted:
                body = json.dumps({"code": digits})
                connection.request("POST", base.path + self._codes_path, body, headers)
                with connection.getresponse() as response:
                    response.read()
                    if response.status != 201:
                        raise ConnectionError(f"the cloud answered {response.status}")
        finally:
            connection.close()

    def delete_all(self) -> None:
        """Delete the codes of the lock, up to a thousand a request."""
        codes = self.cloud.get(self._codes_path)["access_codes"]
        ids = [code["access_code_id"] for code in codes if code["state"] != "removing"]
        for first in range(0, len(ids), CODES_AT_ONCE):
            self.cloud.delete(self._codes_path, {"access_code_ids": ids[first : first + CODES_AT_ONCE]})

    @property
    def _codes_path(self) -> str:
        return f"/locks/{self.door.device_id}/access_codes"

    def _next_digits(self, count: int) -> list[str]:
        first, self.codes_made = self.codes_made, self.codes_made + count
        return [f"{number * 37 + 10_000:06d}" for number in range(first, self.codes_made)]

    def is_active(self, access_code_id: str) -> bool:
        """The cloud knows that the lock decides by this code."""
        return bool(self.cloud.get(f"/access_codes/{access_code_id}")["status"] == "active")

    def has_newest_set(self) -> bool:
        """The cloud knows that the lock decides by the newest set."""
        lock = self.cloud.get(f"/locks/{self.door.device_id}")
        return bool(lock["applied_rev"] == lock["head_rev"])


class BoardWatch:
    """The states of a board as they happen. Use with `with`."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._connection = socket.create_connection((host, int(port)), LIMIT_S)
        self._connection.sendall(b'{"type": "watch"}\n')
        self._lines = self._connection.makefile("rb")

    def __enter__(self) -> "BoardWatch":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def until(self, condition: Any) -> dict[str, Any]:
        """The next state for which `condition` holds; TimeoutError when there is none for long."""
        while received := self._lines.readline():
            state: dict[str, Any] = json.loads(received)
            if condition(state):
                return state
        raise ConnectionError("the board ended; see its log")


@contextmanager
def running_house(directory: Path) -> Iterator[House]:
    """A house in `directory`, with everything it needs, until the block ends."""
    site = Site(SiteDirectory(directory / "site").acquire(), SiteOptions(doors=1))
    try:
        site.start()
        yield House(site)
    finally:
        site.stop()
        site.directory.release()
