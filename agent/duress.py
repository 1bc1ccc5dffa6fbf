"""The silent alarm: a code typed under duress opens like any other, and tells the cloud alone.

The journal gets a row that only the cloud's key opens. It goes where every row goes, so that nothing on
the network looks different, and `lockctl` leaves it out.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from agent.core.access_code import AccessCode, Kind
from agent.journal import CONCEALED_KIND, Event


@dataclass(frozen=True, slots=True, kw_only=True)
class SilentAlarm:
    """Seals alarms of one lock. `identity`: its private Ed25519 key; `cloud_sealing`: the X25519 key that may
    read them; both as JWK."""

    device_id: str
    identity: Mapping[str, str] = field(repr=False)
    cloud_sealing: Mapping[str, str]

    def prepare(self) -> None:
        """Load what sealing takes, in idle time: somebody at the door must not see that it takes longer."""
        self._sealed({}, 0)

    def rows(self, code: AccessCode, keypad: str, wall_s: float) -> tuple[Event, ...]:
        """What to write besides the opening, at Unix time `wall_s`; nothing for a code of any other kind."""
        if code.kind is not Kind.DURESS:
            return ()
        told = {"access_code_id": code.access_code_id, "gen": code.gen, "keypad": keypad}
        return (Event(CONCEALED_KIND, {"sealed": self._sealed(told, int(wall_s))}),)

    def _sealed(self, told: dict[str, object], iat: int) -> str:
        from agent.envelope import OKPKey, Signer  # a tenth of a second that must not delay the keypad

        signer = Signer(self.device_id, OKPKey.import_key(dict(self.identity)))
        recipient = OKPKey.import_key(dict(self.cloud_sealing))
        return signer.seal("duress", told, recipient, iat=iat, id=str(uuid.uuid4())).decode()
