"""Whatever the cloud's own key signs to a lock, in any order: the lock stands, and opens when it is told."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent import jose
from agent.core import code_set
from agent.envelope import OKPKey, Opener, kid_of
from agent.messages import MESSAGE_LIMIT_BYTES, topic
from agent.uplink.inbound import Arrival, Inbound
from firmware_sim.enrolled import DEVICE_ID
from firmware_sim.site import Site, code_row
from firmware_sim.virtual_parts import NOON
from tests.fuzz.doors import Doors
from tests.fuzz.keys import CLOUD_SIGNING, LOCK_SEALING, public
from tests.fuzz.target import Check, Target

ANNA = code_row("11111111-0000-4000-8000-000000000000", "493817")
WRITTEN = json.dumps({"code": ANNA["code"]})[1:-1].encode()
SEALED = ("bucket", "offline")
COUNTED = ("desired", "keys", *SEALED)
MOST_MESSAGES = 12
FREEING = ("mode", "config")
"""By these a door may be free for a while: by a mode, or by a schedule of modes."""

Taken = Callable[[Site, Any], None]


def taken(site: Site, received: Any) -> None:
    """The lock takes what the uplink made of a message."""
    site.say(received)


def check(directory: Path, take: Taken = taken) -> Check:
    """`take`: what is to be tried."""
    doors = Doors(directory, prepare=lambda site: site.install(ANNA))
    opener = Opener(DEVICE_ID, {kid_of(CLOUD_SIGNING): public(CLOUD_SIGNING)}, LOCK_SEALING)

    def one(data: bytes) -> None:
        with doors.door() as site:
            may_be_free = False
            for message in _messages(data):
                may_be_free |= _is_live(message, site.cloud_wall_s) and message["body"].get("type") in FREEING
                _hear(site, Inbound(opener), message, take, may_be_free=may_be_free)
            assert not site.controller.recorder.is_failing, "a message came to a fault of storage"
            site.wait(70.0)
            _ask(site)
            is_elsewhere = ANNA["code"].encode() in data.replace(WRITTEN, b"")
            assert is_elsewhere or ANNA["code"] not in doors.told(site), "digits in log or journal"

    return one


def _messages(data: bytes) -> list[dict[str, Any]]:
    try:
        said = json.loads(data)
    except (ValueError, RecursionError):
        return []
    each = said if isinstance(said, list) else [said]
    return [one for one in each if isinstance(one, dict)][:MOST_MESSAGES]


def _hear(site: Site, inbound: Inbound, message: dict[str, Any], take: Taken, *, may_be_free: bool) -> None:
    said = message.get("stream")
    stream = said if isinstance(said, str) else "ack"
    raw = _signed(stream, message.get("claims"), message.get("body"))
    if len(raw) > MESSAGE_LIMIT_BYTES:
        return
    now_s, before = site.cloud_wall_s, site.strike.releases
    is_retained = message.get("retained") is True
    arrival = Arrival(topic(DEVICE_ID, "down", stream), raw, is_retained, site.clock.now_s)
    take(site, inbound.read(arrival, 1, int(now_s)))
    if site.strike.releases > before and not may_be_free:
        assert not is_retained, "opened by a message that the broker kept"
        assert _is_live(message, now_s), "opened by what is no command for this session and moment"
        assert message["body"]["type"] == "unlock", "opened by another command"
    wait = message.get("wait")
    site.wait(float(min(max(wait, 0), 4000)) if isinstance(wait, int | float) and wait == wait else 0.0)


def _is_live(message: dict[str, Any], now_s: float) -> bool:
    """Whether this is a command, and for now."""
    claims, body = message.get("claims"), message.get("body")
    if message.get("stream") != "command" or not isinstance(claims, dict) or not isinstance(body, dict):
        return False
    iat, exp = claims.get("iat", NOON), claims.get("exp")
    if type(iat) is not int or type(exp) is not int or claims.get("sid") != "sid":
        return False
    return 0 < exp - iat <= 30 and iat - 40 <= now_s < exp + 2


def _signed(stream: str, claims: Any, body: Any) -> bytes:
    base: dict[str, Any] = (
        {"iat": NOON, "set_epoch": 1, "rev": 5} if stream in COUNTED else {"iat": NOON, "id": "x"}
    )
    given = {**base, **(claims if isinstance(claims, dict) else {})}
    payload = json.dumps({**given, "dev": DEVICE_ID, "stream": stream, "body": body})
    signed = jose.sign(f"lock-{stream.encode(errors='replace').decode()}", payload.encode(), CLOUD_SIGNING)
    return jose.encrypt(signed, public(LOCK_SEALING)) if stream in SEALED else signed


def _ask(site: Site) -> None:
    """What people and the cloud can ask can still be answered, and the newest code set is still taken."""
    revision = site.controller.codes.revision
    if revision.set_epoch == 1 and revision.highest_rev < 2**52:
        site.offer([ANNA], rev=revision.highest_rev + 1)
        site.deliver([ANNA])
        applied = site.controller.codes.revision.applied_rev
        assert applied == revision.highest_rev + 1, "the next code set is not taken"
        assert len(site.controller.codes.holding) >= 1


def _jwk(key: OKPKey) -> dict[str, Any]:
    return {name: key.as_dict(private=False)[name] for name in ("kty", "crv", "x")}


def seeds() -> list[bytes]:
    """A message of each stream and each command."""
    live = {"iat": NOON + 5, "exp": NOON + 25, "sid": "sid"}
    digests = [code_set.bucket_digest([code_set.canonical(ANNA)])]
    root = code_set.root(DEVICE_ID, 1, 5, digests)
    key = {"kid": 1, "issuer": 0, "key": "5f" * 32}
    commands: list[dict[str, Any]] = [
        {"type": "unlock", "args": {"for_s": 3}},
        {"type": "unlock"},
        {"type": "lock"},
        {"type": "mode", "args": {"mode": "passage"}},
        {"type": "mode", "args": {"mode": "lockdown"}},
        {"type": "revoke", "args": {"ids": [ANNA["access_code_id"]], "rev": 9}},
        {"type": "resync"},
        {"type": "acknowledge", "args": {"length_class": "short"}},
        {"type": "identify"},
        {"type": "config", "args": {"release_s": 7, "mode_schedule": _SCHEDULE}},
        {"type": "forget", "args": {"ids": ["x"]}},
    ]
    others: list[dict[str, Any]] = [
        {"stream": "desired", "body": {"count": 1, "buckets": code_set.pack_digests(digests), "root": root}},
        {"stream": "bucket", "body": {"index": 0, "part": 0, "parts": 1, "rows": [ANNA]}},
        {"stream": "ack", "body": {"journal_epoch": "e" * 16, "upto": 1}},
        {"stream": "heartbeat", "claims": {"exp": NOON + 60}, "body": {"head_rev": 5, "time": NOON + 5}},
        {"stream": "offline", "body": {"device_id": DEVICE_ID, "keys": [key], "journal_epoch": "e" * 16}},
        {
            "stream": "keys",
            "body": {"signing": [{"key": _jwk(CLOUD_SIGNING)}], "sealing": _jwk(LOCK_SEALING)},
        },
    ]
    said = [
        {
            "stream": "command",
            "claims": {**live, "id": f"c{place}"},
            "body": body,
            "retained": False,
            "wait": 1,
        }
        for place, body in enumerate(commands)
    ]
    return [
        *(json.dumps([each]).encode() for each in (*said, *others)),
        json.dumps([others[0], others[1], *said[:5]]).encode(),
    ]


_SCHEDULE = {
    "zone": "Europe/Berlin",
    "weekly": [{"days": [1], "from": "08:00", "to": "18:00", "mode": "passage"}],
}

TARGET = Target(
    name="to_lock",
    rules="no genuine message stops a lock, or opens it but for a live command of its session",
    check=check,
    seeds=seeds,
    quick=10,
)
