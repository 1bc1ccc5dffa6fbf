"""A cloud as a process of its own, and a client that speaks to its HTTP API."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cloud_sim.broker.tls import TlsFiles
from cloud_sim.state_directory import StateDirectory
from tests.waiting import wait_for

NOWHERE = "mqtts://127.0.0.1:9"
"""Nobody listens at the discard port: a cloud without a broker."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back over HTTP; `body` is JSON where it was JSON, else text."""

    status: int
    body: Any
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Api:
    """`base_url` ends in /device-cloud; `token` None sends none."""

    base_url: str
    token: str | None = field(repr=False)

    def get(self, path: str) -> Answer:
        return self.send("GET", path)

    def post(self, path: str, **fields: Any) -> Answer:
        return self.send("POST", path, json.dumps(fields).encode(), {"Content-Type": "application/json"})

    def send(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        root = self.base_url.removesuffix("/device-cloud") if path.startswith("//") else self.base_url
        given = dict(headers or {})
        if self.token is not None:
            given["Authorization"] = f"Bearer {self.token}"
        request = urllib.request.Request(root + path.removeprefix("/" * (path[:2] == "//")), body, given)
        request.method = method
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return _answer(response.status, response.read(), dict(response.headers))
        except urllib.error.HTTPError as error:
            return _answer(error.code, error.read(), dict(error.headers))

    def new_lock(self, name: str = "Front door") -> str:
        """The id of a lock that was invited and has not come."""
        return str(self.post("/invitations", name=name).body["device_id"])


def _answer(status: int, raw: bytes, headers: dict[str, str]) -> Answer:
    is_json = headers.get("content-type", "").startswith("application/json")
    return Answer(status, json.loads(raw) if is_json else raw.decode(), headers)


@dataclass(slots=True)
class CloudProcess:
    """`python -m cloud_sim serve`, startable again on the same state."""

    state: StateDirectory
    mqtt_url: str
    arguments: tuple[str, ...] = ()
    process: subprocess.Popen[str] | None = None
    base_url: str = ""

    @property
    def api(self) -> Api:
        return Api(self.base_url, self.state.api_token.read_text().strip())

    @property
    def log(self) -> Path:
        return self.state.root / "log"

    def start(self) -> "CloudProcess":
        command = [sys.executable, "-m", "cloud_sim", "serve", "--state", str(self.state.root)]
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [*command, "--mqtt", self.mqtt_url, *self.arguments],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("ready http://127.0.0.1:"), (line, self.log.read_text())
        self.base_url = line.split()[1]
        return self

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it; its exit status."""
        assert self.process is not None and self.process.stdout is not None
        os.kill(self.process.pid, number)
        status = self.process.wait(15)
        self.process.stdout.close()
        self.process = None
        return status

    def restart(self, number: signal.Signals = signal.SIGTERM) -> None:
        self.stop(number)
        self.start()

    def wait_for_broker(self) -> None:
        wait_for(lambda: self.api.get("/health").body["broker_connected"], what="the cloud at the broker")


def tls_files(state: StateDirectory) -> TlsFiles:
    """What a broker of this cloud needs."""
    return TlsFiles(ca=state.ca, certificate=state.broker_certificate, key=state.broker_key)
