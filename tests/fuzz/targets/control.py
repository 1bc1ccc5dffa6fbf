"""Whatever comes in at the control socket: answered or refused, no digits, no opening unless allowed."""

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent.asked import Answer, Asked
from agent.clock_watch import ClockSettings
from agent.command_side import Permissions
from agent.commands import COMMAND_TYPES
from agent.control_connection import Connection
from agent.programming_side import MayProgram
from agent.reader_keys import next_key_file
from firmware_sim.site import Site, code_row
from tests.controller.test_readers import KEY, NEXT_KEY, Line, keep
from tests.fuzz.doors import Doors
from tests.fuzz.target import Check, Target

DIGITS = "493817"
ANNA = code_row("11111111-0000-4000-8000-000000000000", DIGITS)
MOST_REQUESTS = 12
OPENING = {("command", "unlock"), ("command", "mode"), ("command", "config")}

Ask = Callable[[Site, Asked], None]


def asked(site: Site, request: Asked) -> None:
    """The controller answers."""
    site.say(request)


def check(directory: Path, ask: Ask = asked) -> Check:
    """`ask`: what is to be tried."""
    key_file = directory / "outside.scbk"
    keep(key_file, KEY.hex())
    keep(next_key_file(key_file), NEXT_KEY.hex())
    allows = {
        "clock_settings": ClockSettings(100.0, trust_ntp=False, lockctl=True),
        "readers": {"outside": Line()},
        "key_files": {"outside": key_file},
        "permissions": Permissions(local=frozenset(COMMAND_TYPES)),
        "programming": MayProgram(lockctl=True),
        "may_provision": True,
    }
    doors = []
    for name, settings in (("strict", {}), ("open", allows)):
        (directory / name).mkdir()
        doors.append(Doors(directory / name, prepare=lambda site: site.install(ANNA), **settings))

    def one(data: bytes) -> None:
        does_allow = data[:1] == b"!"
        with doors[does_allow].door() as site:
            answered = _talk(site, data[does_allow:], ask)
            assert not site.controller.recorder.is_failing
            assert not any(key.hex().encode() in answered for key in (KEY, NEXT_KEY)), "a key in an answer"
            assert DIGITS.encode() not in answered or DIGITS.encode() in data, "digits in an answer"
            for line in answered.splitlines():
                assert isinstance(json.loads(line), dict)

    return one


def _talk(site: Site, data: bytes, ask: Ask) -> bytes:
    """A client sends all of it at once, and takes what comes back."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        connection = Connection(ours)
        theirs.setblocking(False)
        theirs.sendall(data[: 60 * 1024] + b"\n")
        answered = bytearray()
        connection.read()
        for _ in range(MOST_REQUESTS):
            request = connection.next_request()
            if request is None:
                break
            answer = Answer(connection.deliver, request.id)
            connection.ask(request.verb, answer)
            before = site.strike.releases
            ask(site, Asked(request.verb, request.args, answer))
            if site.strike.releases > before:
                _may_open(site, request.verb, request.args)
            assert connection.answer is None or request.verb in ("watch", *_LATER), (
                f"{request.verb} got no answer"
            )
            connection.write()
            answered += _received(theirs)
        connection.write()
        answered += _received(theirs)
        connection.close()
        return bytes(answered)


_LATER = ("reader_install", "reader_rekey", "reader_comset")
"""Answered when the reader has."""


def _may_open(site: Site, verb: str, args: dict[str, Any]) -> None:
    kind = args.get("type")
    assert site.controller.settings.permissions.local, "opened where nothing is allowed"
    assert (verb, kind) in OPENING, f"opened by {verb}"


def _received(peer: socket.socket) -> bytes:
    found = bytearray()
    try:
        while chunk := peer.recv(1 << 16):
            found += chunk
    except BlockingIOError:
        pass
    return bytes(found)


def seeds() -> list[bytes]:
    """Each verb where it is allowed, and all of them where they are not."""
    commands: list[dict[str, Any]] = [
        {"type": kind, "args": args}
        for kind, args in (
            ("unlock", {"for_s": 3}),
            ("lock", {}),
            ("mode", {"mode": "passage"}),
            ("revoke", {"ids": ["x"]}),
            ("config", {"release_s": 7}),
            ("acknowledge", {}),
            ("forget", {"ids": ["x"]}),
        )
    ]
    asked_for: list[tuple[str, dict[str, Any]]] = [
        ("status", {}),
        ("codes", {}),
        ("facts", {}),
        ("watch", {}),
        ("journal", {"limit": 5, "after": 1}),
        ("clock_set", {"wall_s": 1_790_000_100}),
        ("code_add", {"code": "730412", "ends_at": 1_790_086_400}),
        ("code_remove", {"access_code_id": ANNA["access_code_id"]}),
        ("reader_install", {"reader": "outside", "for_s": 30}),
        ("reader_rekey", {"reader": "outside"}),
        ("reader_comset", {"reader": "outside", "address": 1, "baud": 9600}),
        *(("command", each) for each in commands),
    ]
    lines = [json.dumps({"id": 1, "verb": verb, "args": args}).encode() for verb, args in asked_for]
    return [*(b"!" + line for line in lines), b"\n".join(lines[:9]), b"\n".join(lines[9:])]


TARGET = Target(
    name="control",
    rules="every request is answered or refused, no answer has digits, and only what is allowed to opens",
    check=check,
    seeds=seeds,
    quick=12,
)
