"""What the lock tells the cloud alone: signed by the lock, sealed to the cloud's pinned key.

The text goes where every journal row goes, so that nothing on the network looks different, and nobody
else who reads the journal learns what is in it.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from agent.enrolment import Enrolment


@dataclass(slots=True, kw_only=True)
class Sealer:
    """Seals for one lock. `identity`: its private Ed25519 key; `cloud_sealing`: the X25519 key that may read
    it; both as JWK."""

    device_id: str
    identity: Mapping[str, str] = field(repr=False)
    cloud_sealing: Mapping[str, str]

    def rekey(self, enrolment: Enrolment) -> None:
        """Seal with these keys from now on."""
        self.identity, self.cloud_sealing = enrolment.identity, enrolment.terms.cloud_sealing

    def prepare(self) -> None:
        """Load what sealing takes, in idle time: somebody at the door must not see that it takes longer."""
        self.sealed("duress", {}, 0)

    def sealed(self, stream: str, told: Mapping[str, object], iat: int) -> str:
        """`told` as a compact JWE of `stream`, made at Unix time `iat`."""
        from agent.envelope import OKPKey, Signer  # a tenth of a second that must not delay the keypad

        signer = Signer(self.device_id, OKPKey.import_key(dict(self.identity)))
        recipient = OKPKey.import_key(dict(self.cloud_sealing))
        return signer.seal(stream, dict(told), recipient, iat=iat, id=str(uuid.uuid4())).decode()
