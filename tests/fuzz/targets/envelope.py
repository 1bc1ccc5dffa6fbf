"""The envelope: what nobody signed never opens, and of what was signed only what says the right things."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from agent import jose
from agent.envelope import SEALED_STREAMS, Message, OKPKey, Opener, kid_of
from tests.fuzz.keys import CLOUD_SIGNING, LOCK_SEALING, LOCK_SIGNING, public
from tests.fuzz.plain_rules import DEEPEST, depth
from tests.fuzz.target import Check, Draw, Target

DEVICE = "9d5a1c30-0000-4000-8000-000000000001"
EXP = 1_790_000_060
WALLS = (None, EXP - 1, EXP, EXP + 1)
SIDES: dict[str, OKPKey] = {
    "desired": CLOUD_SIGNING,
    "bucket": CLOUD_SIGNING,
    "command": CLOUD_SIGNING,
    "offline": CLOUD_SIGNING,
    "status": LOCK_SIGNING,
    "events": LOCK_SIGNING,
    "duress": LOCK_SIGNING,
}
"""By stream, who signs it."""
STREAMS = tuple(SIDES)
RAW, SEALED, SIGNED, HEADED = range(4)
"""The rest of the input is a message; something to seal; a payload to sign; a header over a sound payload."""
_COUNT = 2**63 - 1


def _payload(stream: str) -> dict[str, Any]:
    counted = (
        {"rev": 7, "set_epoch": 1} if stream in ("desired", "bucket", "offline") else {"id": "x", "exp": EXP}
    )
    return {"dev": DEVICE, "stream": stream, "iat": EXP - 60, **counted, "body": {"code": "4711"}}


def _genuine(stream: str) -> bytes:
    return jose.sign(f"lock-{stream}", json.dumps(_payload(stream)).encode(), SIDES[stream])


def _b64(data: bytes) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")


def _header(stream: str) -> dict[str, str]:
    return {"alg": "Ed25519", "kid": kid_of(SIDES[stream]), "typ": f"lock-{stream}"}


def _signed_under(header: bytes, stream: str) -> bytes:
    text = _b64(header) + b"." + _b64(json.dumps(_payload(stream)).encode())
    private: Any = SIDES[stream].private_key
    return text + b"." + _b64(private.sign(text))


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len({name for name, _ in pairs}) == len(pairs)
    return dict(pairs)


def _is_count(value: Any, most: int = _COUNT) -> bool:
    return type(value) is int and 0 <= value <= most


def _is_sound(payload: bytes, stream: str, wall: int | None) -> bool:
    """Whether a signed payload may be believed, as its page says it: `agent.envelope.Message`."""
    try:
        said = json.loads(payload.decode(), object_pairs_hook=_once)
    except (ValueError, RecursionError, AssertionError):
        return False
    if not isinstance(said, dict) or said.get("dev") != DEVICE or said.get("stream") != stream:
        return False
    if depth(said) > DEEPEST:
        return False
    counts = all(said.get(name) is None or _is_count(said[name]) for name in ("rev", "exp", "nth"))
    texts = all(
        said.get(name) is None or (isinstance(said[name], str) and len(said[name]) <= 64)
        for name in ("id", "sid", "life")
    )
    if not (
        counts and texts and _is_count(said.get("iat")) and _is_count(said.get("set_epoch", 0), 2**32 - 1)
    ):
        return False
    is_late = wall is not None and said.get("exp") is not None and said["exp"] <= wall
    return "body" in said and (said.get("rev") is None) != (said.get("id") is None) and not is_late


def _as_written(opened: Message, payload: bytes) -> bool:
    """Whether what was opened is what stands there."""
    said = json.loads(payload)
    return all(
        getattr(opened, name) == said.get(name, 0 if name == "set_epoch" else None) for name in _CLAIMS
    )


_CLAIMS = ("dev", "stream", "iat", "set_epoch", "rev", "id", "exp", "sid", "life", "nth")


def check(_: Path, opener: Callable[..., Opener] = Opener) -> Check:
    """`opener`: what is to be tried."""
    openers = {
        stream: opener(DEVICE, {kid_of(key): public(key)}, LOCK_SEALING if stream in SEALED_STREAMS else None)
        for stream, key in SIDES.items()
    }
    genuine = {stream: _genuine(stream) for stream in STREAMS}

    def one(data: bytes) -> None:
        draw = Draw(data)
        way, stream, wall = draw.below(4), draw.of(STREAMS), draw.of(WALLS)
        given, is_sealed = draw.rest(), stream in SEALED_STREAMS
        inner = {RAW: given, SEALED: given, HEADED: _signed_under(given, stream)}.get(way)
        if inner is None:
            inner = jose.sign(f"lock-{stream}", given, SIDES[stream])
        is_wrapped = is_sealed and way != RAW and inner != b""
        raw = jose.encrypt(inner, public(LOCK_SEALING)) if is_wrapped else inner
        opened = openers[stream].open(raw, stream, wall)
        if not isinstance(opened, Message):
            assert way != SIGNED or len(raw) > 32 * 1024 or not _is_plain(given, stream, wall)
            return
        assert "4711" in (opened.id or "") or "4711" not in repr(opened), "digits in a repr"
        if way == SIGNED:
            assert _is_sound(given, stream, wall)
            assert _as_written(opened, given)
        elif way == HEADED:
            assert json.loads(given, object_pairs_hook=_once) == _header(stream)
        else:
            signed = jose.decrypt(raw, LOCK_SEALING) if is_sealed else raw
            assert signed == genuine[stream]

    return one


def _is_plain(payload: bytes, stream: str, wall: int | None) -> bool:
    """Whether a payload is sound and written as our own encoder does, so that nothing excuses a refusal."""
    if not _is_sound(payload, stream, wall):
        return False
    try:
        return bool(msgspec.json.encode(msgspec.json.decode(payload)) == payload)
    except (ValueError, RecursionError):
        return False


def seeds() -> list[bytes]:
    """Every stream in every way."""
    found = []
    for place, stream in enumerate(STREAMS):
        signed = _genuine(stream)
        raw = jose.encrypt(signed, public(LOCK_SEALING)) if stream in SEALED_STREAMS else signed
        found += [
            bytes([RAW, place, 0]) + raw,
            bytes([SEALED, place, 0]) + signed,
            bytes([SIGNED, place, 1]) + msgspec.json.encode(_payload(stream)),
            bytes([HEADED, place, 0]) + json.dumps(_header(stream)).encode(),
        ]
    return found


TARGET = Target(
    name="envelope",
    rules="only what the pinned key signed opens, and of that only what is sound, addressed and in time",
    check=check,
    seeds=seeds,
    quick=150,
)
