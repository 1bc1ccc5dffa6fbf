"""A door of real processes whose agent a test may start, hurt and start again at any moment."""

import hashlib
import itertools
import json
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.cli.client import AgentUnreachable, Client
from agent.database import Database
from agent.enrol import enrol
from agent.secrets import SecretSource, load_root_secret
from firmware_sim.board_client import ask_board
from firmware_sim.child import Child
from firmware_sim.door_setup import set_up_door
from firmware_sim.site_processes import Site
from tests.waiting import wait_for

AGENT = [sys.executable, "-m", "agent.cli.daemon"]
BOARD = [sys.executable, "-m", "firmware_sim.board"]
FAULTY_AGENT = [sys.executable, str(Path(__file__).with_name("faulty_agent.py"))]
QUICK = """
[door]
release_s = {release_s}

[uplink]
first_retry_s = 0.2
longest_retry_s = 1
enabled = {on}
"""

_digits = itertools.count(730_411, 17)


@dataclass(frozen=True, slots=True)
class Code:
    """An access code as its owner knows it."""

    digits: str
    access_code_id: str


class Door:
    """One enrolled lock with its board. The agent is not running until `start`."""

    def __init__(self, site: Site, number: int, release_s: float = 0.3) -> None:
        self._site = site
        self.files = site.directory.door(number)
        set_up_door(self.files)
        self._configure(release_s)
        board = [*BOARD, "--config", str(self.files.board_config)]
        self.board = Child(f"board-{number}", board, self._log("board"))
        self.address = self.board.ready_line(30)
        self.device_id = self._enrol()
        self.agent: Child | None = None

    def _configure(self, release_s: float) -> None:
        """Two configurations of the same lock: with its network, and without."""
        text = self.files.config.read_text()
        self.without_network.write_text(text + QUICK.format(release_s=release_s, on="false"))
        self.files.config.write_text(text + QUICK.format(release_s=release_s, on="true"))

    def _enrol(self) -> str:
        self.files.state.mkdir(mode=0o700)
        invited = self._site.cloud.post("/invitations", {"name": f"Door {self.files.number}"})
        root = load_root_secret(SecretSource(file=self.files.root_secret, credential=None))
        return enrol(self.files.state, root, invited["invitation"], int(time.time()), again=False).device_id

    def _log(self, program: str) -> Path:
        return self._site.directory.log(f"{program}-{self.files.number}")

    @property
    def without_network(self) -> Path:
        """The configuration whose uplink is off."""
        return self.files.root / "without-network.toml"

    @property
    def log(self) -> str:
        """All that the agents of this door have logged."""
        return self._log("agent").read_text()

    # --- the agent's life ---------------------------------------------------------------------------

    def start(self, *fault: str, network: bool = True) -> Child:
        """Start the agent, if need be with a fault of `faulty_agent.py`, and wait until keys count."""
        program = [*FAULTY_AGENT, *fault] if fault else AGENT
        config = self.files.config if network else self.without_network
        self.agent = Child("agent", [*program, "run", "--config", str(config)], self._log("agent"))
        wait_for(self.is_served, 20, f"the keypad to be served; log: {self._log('agent')}")
        return self.agent

    def is_served(self) -> bool:
        """The agent hears keypad and contact, as it says itself: now only people make things happen."""
        assert self.agent is not None
        self.agent.check()
        with suppress(AgentUnreachable):
            status = self.status()
            return len(status["links"]) == 2 and all(status["links"].values()) and status["door"] != "unknown"
        return False

    def kill(self) -> None:
        """End the agent as a power cut would."""
        if self.agent is not None:
            self.agent.kill()
            self.agent = None

    def wait_for_death(self) -> None:
        """Wait until the agent is gone by itself."""
        agent = self.agent
        assert agent is not None
        wait_for(lambda: agent.has_ended, what="the agent to die")
        self.agent = None

    def stop(self) -> None:
        """End the agent as systemd does."""
        if self.agent is not None:
            self.agent.terminate()
            self.agent.wait(time.monotonic() + 10)
            self.agent = None

    def close(self) -> None:
        """End agent and board."""
        self.kill()
        self.board.kill()

    def refill(self) -> None:
        """What hours of patience do for somebody who used up his guesses. The agent is not running."""
        root = load_root_secret(SecretSource(file=self.files.root_secret))
        database = Database(self.files.state / "lock.db", root.derive("row"))
        with database.transaction() as db:
            db.execute("DELETE FROM throttle")
        database.close()

    # --- people -------------------------------------------------------------------------------------

    def type(self, keys: str, interval_ms: int = 0) -> None:
        """Press keys at the keypad."""
        ask_board(self.address, {"type": "keys", "keys": keys, "interval_ms": interval_ms})

    def tell_board(self, kind: str, **arguments: Any) -> dict[str, Any]:
        """One of the board's requests (docs/board.md)."""
        return ask_board(self.address, {"type": kind, **arguments})

    def see(self) -> dict[str, Any]:
        """What the board shows to whoever stands there."""
        return ask_board(self.address, {"type": "state"})

    def openings(self) -> int:
        """How often the strike was released in the life of the board."""
        return int(self.see()["strike"]["releases"])

    def opens(self, digits: str) -> bool:
        """Type a code; whether the strike moved. The agent works as it should."""
        before, last = self.openings(), self.status()["journal"]["last_seq"]
        self.type(f"{digits}#")
        kinds = {"access_granted": True, "access_denied": False}
        outcomes = wait_for(lambda: [kinds[row["kind"]] for row in self.rows(last) if row["kind"] in kinds])
        if outcomes[0]:
            wait_for(lambda: self.openings() > before, what="the strike")
            self.wait_until_locked()
        return self.openings() > before

    def wait_until_locked(self) -> None:
        """Until the release has ended, at the strike and in the journal."""
        wait_for(self.is_locked, what="the strike to lock")

    def is_locked(self) -> bool:
        """The strike is locked, and a living agent has that in its journal."""
        if self.see()["strike"]["released"]:
            return False
        with suppress(AgentUnreachable):
            return bool(self.status()["strike"] == "locked")
        return False

    # --- the cloud and its codes ----------------------------------------------------------------------

    def new_codes(self, count: int, *, digits: str = "", wait: bool = True, **rules: Any) -> list[Code]:
        """Create codes over HTTP and wait until the lock decides by them, for which its agent must run."""
        made = []
        for _ in range(count):
            code = digits or f"{next(_digits) % 1_000_000:06d}"
            answer = self._site.cloud.post(f"/locks/{self.device_id}/access_codes", {"code": code, **rules})
            made.append(Code(code, answer["access_code_id"]))
        if wait:
            wait_for(self.has_newest_set, 20, "the lock to hold the newest code set")
        return made

    def has_newest_set(self) -> bool:
        """The cloud has heard from the lock that it decides by the newest set."""
        lock = self._site.cloud.get(f"/locks/{self.device_id}")
        return bool(lock["applied_rev"] == lock["head_rev"])

    def events(self) -> list[dict[str, Any]]:
        """All events of this lock at the cloud."""
        path = f"/locks/{self.device_id}/events?limit=1000"
        events: list[dict[str, Any]] = self._site.cloud.get(path)["events"]
        return events

    def events_after(self, sequence: int) -> list[dict[str, Any]]:
        """One page of the events of this lock at the cloud."""
        path = f"/locks/{self.device_id}/events?limit=1000&after={sequence}"
        events: list[dict[str, Any]] = self._site.cloud.get(path)["events"]
        return events

    # --- what the lock remembers ----------------------------------------------------------------------

    def ask(self, verb: str, args: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """What the running agent answers at its control socket."""
        with Client(self.files.control_socket) as client:
            return client.ask(verb, args)

    def status(self) -> dict[str, Any]:
        """`lockctl status`."""
        return self.ask("status")

    def rows(self, after: int = 0) -> list[dict[str, Any]]:
        """The journal of the running agent."""
        rows: list[dict[str, Any]] = self.ask("journal", {"after": after, "limit": 1000})["rows"]
        return rows

    @contextmanager
    def database(self) -> Iterator[sqlite3.Connection]:
        """A copy of the database that a dead agent left behind; the original is not touched."""
        assert self.agent is None, "only the agent opens the database of a running agent"
        with tempfile.TemporaryDirectory() as copy:
            for file in self.files.state.glob("lock.db*"):
                shutil.copy(file, copy)
            db = sqlite3.connect(Path(copy) / "lock.db")
            try:
                yield db
            finally:
                db.close()

    def left_behind(self) -> list[dict[str, Any]]:
        """The journal that a dead agent left behind; its hash chain must hold from the first row on."""
        with self.database() as db:
            chained = db.execute("SELECT journal_epoch FROM lock").fetchone()[0]
            rows = db.execute("SELECT seq, row, hash FROM journal ORDER BY seq").fetchall()
        for place, (seq, text, stored) in enumerate(rows, 1):
            chained = hashlib.sha256(f"{chained}\n{text}".encode()).hexdigest()
            assert (seq, stored) == (place, chained), f"the chain breaks at row {seq}"
        return [json.loads(text) for _, text, _ in rows]

    def grants(self, code: Code | None = None) -> int:
        """How many openings a dead agent had recorded, of one code or in all."""
        rows = [row for row in self.left_behind() if row["kind"] == "access_granted"]
        return sum(code is None or row["detail"]["access_code_id"] == code.access_code_id for row in rows)

    def tokens(self, length_class: str = "short") -> float:
        """The budget for codes of that class that a dead agent left behind."""
        with self.database() as db:
            of_class = "SELECT tokens FROM throttle WHERE length_class = ?"
            found = db.execute(of_class, (length_class,)).fetchone()
        return float(found[0]) if found else 5.0
