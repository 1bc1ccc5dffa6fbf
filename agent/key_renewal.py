"""The lock's own keys - identity, sealing, TLS - replaced by others that are born here, when its cloud asks.

The new ones are durable before anybody hears of them, so a lock that ends in between proposes the same again.
They count once the cloud has certified them: from then on it believes either identity, until it has heard the
new one. Whatever gets lost on the way, the cloud asks again.
"""

import logging

import msgspec

from agent.errors import StorageFault
from agent.journal import Event
from agent.key_ring import KeyRing
from agent.messages import RenewalReceived, Request
from agent.recorder import Recorder
from agent.secrets import SecretFault
from agent.uplink_port import UplinkSlot

log = logging.getLogger(__name__)


class KeyRenewal:
    """Renews the keys of one lock. Controller thread only; may raise StorageFault."""

    def __init__(self, ring: KeyRing, recorder: Recorder, slot: UplinkSlot) -> None:
        """The uplink in `slot` takes the proposal, and is told of the keys that count."""
        self._ring = ring
        self._recorder = recorder
        self._slot = slot

    def asked(self, renewal_id: str) -> None:
        """Propose keys for this renewal: new ones, unless some are there that do not count yet.

        Those may be sealed to already, so nobody who asks for another renewal has them dropped."""
        from agent.renewal_exchange import new_pending, write_proposal  # the keypad does not wait for it

        enrolment = self._ring.enrolment
        if enrolment.terms.renewal_id == renewal_id:
            return  # they count already, and the next session says so
        pending = enrolment.pending
        if pending is None or pending.renewal_id != renewal_id:
            pending = (
                new_pending(renewal_id)
                if pending is None
                else msgspec.structs.replace(pending, renewal_id=renewal_id)
            )
            try:
                self._ring.keep_pending(pending)
            except SecretFault as fault:
                raise StorageFault(str(fault)) from fault
            self._slot.port.rekey(self._ring.enrolment)  # it opens what is sealed to either key
        self._slot.port.request(Request(type="renew", proposal=write_proposal(enrolment.device_id, pending)))

    def take(self, received: RenewalReceived) -> str | None:
        """Let the proposed keys count; returns why not, or None. Durable when it returns."""
        from agent.renewal_exchange import kids_of, refusal_of  # the keypad does not wait for it

        answer, enrolment = received.answer, self._ring.enrolment
        if (answer.renewal_id, answer.identity) == (enrolment.terms.renewal_id, enrolment.terms.identity_kid):
            return None
        if received.signer != enrolment.terms.newest_signer:
            return "retiring_key"
        refusal = refusal_of(answer, enrolment, self._ca())
        if refusal is not None or enrolment.pending is None:
            return refusal
        self._use(answer.renewal_id, kids_of(enrolment.pending), answer.certificate)
        return None

    def _ca(self) -> str:
        try:
            return self._ring.enrolment.ca.read_text()
        except OSError as error:
            raise StorageFault(f"cannot read the CA of the enrolment: {error.strerror}") from error

    def _use(self, renewal_id: str, kids: tuple[str, str], certificate: str) -> None:
        """Journal, then disk, then everybody who uses keys. Ending in between, it is answered again."""
        detail = {"renewal_id": renewal_id, "identity": kids[0], "sealing": kids[1]}
        self._recorder.record(Event("own_keys_changed", detail))
        try:
            self._ring.use_pending(kids, certificate.encode())
        except SecretFault as fault:
            raise StorageFault(str(fault)) from fault
        self._slot.port.rekey(self._ring.enrolment)
        log.info("this lock has other keys: identity %s, sealing %s", *kids)
