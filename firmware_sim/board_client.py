"""Speaks to the board of a door: keys, door, state; one JSON object a line (docs/board.md)."""

import json
import socket
from typing import Any

from firmware_sim.faults import SimFault

TIMEOUT_S = 10.0


def ask_board(address: str, request: dict[str, Any]) -> dict[str, Any]:
    """The board's answer to one request. `SimFault` when it does not answer or refuses."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), TIMEOUT_S) as connection:
            connection.sendall(json.dumps(request).encode() + b"\n")
            line = connection.makefile("rb").readline()
    except (OSError, ValueError) as error:
        raise SimFault(f"the board at {address} does not answer: {error}; is lock-sim running?") from error
    if not line:
        raise SimFault(f"the board at {address} closed the connection without an answer")
    answer: dict[str, Any] = json.loads(line)
    if not answer["ok"]:
        raise SimFault(f"the board at {address} refused: {answer['error']}")
    return answer
