"""Which keys of the cloud this lock believes: changed by a message that the newest of them signed.

The keys are part of the enrolment and bound into what is sealed there, so that nobody who can write to the
disk pins another cloud. Old and new both count for a while, since messages are under way.
"""

import hashlib
import logging
from dataclasses import dataclass

import msgspec

from agent.clock_watch import ClockWatch
from agent.enrolment import Jwk, Terms, certificate_ends_s
from agent.errors import StorageFault
from agent.journal import Event
from agent.key_ring import KeyRing
from agent.messages import Keys, KeysReceived
from agent.recorder import Recorder
from agent.secrets import SecretFault
from agent.uplink_port import UplinkSlot

log = logging.getLogger(__name__)

CHECK_EVERY_S = 600.0


class KeySide:
    """The pinned keys of one lock. Controller thread only; may raise StorageFault."""

    def __init__(
        self, ring: KeyRing, clock: ClockWatch, recorder: Recorder, slot: UplinkSlot, now: float
    ) -> None:
        """The uplink in `slot` is told of each change."""
        self._ring = ring
        self._clock = clock
        self._recorder = recorder
        self._slot = slot
        self._check_at_s = now

    @property
    def rev(self) -> int:
        """The newest change of keys that was taken."""
        return self._ring.enrolment.terms.keys_rev

    @property
    def newest_signer(self) -> str:
        """The name of the cloud's newest signing key."""
        return self._ring.enrolment.terms.newest_signer

    def shown(self) -> dict[str, object]:
        """What people compare with the cloud: names of keys, no keys."""
        terms = self._ring.enrolment.terms
        return {
            "rev": terms.keys_rev,
            "identity": terms.identity_kid,
            "sealing": terms.sealing_kid,
            "cloud_signing": terms.newest_signer,
            "cloud_retiring": dict(terms.retiring),
            "certificate_ends_s": certificate_ends_s(self._ring.enrolment),
            "is_renewing": self._ring.enrolment.pending is not None,
        }

    def take(self, received: KeysReceived, now: float) -> str | None:
        """Take other keys of the cloud; returns why not, or None. Durable when it returns."""
        terms = self._ring.enrolment.terms
        digest = hashlib.sha256(msgspec.json.encode(received.keys)).hexdigest()
        if received.rev < terms.keys_rev:
            return "stale_revision"
        if received.rev == terms.keys_rev:
            return None if digest == terms.keys_digest else "conflicting_revision"
        if received.signer != terms.newest_signer:
            return "retiring_key"
        believed = _read(received.keys)
        if believed is None:
            return "keys_invalid"
        self._change(
            msgspec.structs.replace(
                terms,
                cloud_signing=believed.signing,
                retiring=believed.retiring,
                cloud_sealing=believed.sealing,
                keys_rev=received.rev,
                keys_digest=digest,
            )
        )
        self._check_at_s = now + CHECK_EVERY_S  # the cloud must hear first that it may use the new one
        return None

    def tick(self, now: float) -> None:
        """Drop the keys whose time is over, once it certainly is."""
        if now < self._check_at_s:
            return
        self._check_at_s = now + CHECK_EVERY_S
        terms, certain_s = self._ring.enrolment.terms, self._clock.certain_wall_s(now)
        over = {kid for kid, until in terms.retiring.items() if until <= certain_s}
        if over:
            self._change(
                msgspec.structs.replace(
                    terms,
                    cloud_signing={kid: key for kid, key in terms.cloud_signing.items() if kid not in over},
                    retiring={kid: until for kid, until in terms.retiring.items() if kid not in over},
                )
            )

    def deadline(self) -> float | None:
        """When `tick` is next needed, in seconds since boot."""
        return self._check_at_s if self._ring.enrolment.terms.retiring else None

    def _change(self, terms: Terms) -> None:
        """Journal, then disk, then everybody who uses keys. A process that ends in between is told again."""
        detail = {
            "rev": terms.keys_rev,
            "cloud_signing": terms.newest_signer,
            "cloud_retiring": sorted(terms.retiring),
            "cloud_sealing": hashlib.sha256(terms.cloud_sealing["x"].encode()).hexdigest()[:16],
        }
        self._recorder.record(Event("keys_changed", detail))
        try:
            self._ring.change(terms)
        except SecretFault as fault:
            raise StorageFault(str(fault)) from fault
        self._slot.port.rekey(self._ring.enrolment)
        log.info("other keys of the cloud count: revision %d, newest %s", terms.keys_rev, terms.newest_signer)


@dataclass(frozen=True, slots=True)
class _Believed:
    signing: dict[str, Jwk]
    retiring: dict[str, int]
    sealing: Jwk


def _read(keys: Keys) -> "_Believed | None":
    """The keys by name, if all of them are what they should be and one of them is the newest."""
    from agent.enrol_exchange import public_key  # here, for the keypad does not wait for it
    from agent.jose import kid_of

    signing: dict[str, Jwk] = {}
    retiring: dict[str, int] = {}
    for pinned in keys.signing:
        key = public_key(pinned.key, "Ed25519")
        if key is None:
            return None
        signing[kid_of(key)] = pinned.key
        if pinned.until is not None:
            retiring[kid_of(key)] = pinned.until
    if public_key(keys.sealing, "X25519") is None:
        return None
    is_sound = len(signing) == len(keys.signing) and len(signing) - len(retiring) == 1
    return _Believed(signing, retiring, keys.sealing) if is_sound else None
