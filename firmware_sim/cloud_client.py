"""Speaks to the device cloud's HTTP API as any client of it would."""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Any

from firmware_sim.faults import SimFault

TIMEOUT_S = 10.0
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""The cloud runs on this machine: a proxy from the environment could not reach it."""


@dataclass(frozen=True, slots=True)
class CloudClient:
    """A base URL and the bearer token for it."""

    base_url: str
    token: str = field(repr=False)

    def get(self, path: str) -> Any:
        """The JSON answer to GET."""
        return self._send("GET", path, None)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """The JSON answer to POST of a JSON body."""
        return self._send("POST", path, body)

    def put(self, path: str, body: dict[str, Any]) -> Any:
        """The JSON answer to PUT of a JSON body."""
        return self._send("PUT", path, body)

    def delete(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """The JSON answer to DELETE."""
        return self._send("DELETE", path, body)

    def _send(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        request = urllib.request.Request(
            self.base_url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        try:
            with _direct.open(request, timeout=TIMEOUT_S) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            raise SimFault(
                f"the cloud refused {method} {path}: {error.code} {error.read().decode()}"
            ) from error
        except (OSError, ValueError) as error:
            raise SimFault(f"the cloud does not answer {method} {path}: {error}") from error
