"""Starts a broker, ours or mosquitto, as a child process and waits until it accepts connections."""

import getpass
import selectors
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cloud_sim.broker.tls import TlsFiles
from cloud_sim.mosquitto import Mosquitto, find_mosquitto

READY_TIMEOUT_S = 15.0
STOP_TIMEOUT_S = 5.0
HOST = "127.0.0.1"


class BrokerFault(Exception):
    """No broker could be started; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class RunningBroker:
    """A broker in a process of its own. `url` is mqtts://host:port."""

    url: str
    process: subprocess.Popen[str]

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def stop(self) -> None:
        """End it, gently first; returns when the process is gone."""
        self.process.terminate()
        try:
            self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


def start_builtin(tls: TlsFiles, directory: Path, port: int = 0) -> RunningBroker:
    """Start the built-in broker; what must survive a restart and its log are in `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "cloud_sim.broker", "--host", HOST, "--port", str(port)]
    command += ["--state", str(directory)]
    command += ["--ca", str(tls.ca), "--certificate", str(tls.certificate), "--key", str(tls.key)]
    log = directory / "broker.log"
    process = _spawn(command, log)
    _wait(process, log, lambda: _has_output(process))
    line = process.stdout.readline() if process.stdout is not None else ""
    if not line.startswith("ready "):
        _give_up(process, log)
    return RunningBroker(line.split()[1], process)


def start_mosquitto(tls: TlsFiles, directory: Path, port: int = 0) -> RunningBroker:
    """Start mosquitto; its configuration, database and log are in `directory`."""
    program = find_mosquitto()
    if program is None:
        raise BrokerFault(
            "mosquitto is not installed: run `sudo apt install mosquitto` (macOS: `brew install mosquitto`), "
            "or use the built-in broker"
        )
    port = port or _free_port()
    access_list = directory / "acl_file"
    settings = Mosquitto(
        tls=tls, access_list=access_list, directory=directory, host=HOST, port=port, user=getpass.getuser()
    )
    configuration = settings.write()
    log = directory / "broker.log"
    process = _spawn([str(program), "-c", str(configuration)], log)
    _wait(process, log, lambda: _accepts(port, tls.ca))
    return RunningBroker(f"mqtts://{HOST}:{port}", process)


def _spawn(command: list[str], log: Path) -> subprocess.Popen[str]:
    with log.open("a") as stderr:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, text=True
        )


def _wait(process: subprocess.Popen[str], log: Path, is_ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + READY_TIMEOUT_S
    while not is_ready():
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.02)
        if process.returncode is not None or time.monotonic() > deadline:
            _give_up(process, log)


def _give_up(process: subprocess.Popen[str], log: Path) -> None:
    process.kill()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()
    last_lines = " | ".join(log.read_text(errors="replace").splitlines()[-3:])
    raise BrokerFault(f"the broker did not start: {last_lines or 'it said nothing'} (log: {log})")


def _has_output(process: subprocess.Popen[str]) -> bool:
    with selectors.DefaultSelector() as selector:
        if process.stdout is not None:
            selector.register(process.stdout, selectors.EVENT_READ)
        return bool(selector.select(timeout=0.02))


def _accepts(port: int, ca: Path) -> bool:
    """Whether it is our broker that listens there: a free port may be somebody else's by now."""
    context = ssl.create_default_context(cafile=str(ca))
    context.check_hostname = False
    try:
        with socket.create_connection((HOST, port), timeout=1.0) as connection:
            context.wrap_socket(connection).close()
    except OSError:
        return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    return port
