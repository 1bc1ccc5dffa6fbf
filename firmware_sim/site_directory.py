"""The state directory of a simulated site: where everything lives, who owns it, what survives a restart."""

import fcntl
import json
import os
import socket
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from firmware_sim.faults import SimFault


@dataclass(frozen=True, slots=True)
class DoorDirectory:
    """The files of one door."""

    number: int
    """From 1, as people count doors."""
    root: Path

    @property
    def config(self) -> Path:
        """The agent's configuration file."""
        return self.root / "lock-agent.toml"

    @property
    def board_config(self) -> Path:
        """The configuration of the virtual board."""
        return self.root / "board.json"

    @property
    def root_secret(self) -> Path:
        """The device's root secret."""
        return self.root / "root-secret"

    @property
    def bus(self) -> Path:
        """The serial line: a link to a pseudo-terminal while the board runs."""
        return self.root / "bus"

    @property
    def state(self) -> Path:
        """The agent's state directory."""
        return self.root / "state"

    @property
    def control_socket(self) -> Path:
        """Where lockctl asks the agent."""
        return self.root / "control.sock"

    def scbk(self, unit: str) -> Path:
        """The Secure Channel key of `outside` or `inside`."""
        return self.root / f"{unit}.scbk"


@dataclass(frozen=True, slots=True)
class SiteRecord:
    """What must stay the same from start to start: enrolled locks know the broker by its address."""

    root: str
    mqtt_url: str
    is_own_broker: bool


class SiteDirectory:
    """One state directory, owned by this process from `acquire` until it ends."""

    def __init__(self, root: Path) -> None:
        """`root` need not exist yet."""
        self.root = root.absolute()

    @property
    def cloud(self) -> Path:
        """The cloud's keys and database."""
        return self.root / "cloud"

    @property
    def broker(self) -> Path:
        """The broker's files, if it keeps any."""
        return self.root / "broker"

    @property
    def token_file(self) -> Path:
        """The bearer token of the cloud's HTTP API."""
        return self.cloud / "api-token"

    def log(self, name: str) -> Path:
        """The log of one process."""
        return self.root / "logs" / f"{name}.log"

    def door(self, number: int) -> DoorDirectory:
        """The files of door `number`, from 1."""
        return DoorDirectory(number, self.root / f"door-{number}")

    def acquire(self) -> Self:
        """Create the directory and become its only lock-sim. `SimFault` when another one runs on it."""
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(self.root / "sim.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise SimFault(f"cannot use {self.root} as --state-dir: {error.strerror}") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise SimFault(
                f"a lock-sim runs on {self.root} already; stop that one, or choose another --state-dir"
            ) from None
        return self

    def release(self) -> None:
        """Let another lock-sim have the directory."""
        os.close(self._lock)

    def record(self, broker_url: str | None) -> SiteRecord:
        """The site as it was first started here; made now if this is the first start.

        `broker_url`: somebody else's broker, or None for one of our own."""
        path = self.root / "site.json"
        if not path.exists():
            url = broker_url or f"mqtts://127.0.0.1:{_free_port()}"
            write_whole(path, asdict(SiteRecord(str(self.root), url, broker_url is None)))
        record = SiteRecord(**json.loads(path.read_text()))
        if record.root != str(self.root):
            raise SimFault(
                f"{self.root} was made as {record.root}; move it back, or choose another --state-dir"
            )
        if (record.is_own_broker, broker_url or record.mqtt_url) != (broker_url is None, record.mqtt_url):
            raise SimFault(
                f"the locks in {self.root} are enrolled for the broker {record.mqtt_url}; "
                "start with the same --broker, or choose another --state-dir"
            )
        return record


def write_whole(path: Path, document: Any) -> None:
    """Write JSON, mode 0600, so that a reader sees the whole document or none."""
    write_text_whole(path, json.dumps(document, indent=2) + "\n")


def write_text_whole(path: Path, text: str) -> None:
    """The same for text."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    draft.replace(path)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port
