"""Issues offline codes: which start, duration and serial, so that what is asked for is covered, no two codes
are the same, and the lock will take it."""

from collections.abc import Container, Iterator
from dataclasses import dataclass
from enum import Enum
from math import ceil
from typing import Any

from agent.core.offline_code import (
    DAY_H,
    LONGEST_H,
    ONCE_SERIALS,
    SERIALS,
    SLOT_S,
    Meaning,
    OfflineKind,
    issue,
    q_of,
    rounded_up,
)
from agent.core.offline_policy import KeyName
from agent.offline_setup import KeyPart, OfflineSetup, offline_id
from cloud_sim import offline_cancellations, offline_codes, offline_kids, offline_setups
from cloud_sim.database import Database
from cloud_sim.offline_codes import CLOUD_ISSUER

HOUR_S = 3600
ROUNDINGS_S = {"1hour": HOUR_S, "1h": HOUR_S, "1day": DAY_H * HOUR_S, "1d": DAY_H * HOUR_S}
"""By how much each end of a window may differ from what was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedOfflineCode:
    """What somebody asks for. Unix seconds; a one-time code needs neither, and lasts 24 hours."""

    name: str | None = None
    person_id: str | None = None
    starts_s: float | None = None
    ends_s: float | None = None
    is_one_time_use: bool = False
    rounding_s: int = HOUR_S


class Why(Enum):
    """Why no code is issued."""

    NOT_SUPPORTED = "not_supported"
    WINDOW = "window"
    NONE_LEFT = "none_left"


@dataclass(frozen=True, slots=True)
class NotIssued:
    """The refusal, in words; `field` is what it is about, if one field is."""

    why: Why
    message: str
    field: str = ""


@dataclass(frozen=True, slots=True)
class _Place:
    """A start and a duration that cover what is asked for."""

    slot: int
    kind: OfflineKind
    hours: int


def is_supported(setup: OfflineSetup | None) -> bool:
    """Whether this cloud can issue codes that a lock with this setup takes."""
    return setup is not None and any(key.issuer == CLOUD_ISSUER for key in setup.keys)


def setup_of(database: Database, lock_id: str) -> OfflineSetup | None:
    """The setup of a lock, if it has one."""
    kept = offline_setups.kept(database, lock_id)
    return kept.decoded(lock_id) if kept else None


def issue_code(database: Database, lock_id: str, wanted: WantedOfflineCode, wall: float) -> str | NotIssued:
    """Issue a code and keep it, inside a transaction; its id, or why there is none."""
    setup = setup_of(database, lock_id)
    if setup is None or not is_supported(setup):
        message = (
            "this lock has no setup for offline codes; PUT one with a key of issuer 0 (docs/offline-codes.md)"
        )
        return NotIssued(Why.NOT_SUPPORTED, message)
    problem = _problem(wanted, wall)
    if problem is not None:
        return problem
    obstacles: list[NotIssued] = []
    for place in _places(setup, wanted, wall, obstacles):
        key = _issuing_key(database, setup, place.slot)
        if isinstance(key, NotIssued):
            obstacles.append(key)
            continue
        policy_says = _against_policy(key, place)
        if policy_says is not None:
            obstacles.append(policy_says)
            continue
        chosen = _unused(database, setup, key, place)
        if chosen is not None:
            meaning, digits = chosen
            return _keep(database, setup, key, place, meaning, digits, wanted, wall)
        obstacles.insert(0, _NONE_LEFT)
    return obstacles[0]


_NONE_LEFT = NotIssued(
    Why.NONE_LEFT,
    "all codes of this lock for that start and duration are issued; ask for another start, for an end an hour"
    " later, or for max_time_rounding 1day",
)


def _problem(wanted: WantedOfflineCode, wall: float) -> NotIssued | None:
    starts_s, ends_s = wanted.starts_s, wanted.ends_s
    for name, value in (("starts_at", starts_s), ("ends_at", ends_s)):
        if value is None and not wanted.is_one_time_use:
            return NotIssued(Why.WINDOW, "An offline code needs starts_at and ends_at", name)
    if ends_s is not None and ends_s <= wall:
        return NotIssued(Why.WINDOW, "ends_at must be a time in the future", "ends_at")
    if starts_s is not None and ends_s is not None and ends_s <= starts_s:
        return NotIssued(Why.WINDOW, "ends_at must be after starts_at", "ends_at")
    return None


def _places(
    setup: OfflineSetup, wanted: WantedOfflineCode, wall: float, obstacles: list[NotIssued]
) -> Iterator[_Place]:
    """Starts and durations within the rounding, the nearest start first. What has begun begins now."""
    form = setup.format()
    starts_s = wall if wanted.starts_s is None else max(wanted.starts_s, wall)
    asked = form.slot_at(starts_s)
    if not 0 <= asked // form.era_slots <= 255:
        obstacles.append(NotIssued(Why.WINDOW, "Offline codes do not start then", "starts_at"))
        return
    earliest = ceil((starts_s - wanted.rounding_s - form.start_of(0)) / SLOT_S)
    for slot in range(asked, max(asked if wanted.is_one_time_use else earliest, 0) - 1, -1):
        place = _place(setup, slot, wanted)
        if isinstance(place, _Place):
            first_use_s = setup.first_use().hours(place.kind, place.hours) * SLOT_S
            if form.start_of(slot) + first_use_s > wall:
                yield place
        else:
            obstacles.append(place)


def _place(setup: OfflineSetup, slot: int, wanted: WantedOfflineCode) -> _Place | NotIssued:
    begins_s = setup.format().start_of(slot)
    if wanted.is_one_time_use:
        place = _Place(slot, OfflineKind.ONCE, DAY_H)
    else:
        hours = ceil(((wanted.ends_s or 0) - begins_s) / SLOT_S)
        if hours > LONGEST_H:
            return NotIssued(
                Why.WINDOW, f"An offline code lasts at most {LONGEST_H // DAY_H} days", "ends_at"
            )
        place = _Place(slot, OfflineKind.TIMED, rounded_up(hours))
    ends_s = begins_s + place.hours * SLOT_S
    if wanted.ends_s is not None and abs(ends_s - wanted.ends_s) > wanted.rounding_s:
        message = (
            "A one-time code lasts 24 hours; leave ends_at out"
            if wanted.is_one_time_use
            else "An offline code lasts 1 to 672 hours or 29 to 367 whole days from a full hour, and this"
            " window needs more rounding than max_time_rounding; let it start and end at the same full hour,"
            " or allow 1day"
        )
        return NotIssued(Why.WINDOW, message, "ends_at" if wanted.is_one_time_use else "max_time_rounding")
    return place


def _issuing_key(database: Database, setup: OfflineSetup, slot: int) -> KeyPart | NotIssued:
    """The key for a new code that starts in `slot`."""
    retired = offline_kids.retired(database, setup.device_id)
    key = key_for(database, setup, slot, without=retired)
    if key is not None:
        return key
    if key_for(database, setup, slot) is None:
        return NotIssued(Why.WINDOW, "No key of this lock is for codes that start then", "starts_at")
    return _RETIRED


_RETIRED = NotIssued(
    Why.NOT_SUPPORTED,
    "this cloud was restored from a backup, and what it issued since with this key of the lock it does not"
    " know; replace the key: POST offline_rotations, or python -m cloud_sim rotate-offline-key"
    " (docs/operate.md)",
)


def key_for(
    database: Database, setup: OfflineSetup, slot: int, without: Container[KeyName] = ()
) -> KeyPart | None:
    """The key of this cloud for codes that start in `slot`: of several the one with the newest start."""
    fitting = [
        key
        for key in setup.keys
        if key.issuer == CLOUD_ISSUER
        and (key.kid, key.issuer) not in without
        and key.first_slot <= slot <= key.last_slot
        and slot >= key.cancelled_before_slot
        and slot >= offline_cancellations.before(database, setup.device_id, key.kid, key.issuer)
    ]
    return max(fitting, key=lambda key: (key.first_slot, key.kid), default=None)


def _against_policy(key: KeyPart, place: _Place) -> NotIssued | None:
    policy = key.policy.policy()
    if place.kind is OfflineKind.ONCE:
        return (
            None if policy.once_serials else NotIssued(Why.WINDOW, "This lock takes none", "is_one_time_use")
        )
    if place.slot % DAY_H not in policy.start_hours:
        listed = ", ".join(map(str, sorted(policy.start_hours)))
        return NotIssued(
            Why.WINDOW, f"Offline codes of this lock start at these hours (UTC): {listed}", "starts_at"
        )
    if place.hours > policy.longest_h:
        message = f"Offline codes of this lock last at most {policy.longest_h} hours"
        return NotIssued(Why.WINDOW, message, "ends_at")
    return None


def _unused(
    database: Database, setup: OfflineSetup, key: KeyPart, place: _Place
) -> tuple[Meaning, str] | None:
    """The smallest serial that was not issued, is not denied, and whose digits no code of the table has."""
    policy, form = key.policy.policy(), setup.format()
    serials = min(policy.serials, SERIALS)
    if place.kind is OfflineKind.ONCE:
        serials = min(policy.once_serials, ONCE_SERIALS)
    denied = {(one.kid, one.issuer, one.slot, one.q) for one in setup.denied}
    for serial in range(serials):
        meaning = Meaning(place.kind, place.hours, serial)
        named = (key.kid, key.issuer, place.slot, q_of(meaning))
        if named in denied or _is_issued(database, setup.device_id, named):
            continue
        digits = issue(form, key.issuer_key(), form.start_of(place.slot), meaning)
        if not _is_taken(database, setup.device_id, digits):
            return meaning, digits
    return None


def _is_issued(database: Database, lock_id: str, named: tuple[int, int, int, int]) -> bool:
    """By us; or by whoever else has the key, or had this cloud's state before a restore: the lock reported a
    use of it."""
    known = (
        "SELECT 1 FROM offline_codes WHERE lock_id = ?1 AND access_code_id = ?2"
        " UNION ALL SELECT 1 FROM reported_access_codes WHERE lock_id = ?1 AND access_code_id = ?2"
    )
    return database.row(known, lock_id, offline_id(lock_id, *named)) is not None


def _is_taken(database: Database, lock_id: str, digits: str) -> bool:
    """The table decides before any offline code does, whatever the state of its code; and once in many
    years the code of another key has the same digits."""
    known = " UNION ".join(
        f"SELECT 1 FROM {table} WHERE lock_id = ?1 AND code = ?2"
        for table in ("access_codes", "offline_codes")
    )
    return database.row(known, lock_id, digits) is not None


def _keep(
    database: Database,
    setup: OfflineSetup,
    key: KeyPart,
    place: _Place,
    meaning: Meaning,
    digits: str,
    wanted: WantedOfflineCode,
    wall: float,
) -> str:
    starts_at, q = setup.format().start_of(place.slot), q_of(meaning)
    access_code_id = offline_id(setup.device_id, key.kid, key.issuer, place.slot, q)
    values: dict[str, Any] = {
        "access_code_id": access_code_id,
        "lock_id": setup.device_id,
        "name": wanted.name,
        "person_id": wanted.person_id,
        "code": digits,
        "kid": key.kid,
        "issuer": key.issuer,
        "slot": place.slot,
        "q": q,
        "starts_at": starts_at,
        "ends_at": starts_at + meaning.hours * SLOT_S,
        "first_use_by": starts_at + setup.first_use().hours(meaning.kind, meaning.hours) * SLOT_S,
        "is_one_time_use": int(meaning.kind is OfflineKind.ONCE),
        "setup_rev": offline_kids.since_rev(database, setup.device_id, key),
        "created_ms": int(wall * 1000),
    }
    offline_codes.add(database, values)
    return access_code_id
