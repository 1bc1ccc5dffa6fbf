"""What a technician asks about offline codes on a bench, without a lock: what is this code, does this file
of vectors agree. Pure functions; the files are read by whoever calls."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from agent.core.offline_code import (
    DAY_H,
    SLOT_S,
    EraCipher,
    IssuerKey,
    Meaning,
    OfflineFormat,
    OfflineKind,
    Payload,
    check_code,
    derive_key,
    issue,
    meaning_of,
    q_of,
)
from agent.core.offline_policy import AcceptedKey
from agent.offline_setup import KeyPart, OfflineSetup, SetupFault

NEAR_S = 2 * 366 * 86_400
"""A code of the lock's own keys is believed to be one if it starts this near to now."""
OTHERS_NEAR_S = 31 * 86_400
"""A code of any other issuer must start nearer: with 255 of them, chance comes near more often."""

State = Literal["live", "future", "running", "expired", "cancelled", "denied", "not_allowed", "other_issuer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One thing that a code can be. Times in Unix seconds; the first use is due before `first_use_by_s`."""

    state: State
    kid: int
    issuer: int
    kind: str
    serial: int
    hours: int
    slot: int
    q: int
    starts_s: int
    first_use_by_s: int
    ends_s: int


def explain(setup: OfflineSetup, digits: str, now_s: float) -> list[Explanation]:
    """What `digits` can be, the likeliest first; empty if nothing near. Any number decodes to something, so
    only codes that start near now are taken for codes. ValueError if the length is wrong."""
    form = setup.format()
    code = check_code(form, digits)
    own = {(key.kid, key.issuer) for key in setup.keys}
    found = [
        _explained(setup, key, key.issuer_key(), payload, meaning, now_s)
        for key in setup.keys
        for payload, meaning in _readings(form, key.issuer_key(), code, now_s, NEAR_S)
    ]
    if not found:
        found = [
            _explained(setup, None, other, payload, meaning, now_s)
            for root in {key.kid: key for key in setup.keys if key.root is not None}.values()
            for issuer in range(256)
            if (root.kid, issuer) not in own
            for other in [root.issuer_key(issuer)]
            for payload, meaning in _readings(form, other, code, now_s, OTHERS_NEAR_S)
        ]
    return sorted(found, key=lambda one: (one.state != "live", abs(one.starts_s - now_s)))


def _readings(
    form: OfflineFormat, key: IssuerKey, code: int, now_s: float, near_s: float
) -> Iterator[tuple[Payload, Meaning]]:
    """What the code says under one key, in all eras that are near."""
    for era in range(form.era_at(now_s - near_s), form.era_at(now_s + near_s) + 1):
        payload, can_be = EraCipher(form, key, era).decode(code)
        meaning = meaning_of(payload.q)
        if can_be and meaning is not None and abs(form.start_of(payload.slot) - now_s) <= near_s:
            yield payload, meaning


def _explained(
    setup: OfflineSetup,
    part: KeyPart | None,
    key: IssuerKey,
    payload: Payload,
    meaning: Meaning,
    now_s: float,
) -> Explanation:
    starts_s = setup.format().start_of(payload.slot)
    first_use_by_s = starts_s + setup.first_use().hours(meaning.kind, meaning.hours) * SLOT_S
    ends_s = starts_s + meaning.hours * SLOT_S
    return Explanation(
        state=_state(setup, part, payload, (starts_s, first_use_by_s, ends_s), now_s),
        kid=key.kid,
        issuer=key.issuer,
        kind=meaning.kind.value,
        serial=meaning.serial,
        hours=meaning.hours,
        slot=payload.slot,
        q=payload.q,
        starts_s=starts_s,
        first_use_by_s=first_use_by_s,
        ends_s=ends_s,
    )


def _state(
    setup: OfflineSetup,
    part: KeyPart | None,
    payload: Payload,
    times: tuple[int, int, int],
    now_s: float,
) -> State:
    starts_s, first_use_by_s, ends_s = times
    denied = {(one.kid, one.issuer, one.slot, one.q) for one in setup.denied}
    if part is None:
        return "other_issuer"
    if payload.slot < part.cancelled_before_slot:
        return "cancelled"
    if (part.kid, part.issuer, payload.slot, payload.q) in denied:
        return "denied"
    meaning = meaning_of(payload.q)
    if meaning is None or not allows(part.accepted(), payload.slot, meaning):
        return "not_allowed"
    if now_s < starts_s - setup.tolerance_s:
        return "future"
    if now_s < first_use_by_s + setup.tolerance_s:
        return "live"
    return "running" if now_s < ends_s + setup.tolerance_s else "expired"


def allows(key: AcceptedKey, slot: int, meaning: Meaning) -> bool:
    """Whether a lock would take such a code of this key at any time."""
    in_hours = meaning.kind is not OfflineKind.TIMED or slot % DAY_H in key.policy.start_hours
    return key.policy.allows(q_of(meaning)) and in_hours and key.first_slot <= slot <= key.last_slot


# --- vectors ------------------------------------------------------------------------------------------


class _Vector(msgspec.Struct, frozen=True):
    """One vector; fields that only explain (era, x, tweak) are checked where they stand."""

    d: int
    kid: int
    issuer: int
    phase: int
    kind: Literal["timed", "once", "cancel"]
    start_unix: int
    hours: int
    serial: int
    slot: int
    q: int
    code: str
    key: str | None = None
    era: int | None = None
    tweak: str | None = None


class _Vectors(msgspec.Struct, frozen=True):
    """A file of vectors: a public root, for tests only."""

    root: str
    device_id: str
    vectors: list[_Vector]


@dataclass(frozen=True, slots=True)
class VectorReport:
    """How many vectors were issued and read as the file says; `wrong` says what differed, by place."""

    total: int
    wrong: list[str]


def check_vectors(document: bytes) -> VectorReport:
    """Issue every vector of a file and read its code back. Raises SetupFault if the file is no such file."""
    try:
        read: _Vectors = msgspec.json.decode(document, type=_Vectors)
        root = bytes.fromhex(read.root)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise SetupFault(f"not a file of vectors: {error}") from None
    wrong = [
        f"vector {place}: {what}"
        for place, vector in enumerate(read.vectors, 1)
        if (what := _difference(root, read.device_id, vector)) is not None
    ]
    return VectorReport(len(read.vectors), wrong)


def _difference(root: bytes, device_id: str, vector: _Vector) -> str | None:
    try:
        form = OfflineFormat(device_id, vector.d, vector.phase)
        key = IssuerKey(vector.kid, vector.issuer, derive_key(root, vector.kid, vector.issuer))
        meaning = Meaning(OfflineKind(vector.kind), vector.hours, vector.serial)
        issued = issue(form, key, vector.start_unix, meaning)
        era = vector.slot // form.era_slots
        payload, can_be = EraCipher(form, key, era).decode(check_code(form, vector.code))
        tweak = form.tweak(vector.kid, vector.issuer, era)
    except ValueError as error:
        return str(error)
    pairs: dict[str, tuple[Any, Any]] = {
        "key": (key.key.hex(), vector.key),
        "era": (era, vector.era),
        "tweak": (tweak.hex(), vector.tweak),
        "code": (issued, vector.code),
        "slot read from the code": (payload.slot, vector.slot),
        "q read from the code": (payload.q, vector.q),
        "is a code": (can_be, True),
    }
    wrong = [
        f"{name} is {ours}, the file says {theirs}"
        for name, (ours, theirs) in pairs.items()
        if theirs is not None and ours != theirs
    ]
    return "; ".join(wrong) or None
