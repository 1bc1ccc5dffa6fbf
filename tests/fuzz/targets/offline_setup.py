"""The document with keys for offline and rolling codes: whole or refused, and nothing secret in a refusal."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from agent.core.offline_policy import OfflineVerifier
from agent.offline_setup import OfflineSetup, SetupFault, decode_setup
from tests.fuzz.target import Check, Target

KEY = "5f" * 31 + "a7"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
SECRETS = (KEY[:32], SECRET[:26], bytes.fromhex(KEY).decode("latin-1"))


def check(_: Path, decode: Callable[[bytes], OfflineSetup] = decode_setup) -> Check:
    """`decode`: what is to be tried."""

    def one(data: bytes) -> None:
        try:
            setup = decode(data)
        except SetupFault as fault:
            shown = f"{fault} {fault!r} {fault.__context__ if not fault.__suppress_context__ else ''}"
            assert str(fault), "a refusal says what is wrong"
            assert not any(secret in shown for secret in SECRETS), "a secret is in the refusal"
            return
        shown = repr(setup).replace(setup.device_id, "").replace(setup.journal_epoch, "")
        assert not any(secret in shown for secret in SECRETS), "a secret is in a repr"
        assert decode(msgspec.json.encode(setup)) == setup
        _is_usable(setup)

    return one


def _is_usable(setup: OfflineSetup) -> None:
    """What the lock makes of it next."""
    keys = [key.accepted() for key in setup.keys]
    denied = [(each.kid, each.issuer, each.slot, each.q) for each in setup.denied]
    if len(keys) > 1 or setup.denied:  # it takes some time
        OfflineVerifier(setup.format(), setup.first_use(), keys, floors=setup.floors(), denied=denied)
    slots = [one.technician().slot for one in setup.technicians]
    assert len(set(slots)) == len(slots)
    assert all(0 <= slot <= 999 for slot in slots)
    assert all(len(key.key.key) == 32 for key in keys)


def _document(**changes: Any) -> bytes:
    keys: list[dict[str, Any]] = [
        {"kid": 1, "root": KEY, "first_slot": 20_000, "policy": {"serials": 2, "start_hours": [8, 15]}},
        {"kid": 1, "issuer": 3, "key": KEY, "cancelled_before_slot": 21_000},
    ]
    technicians = [
        {"slot": 7, "secret": SECRET, "name": "Anna", "starts_at": 1_700_000_000, "ends_at": 1_900_000_000},
        {"slot": 8, "secret": SECRET, "is_revoked": True},
    ]
    denied = [{"kid": 1, "issuer": 0, "slot": 21_183, "q": 67}]
    sound = {"device_id": "lock-0001", "digits": 10, "phase_s": 900, "keys": keys, "denied": denied}
    return json.dumps({**sound, "technicians": technicians, "journal_epoch": "e" * 16, **changes}).encode()


def seeds() -> list[bytes]:
    """Whole ones, and small ones."""
    one_key = [{"kid": 1, "key": KEY}]
    return [
        _document(),
        _document(digits=8, tolerance_s=1800, first_use_within_h=72, keys=[], denied=[]),
        _document(keys=one_key, technicians=[]),
        b'{"device_id": "lock-0001"}',
    ]


TARGET = Target(
    name="offline_setup",
    rules="a document is refused with a reason that names no secret, or is taken whole and can be used",
    check=check,
    seeds=seeds,
    quick=150,
)
