"""Types on the keypads of simulated doors, where lock-sim says which board belongs to which lock."""

import asyncio
import json
from pathlib import Path

TIMEOUT_S = 5.0


class NoBoard(Exception):
    """The keypad was not reached; the message says why, and holds no digits."""


def board_of(boards: Path | None, lock_id: str) -> str | None:
    """host:port of the lock's board; None for a lock of iron, and where lock-sim does not run.

    `boards`: a JSON object, lock id -> host:port."""
    if boards is None:
        return None
    try:
        found = json.loads(boards.read_text())
    except (OSError, ValueError):
        return None
    address = found.get(lock_id) if isinstance(found, dict) else None
    return address if isinstance(address, str) else None


async def type_at(address: str, keys: str) -> None:
    """Press keys at a board's keypad. Raises NoBoard when it did not take all of them."""
    request = json.dumps({"type": "keys", "keys": keys}).encode() + b"\n"
    try:
        async with asyncio.timeout(TIMEOUT_S):
            answer = json.loads(await _asked(address, request))
    except (OSError, TimeoutError, ValueError) as error:
        raise NoBoard(f"the board at {address} does not answer: {type(error).__name__}") from error
    if answer.get("ok") is not True or answer.get("queued") != len(keys):
        raise NoBoard("the keypad has no connection to its lock and takes no keys; is the agent running?")


async def _asked(address: str, request: bytes) -> bytes:
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(request)
        await writer.drain()
        return await reader.readline()
    finally:
        writer.close()
