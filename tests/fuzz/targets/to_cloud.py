"""Whatever a lock's own key signs to its cloud: the cloud stands, answers, and wants the same codes."""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import msgspec

from agent import jose
from agent.envelope import Signer
from agent.messages import MESSAGE_LIMIT_BYTES, UP_STREAMS, topic
from cloud_sim import answers, events, locks
from cloud_sim.fleet import Fleet
from cloud_sim.journal import row_hash
from cloud_sim.seam import devices
from firmware_sim.enrolled import CLOUD_SEALING, DEVICE_ID, IDENTITY
from firmware_sim.virtual_parts import NOON
from tests.complaints.pair import Pair
from tests.fuzz.keys import public
from tests.fuzz.target import Check, Target

DIGITS = "493817"
CODE_ID = "22222222-0000-4000-8000-000000000000"
MOST_MESSAGES = 12
FRAMES = 80
"""Between the start of a web server and the answer to a request."""
RENEW_AFTER = 200
"""Inputs that one cloud hears; what it was told stays, as it would."""

Receive = Callable[[Fleet, str, bytes, bool], None]


def received(fleet: Fleet, name: str, payload: bytes, is_retained: bool) -> None:
    """The cloud takes what the broker brings."""
    fleet.received(name, payload, is_retained=is_retained)


class Street:
    """A cloud with a lock and a code, and what of it no lock may change."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self.pair = Pair(directory)
        self.code = self.pair.create(DIGITS)
        self.pair.exchange()
        self.inputs = 0

    def wanted(self) -> list[Any]:
        """The codes that people asked for."""
        columns = "code, gen, code_rev, starts_at, ends_at, max_uses, deleted_ms"
        return self.pair.database.rows(
            f"SELECT {columns} FROM access_codes WHERE access_code_id = ?", self.code
        )

    def ask(self) -> None:
        """Every answer about its locks can be given, and written down."""
        pair = self.pair
        for row in locks.all_locks(pair.database):
            msgspec.json.encode(answers.lock(pair.database, row, pair.now))
            msgspec.json.encode(devices.device(pair.database, row, pair.now))
        msgspec.json.encode(pair.shown(self.code))
        msgspec.json.encode(events.events_after(pair.database, DEVICE_ID, 0, 50))


def check(directory: Path, receive: Receive = received) -> Check:
    """`receive`: what is to be tried."""
    streets: list[Street] = []

    def street() -> Street:
        if not streets or streets[-1].inputs >= RENEW_AFTER or _is_retired(streets[-1]):
            if streets:
                streets[-1].pair.close()
            streets.append(Street(directory / str(len(streets))))
        streets[-1].inputs += 1
        return streets[-1]

    def one(data: bytes) -> None:
        messages = _messages(data)
        if not messages:
            return
        here = street()
        before = here.wanted()
        for message in messages:
            _say(here, message, receive)
        assert here.wanted() == before, "a lock changed what people want"
        _as_in_a_server(FRAMES, here.ask)
        here.pair.to_lock.clear()

    return one


def _as_in_a_server(frames: int, ask: Callable[[], None]) -> None:
    """Where what can just be read with an empty stack cannot be read any more."""
    if frames:
        _as_in_a_server(frames - 1, ask)
    else:
        ask()


def _is_retired(street: Street) -> bool:
    return not street.pair.database.rows("SELECT 1 FROM device_keys WHERE lock_id = ?", DEVICE_ID)


def _messages(data: bytes) -> list[dict[str, Any]]:
    try:
        said = json.loads(data)
    except (ValueError, RecursionError):
        return []
    each = said if isinstance(said, list) else [said]
    return [one for one in each if isinstance(one, dict)][:MOST_MESSAGES]


def _say(street: Street, message: dict[str, Any], receive: Receive) -> None:
    stream = message.get("stream") if message.get("stream") in UP_STREAMS else "status"
    claims = message.get("claims")
    given = {"iat": NOON, "id": "x", **(claims if isinstance(claims, dict) else {})}
    body = message.get("body")
    body = _chained(street, body) if stream == "events" and isinstance(body, dict) else body
    payload = json.dumps({**given, "dev": DEVICE_ID, "stream": stream, "body": body})
    raw = jose.sign(f"lock-{stream}", payload.encode(), IDENTITY)
    if len(raw) <= MESSAGE_LIMIT_BYTES:
        name = topic(DEVICE_ID, "up", str(stream))
        receive(street.pair.fleet, name, raw, message.get("retained") is True)


def _chained(street: Street, body: dict[str, Any]) -> dict[str, Any]:
    """The rows as the next of their journal, unless they say which they are; what is to be sealed, sealed."""
    rows, journal_epoch = body.get("rows"), body.get("journal_epoch")
    if not isinstance(rows, list) or not isinstance(journal_epoch, str) or "\ud800" in journal_epoch:
        return body
    held = street.pair.database.row(
        "SELECT upto, last_hash FROM journals WHERE journal_epoch = ?", journal_epoch
    )
    seq, last = (held["upto"], held["last_hash"]) if held else (0, journal_epoch)
    chained = []
    for row in rows:
        if isinstance(row, dict):
            seq += 1
            row = {"seq": seq, **row, "detail": _sealed(row.get("detail"))}
            with suppress(ValueError, RecursionError):
                row.setdefault("hash", row_hash(last or "", row))
            last = row.get("hash")
        chained.append(row)
    return {**body, "rows": chained}


def _sealed(detail: Any) -> Any:
    told = detail.get("sealed") if isinstance(detail, dict) else None
    if not isinstance(told, dict) or told.get("stream") not in ("duress", "door_code"):
        return detail
    signer, recipient = Signer(DEVICE_ID, IDENTITY), public(CLOUD_SEALING)
    try:
        raw = signer.seal(
            told["stream"], cast("dict[str, Any]", told.get("body")), recipient, iat=NOON, id="x"
        )
    except (ValueError, TypeError, RecursionError):
        return detail
    return {**detail, "sealed": raw.decode()}


def seeds() -> list[bytes]:
    """A message of each stream, and rows of each kind that the cloud does something with."""
    status = {
        "online": True,
        "sid": "s",
        "device_time": NOON,
        "clock": "trusted",
        "strike": "locked",
        "mode": "normal",
    }
    more = {
        "release_s": 5.0,
        "door": "closed",
        "alarms": ["forced"],
        "links": {"outside": True},
        "applied_rev": 1,
    }
    codes = {
        "set_epoch": 1,
        "rev": 2,
        "root": "0" * 64,
        "count": 1,
        "capacity": 9,
        "constraints": {"digits": "0123456789"},
    }
    kinds: list[tuple[str, dict[str, Any]]] = [
        ("access_granted", {"access_code_id": "x", "gen": 1, "keypad": "keypad"}),
        ("access_denied", {"reason": "unknown_code", "count": 3}),
        ("code_state", {"access_code_id": "x", "gen": 1, "state": "unset", "errors": ["duplicate_code"]}),
        ("command_result", {"id": "c", "type": "unlock", "result": "done"}),
        ("code_set_applied", {"set_epoch": 1, "rev": 2, "root": "0" * 64}),
        (
            "code_added_at_door",
            {
                "access_code_id": CODE_ID,
                "gen": 1,
                "max_uses": 3,
                "sealed": {
                    "stream": "door_code",
                    "body": {"access_code_id": CODE_ID, "gen": 1, "code": "730412"},
                },
            },
        ),
        ("code_removed_at_door", {"access_code_id": CODE_ID, "gen": 1, "is_managed": True, "stays": True}),
        ("code_restored", {"access_code_id": CODE_ID, "gen": 1}),
        (
            "duress",
            {"sealed": {"stream": "duress", "body": {"access_code_id": CODE_ID, "gen": 1, "keypad": "k"}}},
        ),
        ("duress", {"sealed": "a.b.c.d.e"}),
        ("gap", {"from": 1, "to": 20, "counts": {"access_denied": 3}}),
        ("message_refused", {"stream": "command", "reason": "retained", "count": 1}),
        ("programming_started", {"access_code_id": CODE_ID, "gen": 1}),
        ("offline_codes_cancelled", {"kid": 1, "issuer": 0, "slot": 20_000}),
        ("mode", {"mode": "passage", "why": "command"}),
    ]
    rows = [
        {"kind": kind, "detail": detail, "wall_ms": NOON * 1000, "clock": "trusted"} for kind, detail in kinds
    ]
    messages: list[dict[str, Any]] = [
        {"stream": "status", "claims": {"sid": "s"}, "body": {**status, **more}, "retained": True},
        {"stream": "status", "body": {"online": False, "sid": "s"}},
        {"stream": "codes", "body": {**codes, "highest_rev": 3, "highest_root": "1" * 64, "local": 1}},
        {"stream": "request", "body": {"type": "buckets", "rev": 2, "need": [0]}},
        {"stream": "request", "body": {"type": "time", "nonce": "n"}},
        {"stream": "request", "body": {"type": "retire", "nonce": "n"}},
        *({"stream": "events", "body": {"journal_epoch": "e" * 16, "rows": [row]}} for row in rows),
        {"stream": "events", "body": {"journal_epoch": "e" * 16, "rows": rows}},
    ]
    return [json.dumps([each]).encode() for each in messages]


TARGET = Target(
    name="to_cloud",
    rules="no genuine message of a lock stops the cloud, keeps it from answering or changes what people want",
    check=check,
    seeds=seeds,
    quick=150,
)
