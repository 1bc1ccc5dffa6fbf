"""How a command asks the cloud that serves a state directory, on the same machine."""

import json
import urllib.error
import urllib.request
from typing import Any

from cloud_sim.device_cloud_api import BASE_PATH
from cloud_sim.state_directory import StateDirectory, read_private

TIMEOUT_S = 10.0


class NotServed(OSError):
    """No cloud serves this state now."""


def ask(state: StateDirectory, path: str, wanted: dict[str, Any]) -> dict[str, Any]:
    """The answer of the cloud that serves this state. Raises OSError when there is none."""
    url = read_private(state.url).decode().strip() + BASE_PATH + path
    token = read_private(state.api_token).decode().strip()
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    request = urllib.request.Request(url, json.dumps(wanted).encode(), headers)
    # It is on this machine: a proxy from the environment could not reach it.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=TIMEOUT_S) as answer:
            said: dict[str, Any] = json.load(answer)
            return said
    except urllib.error.HTTPError as error:
        raise OSError(json.load(error)["message"]) from None
    except urllib.error.URLError as error:
        raise NotServed(f"no cloud answers at {url} ({error.reason}); start it with serve") from None
