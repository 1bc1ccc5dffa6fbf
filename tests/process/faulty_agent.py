"""The agent in a world that fails at one exact moment: `faulty_agent.py FAULT ARGUMENT run --config FILE`.

The agent is the real one; only what the world does to it is arranged here, before it starts.
"""

import os
import resource
import signal
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt

from agent.cli.daemon import main
from hal.osdp.strike import OsdpStrike


def die() -> None:
    """As when the power goes."""
    os.kill(os.getpid(), signal.SIGKILL)


def die_before_the_strike(_: str) -> None:
    """The outcome is durable and nothing has moved yet."""
    OsdpStrike.unlock = lambda *_: die()  # type: ignore[method-assign]  # the moment itself


def die_at_statement(argument: str) -> None:
    """`NUMBER:FILE`: from when FILE exists, die just before the NUMBERth statement of the database."""
    number, _, file = argument.partition(":")
    armed, left, last = Path(file), int(number), ""

    def about_to_execute(statement: str) -> None:
        nonlocal left, last
        # What triggers of a statement do is traced under its own text once more, and is no step of its own.
        left, last = left - (armed.exists() and statement != last), statement
        if left == 0:
            die()

    trace(about_to_execute)


def die_at_rename(argument: str) -> None:
    """`NUMBER:FILE`: from when FILE exists, die just before the NUMBERth time that something is renamed."""
    number, _, file = argument.partition(":")
    armed, left, really_rename = Path(file), int(number), Path.rename

    def rename(path: Path, target: Path) -> Path:
        nonlocal left
        left -= armed.exists()
        if left == 0:
            die()
        return really_rename(path, target)

    Path.rename = rename  # type: ignore[method-assign,assignment]  # see the module


def disk_full_at_commit(argument: str) -> None:
    """`NUMBER:FILE`: while FILE exists, no file grows any more from the NUMBERth commit on."""
    number, _, file = argument.partition(":")
    armed, left = Path(file), int(number)

    def about_to_execute(statement: str) -> None:
        nonlocal left
        left -= armed.exists() and statement == "COMMIT"
        is_full = armed.exists() and left <= 0
        limit = 1 if is_full else resource.RLIM_INFINITY
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

    trace(about_to_execute)


def trace(about_to_execute: Callable[[str], None]) -> None:
    """Call `about_to_execute` before each statement of every database."""
    really_connect = sqlite3.connect

    def connect(*args: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = really_connect(*args, **options)
        connection.set_trace_callback(about_to_execute)
        return connection

    sqlite3.connect = connect  # type: ignore[assignment]  # see the module


def tell_messages(file: str) -> None:
    """No fault: all that the agent and its broker say to each other is written to FILE, too."""
    said, really_publish, really_handle = Path(file), mqtt.Client.publish, mqtt.Client._handle_on_message

    def note(topic: str, payload: bytes | bytearray) -> None:
        with said.open("ab") as out:
            out.write(topic.encode() + b" " + bytes(payload) + b"\n")

    def publish(client: mqtt.Client, topic: str, payload: Any = b"", *args: Any, **options: Any) -> Any:
        note(topic, payload)
        return really_publish(client, topic, payload, *args, **options)

    def handle(client: mqtt.Client, message: mqtt.MQTTMessage) -> None:
        note(message.topic, message.payload)
        really_handle(client, message)

    mqtt.Client.publish = publish  # type: ignore[method-assign,assignment]  # see the module
    mqtt.Client._handle_on_message = handle  # type: ignore[method-assign,assignment]


FAULTS: dict[str, Callable[[str], None]] = {
    "die-before-the-strike": die_before_the_strike,
    "die-at-statement": die_at_statement,
    "die-at-rename": die_at_rename,
    "disk-full-at-commit": disk_full_at_commit,
    "tell-messages": tell_messages,
}

if __name__ == "__main__":
    fault, argument, *arguments = sys.argv[1:]
    FAULTS[fault](argument)
    sys.exit(main(arguments))
