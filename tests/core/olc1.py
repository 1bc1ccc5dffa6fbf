"""The published vectors of OLC1, and what tests of offline codes have in common."""

import json
from pathlib import Path
from typing import Any

from agent.core.offline_code import IssuerKey, Meaning, OfflineFormat, OfflineKind, derive_key, issue

PUBLISHED: dict[str, Any] = json.loads((Path(__file__).parents[2] / "issuer" / "vectors.json").read_text())
VECTORS: list[dict[str, Any]] = PUBLISHED["vectors"]
ROOT = bytes.fromhex(PUBLISHED["root"])
DEVICE: str = PUBLISHED["device_id"]
START = 1_780_326_000
"""2026-06-01T15:00:00Z, slot 21183."""
SLOT = 21_183


def key_of(kid: int = 1, issuer: int = 0) -> IssuerKey:
    """A key under the root of the vectors."""
    return IssuerKey(kid, issuer, derive_key(ROOT, kid, issuer))


def timed(hours: int, serial: int = 0) -> Meaning:
    return Meaning(OfflineKind.TIMED, hours, serial)


def once(serial: int = 0) -> Meaning:
    return Meaning(OfflineKind.ONCE, 24, serial)


CANCEL = Meaning(OfflineKind.CANCEL, 24, 0)


def code_of(meaning: Meaning, start_s: float = START, digits: int = 10, key: IssuerKey | None = None) -> str:
    """A code of the lock of the vectors."""
    return issue(OfflineFormat(DEVICE, digits), key or key_of(), start_s, meaning)
