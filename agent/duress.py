"""The silent alarm: a code typed under duress opens like any other, and tells the cloud alone.

The journal gets a row that only the cloud's key opens, and `lockctl` leaves it out.
"""

from dataclasses import dataclass

from agent.core.access_code import AccessCode, Kind
from agent.journal import CONCEALED_KIND, Event
from agent.sealing import Sealer


@dataclass(frozen=True, slots=True)
class SilentAlarm:
    """Alarms of one lock."""

    sealer: Sealer

    def rows(self, code: AccessCode, keypad: str, wall_s: float) -> tuple[Event, ...]:
        """What to write besides the opening, at Unix time `wall_s`; nothing for a code of any other kind."""
        if code.kind is not Kind.DURESS:
            return ()
        told = {"access_code_id": code.access_code_id, "gen": code.gen, "keypad": keypad}
        return (Event(CONCEALED_KIND, {"sealed": self.sealer.sealed("duress", told, int(wall_s))}),)
