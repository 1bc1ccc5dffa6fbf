"""Replaces the root key of the offline codes of a lock by a fresh one, of another name.

From a future hour on: each start has one key, and no code that was given out dies. Or now, when the old root
may be in other hands: it is taken from the lock, and with it every code that nobody used yet.
"""

import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from msgspec.structs import replace

from agent.core.offline_code import DAY_H, ROOT_BYTES, SLOT_S, derive_key
from agent.core.offline_policy import LATEST_SLOT, MOST_KEYS
from agent.offline_setup import KeyPart, OfflineSetup, SetupFault, decode_setup
from cloud_sim import events, offline_codes, offline_kids, offline_revocation, offline_setups
from cloud_sim.answers import iso
from cloud_sim.database import Database
from cloud_sim.offline_codes import CLOUD_ISSUER
from cloud_sim.offline_setups import Kept

When = Literal["scheduled", "now"]
KIDS = 256
_FAR = 32
"""A cloud from a backup stays so far away from the names that came next when the backup was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedRotation:
    """Which issuer gets another key, and when: `at_s`, Unix seconds, None for as soon as no code dies of it.
    `revokes_used`: what was used already under the old key ends as well."""

    issuer: int = CLOUD_ISSUER
    when: When = "scheduled"
    at_s: float | None = None
    revokes_used: bool = False
    is_restored: bool = False
    """This cloud is from a backup, and does not know which keys and revisions it gave since."""


@dataclass(frozen=True, slots=True)
class Rotated:
    """What was done. `former` are kids; `ended` the ids of codes of this cloud that are over by it."""

    rev: int
    issuer: int
    kid: int
    former: Sequence[int]
    from_s: int
    ended: Sequence[str]
    handed: OfflineSetup | None
    """For an issuer elsewhere: its new key, in the form of `lockctl offline export`. Known once, here."""

    def __repr__(self) -> str:
        return f"Rotated(issuer={self.issuer}, kid={self.kid})"


@dataclass(frozen=True, slots=True)
class NotRotated:
    """Why nothing was changed, and what to do."""

    error: Literal["NO_OFFLINE_CODES", "INVALID_TIME", "TOO_MANY_KEYS"]
    message: str


@dataclass(frozen=True, slots=True)
class _Lock:
    """A lock whose keys are looked at, at one moment."""

    database: Database
    kept: Kept
    setup: OfflineSetup
    wall: float

    @property
    def now_slot(self) -> int:
        return self.setup.format().slot_at(self.wall)

    def iso(self, slot: int) -> str:
        return str(iso(self.setup.format().start_of(slot)))

    def raw(self) -> list[tuple[KeyPart, Mapping[str, Any]]]:
        """Each key with its form in the setup."""
        return list(zip(self.setup.keys, self.kept.fields.get("keys", []), strict=True))

    def of(self, issuer: int) -> list[KeyPart]:
        """The keys of an issuer, the newest last; not those that are there to revoke what was used."""
        keys = [key for key in self.setup.keys if key.issuer == issuer and key.first_slot <= key.last_slot]
        return sorted(keys, key=lambda key: (key.first_slot, key.kid))

    def free_from_s(self, key: KeyPart) -> float:
        """When the lock needs this key no more: nothing of it can be used first, nor cancel."""
        within_h = max(self.setup.first_use_within_h, DAY_H)
        return self.setup.format().start_of(key.last_slot) + within_h * SLOT_S + offline_revocation.KEEP_S

    def is_needless(self, key: KeyPart) -> bool:
        if key.first_slot > key.last_slot:
            since = offline_kids.since_rev(self.database, self.setup.device_id, key)
            return offline_setups.reported_rev(self.database, self.setup.device_id) >= since
        return self.free_from_s(key) < self.wall


def rotate(database: Database, lock_id: str, wanted: WantedRotation, wall: float) -> Rotated | NotRotated:
    """Give an issuer a fresh root, inside a transaction; send the setup afterwards. Raises SetupFault if the
    setup becomes too long."""
    lock = _lock(database, lock_id, wall)
    own = lock.of(wanted.issuer) if lock else []
    if lock is None or not own:
        return _no_key(lock, wanted.issuer)
    if wanted.when == "now":
        ends = _gone(own, revokes_used=wanted.revokes_used)
        cut = lock.now_slot
    else:
        slot = _cut(lock, own, wanted)
        if isinstance(slot, NotRotated):
            return slot
        cut = slot
        ends = {key.kid: {"last_slot": min(key.last_slot, cut - 1)} for key in own}
    new = _new_key(lock, own[-1], cut, is_restored=wanted.is_restored)
    changed = _changed(lock, wanted.issuer, ends, new)
    if isinstance(changed, NotRotated):
        return changed
    least_rev = _unknown_rev(wall) if wanted.is_restored else 0
    rev = offline_setups.replace_keys(database, lock_id, changed, least_rev)
    ended = offline_revocation.give_up_unreadable(database, lock_id, wall)
    if wanted.revokes_used:
        ended = offline_revocation.end_keys(database, lock_id, [key.kid for key in own], rev, wall)
    return _rotated(lock, own, new, rev, ended, wanted.when)


def restore(database: Database, lock_id: str, wall: float) -> Rotated | NotRotated:
    """This cloud does not know what it issued last: issue nothing any more with the keys it has, and go on
    with a fresh one beside them. What was given out stays good. Inside a transaction."""
    lock = _lock(database, lock_id, wall)
    own = lock.of(CLOUD_ISSUER) if lock else []
    if lock is None or not own:
        return _no_key(lock, CLOUD_ISSUER)
    offline_kids.retire(database, lock_id, own)
    if any(_overlap(one, other, lock.now_slot) for one in own for other in own if one.kid < other.kid):
        return NotRotated("TOO_MANY_KEYS", f"two keys count for the same starts already; {_WAYS_OUT}")
    new = _new_key(lock, own[-1], lock.now_slot, is_restored=True)
    changed = _changed(lock, CLOUD_ISSUER, {}, new)
    if isinstance(changed, NotRotated):
        return NotRotated(changed.error, f"{changed.message}; {_WAYS_OUT}")
    rev = offline_setups.replace_keys(database, lock_id, changed, _unknown_rev(wall))
    return _rotated(lock, own, new, rev, (), "restored")


def _unknown_rev(wall: float) -> int:
    """A revision that this cloud cannot have given since any backup: it counts in ones."""
    return int(wall)


_WAYS_OUT = (
    "until you replace them no code is issued for this lock: rotate-offline-key with --at TIME, after the"
    " last start of the codes that must stay good, or with --now, which ends all that were not used"
)


def _lock(database: Database, lock_id: str, wall: float) -> _Lock | None:
    kept = offline_setups.kept(database, lock_id)
    return None if kept is None else _Lock(database, kept, kept.decoded(lock_id), wall)


def _no_key(lock: _Lock | None, issuer: int) -> NotRotated:
    known = sorted({key.issuer for key in lock.setup.keys}) if lock else []
    listed = f"it has those of {', '.join(map(str, known))}" if known else "PUT a setup first"
    return NotRotated("NO_OFFLINE_CODES", f"this lock has no key of issuer {issuer}; {listed}")


def _cut(lock: _Lock, own: Sequence[KeyPart], wanted: WantedRotation) -> int | NotRotated:
    """The first start of the new key."""
    least = max(lock.now_slot, own[-1].first_slot) + 1
    if wanted.issuer != CLOUD_ISSUER and wanted.at_s is None:
        why = "which codes others issued nobody knows here"
        return NotRotated("INVALID_TIME", f"at: say when issuer {wanted.issuer} changes over; {why}")
    lasting = max(least, _last_start(lock, own, wanted.issuer) + 1)
    if wanted.at_s is None:
        return lasting
    form = lock.setup.format()
    asked = form.slot_at(wanted.at_s + SLOT_S - 1)
    if asked < least:
        message = f"at: too early; the first hour it can be is {lock.iso(least)}, or say now"
        return NotRotated("INVALID_TIME", message)
    if asked < lasting:
        message = (
            f"at: codes that start until {lock.iso(lasting - 1)} are given out and would die; the first hour"
            f" it can be is {lock.iso(lasting)}, or say now and end them"
        )
        return NotRotated("INVALID_TIME", message)
    return asked


def _last_start(lock: _Lock, own: Iterable[KeyPart], issuer: int) -> int:
    """Of the codes that were given out and that nobody used yet, as far as is known; -1 for none."""
    kids = {key.kid for key in own}
    known = offline_codes.knowledge(lock.database, lock.setup.device_id)
    rows = offline_codes.of_lock(lock.database, lock.setup.device_id)
    slots = [
        row["slot"]
        for row in rows
        if row["issuer"] == issuer
        and row["kid"] in kids
        and not row["uses"]
        and row["revoked_ms"] is None
        and offline_codes.may_open(row, known, lock.wall)
    ]
    return max(slots, default=-1)


def _gone(own: Iterable[KeyPart], *, revokes_used: bool) -> dict[int, dict[str, int] | None]:
    """The keys are taken away: with an end at this hour the codes that began in the last day would still be
    taken, and so would those that a thief makes. To revoke what was used, one stays that is for no start."""
    nothing = {"first_slot": 1, "last_slot": 0, "cancelled_before_slot": LATEST_SLOT}
    return {key.kid: nothing if revokes_used else None for key in own}


def _new_key(lock: _Lock, like: KeyPart, first_slot: int, *, is_restored: bool) -> dict[str, Any]:
    """As it stands in the setup: with its root for this cloud, with its key alone for anybody else."""
    kid = _free_kid(offline_kids.used(lock.database, lock.setup.device_id), like.kid, is_restored=is_restored)
    root = secrets.token_bytes(ROOT_BYTES)
    raw = next(raw for key, raw in lock.raw() if (key.kid, key.issuer) == (like.kid, like.issuer))
    held = (
        {"root": root.hex()}
        if like.issuer == CLOUD_ISSUER
        else {"key": derive_key(root, kid, like.issuer).hex()}
    )
    policy = {"policy": raw["policy"]} if "policy" in raw else {}
    return {"kid": kid, "issuer": like.issuer, **held, "first_slot": first_slot, **policy}


def _free_kid(used: set[int], newest: int, *, is_restored: bool) -> int:
    """The next name that the lock never had. A cloud from a backup does not know which it gave since."""
    free = [kid for step in range(1, KIDS) if (kid := (newest + step) % KIDS) not in used]
    if not free:
        raise SetupFault("this lock has had every kid there is; enrol it anew")
    return secrets.choice(free[_FAR:] or free) if is_restored else free[0]


def _changed(
    lock: _Lock, issuer: int, ends: Mapping[int, Mapping[str, int] | None], new: Mapping[str, Any]
) -> list[Mapping[str, Any]] | NotRotated:
    """The keys of the setup afterwards."""
    left: list[tuple[KeyPart, Mapping[str, Any]]] = []
    for key, raw in lock.raw():
        end = ends.get(key.kid, {}) if key.issuer == issuer else {}
        if end is not None and not lock.is_needless(key):
            left.append((key, {**raw, **end}))
    if len(left) < MOST_KEYS:
        return [*(raw for _, raw in left), new]
    ending = [lock.free_from_s(key) for key, _ in left if key.first_slot <= key.last_slot < LATEST_SLOT]
    when = f"one of them is needed until {iso(min(ending))}" if ending else "take one of them away with a PUT"
    names = ", ".join(f"kid {key.kid} of issuer {key.issuer}" for key, _ in left)
    return NotRotated("TOO_MANY_KEYS", f"a lock takes {MOST_KEYS} keys and has {names}; {when}")


def _overlap(one: KeyPart, other: KeyPart, from_slot: int) -> bool:
    return max(one.first_slot, other.first_slot, from_slot) <= min(one.last_slot, other.last_slot)


def _rotated(
    lock: _Lock, own: Sequence[KeyPart], new: Mapping[str, Any], rev: int, ended: Sequence[str], why: str
) -> Rotated:
    """The outcome, which is an event of the lock besides."""
    detail = {"issuer": new["issuer"], "kid": new["kid"], "former_kids": [key.kid for key in own], "why": why}
    events.add_own(lock.database, lock.setup.device_id, "offline_key_replaced", detail, int(lock.wall * 1000))
    return Rotated(
        rev=rev,
        issuer=new["issuer"],
        kid=new["kid"],
        former=[key.kid for key in own],
        from_s=lock.setup.format().start_of(new["first_slot"]),
        ended=ended,
        handed=None if new["issuer"] == CLOUD_ISSUER else _handed(lock, new),
    )


def _handed(lock: _Lock, new: Mapping[str, Any]) -> OfflineSetup:
    shared = ("digits", "phase_s", "first_use_within_h", "tolerance_s")
    setup = lock.setup
    known = decode_setup(json.dumps({"device_id": setup.device_id, "keys": [new]}).encode())
    return replace(known, **{name: getattr(setup, name) for name in shared})
