"""OLC1: access codes that carry start, duration and serial, encrypted under a key that the lock has too.

Whoever holds the key of an issuer makes codes without asking the lock; the lock reads them without having
heard of them. A code is one number x = slot * 4096 + q, put through FF1, so that it looks like chance and no
two of them are ever alike. Which of them a lock accepts, and when, is for `agent.core.offline_policy`.
"""

import hashlib
from dataclasses import dataclass, field
from enum import Enum

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from agent.core.ff1 import Ff1

EPOCH_S = 1_704_067_200
"""2024-01-01T00:00:00Z, where slot 0 begins."""
SLOT_S = 3600
DAY_H = 24
LENGTHS = (8, 9, 10)
PHASES_S = (0, 900, 1800, 2700)
ROOT_BYTES = 32
KEY_BYTES = 32
LAST_ERA = 255

Q_VALUES = 4096
SERIALS = 4
ONCE_SERIALS = 48
LONGEST_HOURLY_H = 672
LONGEST_H = 367 * DAY_H
_DURATIONS = 1011
_FIRST_DAILY = 29
_FIRST_ONCE = SERIALS * _DURATIONS
_FIRST_RESERVED = _FIRST_ONCE + ONCE_SERIALS
_CANCEL = Q_VALUES - 1


class OfflineKind(Enum):
    """What an offline code is for."""

    TIMED = "timed"
    """Opens from its start for its hours, once it was used within the first of them."""
    ONCE = "once"
    """Opens one time within 24 hours."""
    CANCEL = "cancel"
    """Opens nothing: ends all codes of its key that start before it."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What the low twelve bits of a code say. `hours` is 24 for the kinds that have no duration."""

    kind: OfflineKind
    hours: int
    serial: int


def rounded_up(hours: int) -> int:
    """The shortest duration there is that covers `hours`: whole days above 672 hours (28 days). ValueError
    outside 1 to 8808 hours (367 days)."""
    if not 1 <= hours <= LONGEST_H:
        raise ValueError(f"an offline code lasts 1 to {LONGEST_H} hours, not {hours}")
    return hours if hours <= LONGEST_HOURLY_H else -(-hours // DAY_H) * DAY_H


def q_of(meaning: Meaning) -> int:
    """The twelve bits for `meaning`, whose hours are rounded up. ValueError for what no code can say."""
    if meaning.kind is OfflineKind.CANCEL:
        return _CANCEL
    serials = SERIALS if meaning.kind is OfflineKind.TIMED else ONCE_SERIALS
    if not 0 <= meaning.serial < serials:
        raise ValueError(f"the serial of a {meaning.kind.value} code is 0 to {serials - 1}")
    if meaning.kind is OfflineKind.ONCE:
        return _FIRST_ONCE + meaning.serial
    hours = rounded_up(meaning.hours)
    hourly = hours - 1
    daily = LONGEST_HOURLY_H + hours // DAY_H - _FIRST_DAILY
    return meaning.serial * _DURATIONS + (hourly if hours <= LONGEST_HOURLY_H else daily)


def meaning_of(q: int) -> Meaning | None:
    """What `q` (0 to 4095) says; None for the three values that are reserved."""
    if q == _CANCEL:
        return Meaning(OfflineKind.CANCEL, DAY_H, 0)
    if q >= _FIRST_RESERVED:
        return None
    if q >= _FIRST_ONCE:
        return Meaning(OfflineKind.ONCE, DAY_H, q - _FIRST_ONCE)
    serial, duration = divmod(q, _DURATIONS)
    daily = (duration - LONGEST_HOURLY_H + _FIRST_DAILY) * DAY_H
    return Meaning(OfflineKind.TIMED, duration + 1 if duration < LONGEST_HOURLY_H else daily, serial)


@dataclass(frozen=True, slots=True)
class OfflineFormat:
    """What all offline codes of one lock have in common: `digits` (8 to 10), and by how many seconds its
    hours are shifted (0, 900, 1800 or 2700, for zones that are not whole hours from UTC)."""

    device_id: str
    digits: int = 10
    phase_s: int = 0

    def __post_init__(self) -> None:
        if self.digits not in LENGTHS:
            raise ValueError(f"an offline code has 8, 9 or 10 digits, not {self.digits}")
        if self.phase_s not in PHASES_S:
            raise ValueError(f"the phase is 0, 900, 1800 or 2700 seconds, not {self.phase_s}")

    @property
    def era_slots(self) -> int:
        """Slots before the numbers begin again under another tweak: 278 years of them with ten digits."""
        return int(10**self.digits // Q_VALUES)

    def slot_at(self, unix_s: float) -> int:
        """The slot that `unix_s` is in; a start is floored to it."""
        return int((unix_s - EPOCH_S - self.phase_s) // SLOT_S)

    def start_of(self, slot: int) -> int:
        """Unix seconds at which `slot` begins."""
        return EPOCH_S + self.phase_s + slot * SLOT_S

    def era_at(self, unix_s: float) -> int:
        """The era of that moment, kept within those that a code can have."""
        return min(max(self.slot_at(unix_s) // self.era_slots, 0), LAST_ERA)

    def tweak(self, kid: int, issuer: int, era: int) -> bytes:
        """Twelve bytes that make the codes of every length, key, issuer, era and lock different ones."""
        named = hashlib.sha256(self.device_id.encode()).digest()[:4]
        return b"OLC1" + bytes([self.digits, kid, issuer, era]) + named


def derive_key(root: bytes, kid: int, issuer: int) -> bytes:
    """The 32-byte key of one issuer from the 32-byte root of one kid (HKDF-SHA256, RFC 5869). A phone is
    given the former and never the latter."""
    if len(root) != ROOT_BYTES:
        raise ValueError(f"the root of offline keys is {ROOT_BYTES} bytes")
    info = b"OLC1|ff1|" + bytes([kid, issuer])
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(root)


@dataclass(frozen=True, slots=True)
class IssuerKey:
    """What makes and reads the codes of one issuer: `kid` and `issuer` 0 to 255, 32 bytes of key."""

    kid: int
    issuer: int
    key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not (0 <= self.kid <= 255 and 0 <= self.issuer <= 255):
            raise ValueError("kid and issuer of an offline key are 0 to 255")
        if len(self.key) != KEY_BYTES:
            raise ValueError(f"the key of an issuer of offline codes is {KEY_BYTES} bytes")


@dataclass(frozen=True, slots=True)
class Payload:
    """What a code says once it is decoded: from which slot on, and q (see `meaning_of`)."""

    slot: int
    q: int


class EraCipher:
    """Codes of one key in one era, both ways. Costs ten AES blocks a code, whatever the code."""

    __slots__ = ("_ff1", "_first_slot", "_slots", "era")

    def __init__(self, form: OfflineFormat, key: IssuerKey, era: int) -> None:
        """`era` is 0 to 255."""
        self.era = era
        self._slots = form.era_slots
        self._first_slot = era * form.era_slots
        self._ff1 = Ff1(key.key, form.tweak(key.kid, key.issuer, era), form.digits)

    def encode(self, payload: Payload) -> int:
        """The number that is the code; its slot must be of this era."""
        return self._ff1.encrypt((payload.slot - self._first_slot) * Q_VALUES + payload.q)

    def decode(self, code: int) -> tuple[Payload, bool]:
        """What a number below 10^digits says, and whether a code may say that at all."""
        slot, q = divmod(self._ff1.decrypt(code), Q_VALUES)
        return Payload(self._first_slot + slot, q), slot < self._slots


def issue(form: OfflineFormat, key: IssuerKey, start_s: float, meaning: Meaning) -> str:
    """The digits of a code that starts in the slot of `start_s` (floored) and means `meaning` (hours are
    rounded up). ValueError for what no code can say."""
    slot = form.slot_at(start_s)
    era = slot // form.era_slots
    if not 0 <= era <= LAST_ERA:
        raise ValueError("offline codes start in 2024 or later, and not after the last era of their format")
    code = EraCipher(form, key, era).encode(Payload(slot, q_of(meaning)))
    return f"{code:0{form.digits}d}"


def check_code(form: OfflineFormat, digits: str) -> int:
    """The number that `digits` are; ValueError if they can be no code of this format. Names no digit."""
    if len(digits) != form.digits or not (digits.isascii() and digits.isdigit()):
        raise ValueError(f"an offline code of this lock has {form.digits} digits and nothing else")
    return int(digits)
