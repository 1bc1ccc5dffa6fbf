"""The controller's half for offline and rolling codes: what the cloud set up, and what an entry is by that.

Every entry of any length costs the same here, whatever was set up: six decodes and four one-time passwords.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace

from agent.clock_watch import ClockWatch
from agent.core.constraints import Constraints
from agent.core.decision import Denied, Reason, instant_of
from agent.core.offline_chance import LiveCodes, live_codes
from agent.core.offline_code import OfflineFormat
from agent.core.offline_policy import FirstUse, KeyName, OfflineVerifier
from agent.core.timekeeping import ClockReading, Trust
from agent.core.totp import ENTRY_DIGITS, Technicians, TotpRefusal, step_at
from agent.journal import Event
from agent.messages import OfflineReceived
from agent.offline_admission import Admission, Look, Unknown, admitted
from agent.offline_rows import NEVER_SLOT, NO_SETUP, KeptSetup, OfflineChange
from agent.offline_setup import OfflineSetup, SetupFault, decode_setup
from agent.recorder import Recorder
from agent.store import Store

log = logging.getLogger(__name__)

MOST_FAILURES = 100
"""Failed long entries since the last acknowledgement; then offline and rolling codes are off (SP 800-63B)."""
TOTP_GUESS_CHANCE = 4e-6
_NOBODY = OfflineVerifier(OfflineFormat("none"), FirstUse())


_TOTP_REASONS = {
    TotpRefusal.UNKNOWN: Reason.UNKNOWN_CODE,
    TotpRefusal.REVOKED: Reason.REVOKED,
    TotpRefusal.OUTSIDE_WINDOW: Reason.EXPIRED,
    TotpRefusal.TOO_MANY_FAILURES: Reason.TECHNICIAN_OFF,
    TotpRefusal.USED: Reason.USED_UP,
    None: Reason.UNKNOWN_CODE,
}


class OfflineSide:
    """Offline and rolling codes of one lock. Controller thread only; may raise StorageFault."""

    def __init__(
        self,
        *,
        store: Store,
        clock: ClockWatch,
        recorder: Recorder,
        device_id: str,
        constraints: Constraints,
    ) -> None:
        """`load` comes before anything else. `constraints`: what this door takes as a code of the table."""
        self._store = store
        self._clock = clock
        self._recorder = recorder
        self._device_id = device_id
        self._constraints = constraints
        self._kept = NO_SETUP
        self._setup = OfflineSetup(device_id=device_id)
        self._technician_tags: dict[int, bytes] = {}
        self._verifier = _NOBODY
        self._live: LiveCodes | None = None
        self._slot = 0
        """The slot of now, once it was known."""
        self._most_live = 0
        self._technicians = Technicians()
        self._is_stale = False
        """Another setup, or another floor, is durable than counts."""
        self._has_changed = False
        """Other codes that were used are durable than count."""

    # --- what is set up ---------------------------------------------------------------------------

    @property
    def rev(self) -> int:
        """The revision of the setup that counts; 0 for none."""
        return self._kept.rev

    @property
    def chances(self) -> Mapping[int, float]:
        """By length, the chance that a guess hits a code nobody used yet, at the worst moment from now on."""
        setup = self._setup
        if self.rev == 0:
            return {}
        offline = {setup.digits: self._most_live / 10**setup.digits}
        return offline | ({ENTRY_DIGITS: TOTP_GUESS_CHANCE} if setup.technicians else {})

    def load(self) -> None:
        """Go on with what is durable. What was changed by hand does not count, and is reported."""
        kept = self._store.offline.setup()
        if kept is None or NEVER_SLOT in self._store.offline.floors().values():
            self._recorder.record(Event("fault", {"what": "offline_setup_changed_from_outside"}))
        self._kept = kept or NO_SETUP
        self._lay_out()

    def take(self, received: OfflineReceived, now: float) -> str | None:
        """Take a setup of the cloud, whole; returns why not, or None. Durable when it returns."""
        kept = self._kept
        if received.set_epoch != self._store.revision().set_epoch:
            return "other_set_epoch"
        if received.rev < kept.rev:
            return "stale_revision"
        if received.rev == kept.rev:
            return None if received.document == kept.document else "conflicting_revision"
        try:
            setup = decode_setup(received.document)
        except SetupFault as fault:
            log.warning("a setup of offline codes is refused: %s", fault)
            return "offline_setup_invalid"
        if setup.device_id != self._device_id:
            return "wrong_device"
        if not self._lengths_differ(setup):
            return "offline_lengths_collide"
        began_s = self._known_s(now) if kept.began_s is None else kept.began_s
        new = KeptSetup(received.rev, began_s, received.document)
        self._store.keep_offline_setup(
            self._clock.stamp(now),
            new,
            (
                Event(
                    "offline_setup",
                    {"rev": new.rev, "keys": len(setup.keys), "technicians": len(setup.technicians)},
                ),
            ),
            floors=self._floors(setup, began_s),
            denied=frozenset((one.kid, one.issuer, one.slot, one.q) for one in setup.denied),
        )
        self._recorder.told()
        self._kept, self._is_stale, self._has_changed = new, True, True
        return None

    def _lengths_differ(self, setup: OfflineSetup) -> bool:
        """Each length of an entry belongs to one kind of code."""
        taken = {*self._constraints.code_lengths, *([ENTRY_DIGITS] if setup.technicians else [])}
        return not setup.keys or setup.digits not in taken

    def _known_s(self, now: float) -> int | None:
        clock = self._clock.reading(now)
        return None if clock.trust is Trust.UNKNOWN else int(clock.wall_s)

    def _floors(self, setup: OfflineSetup, began_s: int | None) -> dict[KeyName, int]:
        """The slot before which codes of each key are over: cancelled by the cloud or at the keypad, or from
        before this database began, so that nobody can tell whether they were used."""
        floors = dict(setup.floors())
        for name, slot in self._store.offline.floors().items():
            floors[name] = max(slot, floors.get(name, 0))
        if setup.journal_epoch != self._store.journal.epoch and began_s is not None:
            first = setup.format().slot_at(began_s + setup.tolerance_s) + 1
            floors = {
                (key.kid, key.issuer): max(first, floors.get((key.kid, key.issuer), 0)) for key in setup.keys
            }
        return floors

    def _lay_out(self) -> None:
        if self._kept.rev == 0:
            return
        setup = decode_setup(self._kept.document)
        self._setup = setup
        self._verifier = OfflineVerifier(
            setup.format(),
            setup.first_use(),
            [key.accepted() for key in setup.keys],
            floors=self._floors(setup, self._kept.began_s),
            denied=[(one.kid, one.issuer, one.slot, one.q) for one in setup.denied],
        )
        self._live = live_codes(setup.first_use(), [key.accepted() for key in setup.keys])
        self._most_live = self._live.from_slot(self._slot)
        knows_us = setup.journal_epoch == self._store.journal.epoch
        began_step = -1 if knows_us or self._kept.began_s is None else step_at(self._kept.began_s) + 1
        known = {}
        for part in setup.technicians:
            technician = part.technician()
            tag = self._store.offline.secret_tag(technician.secret)
            progress = self._store.offline.progress(part.slot, tag)
            known[part.slot] = (technician, replace(progress, last_step=max(progress.last_step, began_step)))
            self._technician_tags[part.slot] = tag
        self._technicians = Technicians(known)

    def keep(self, now: float) -> None:
        """Once the time is known, note when this database began to have keys. Where two keys had the same
        starts and have them no more, a guess is less likely from then on."""
        began_s = self._known_s(now)
        self._slot = self._slot if began_s is None else self._setup.format().slot_at(began_s)
        most_live = self._live.from_slot(self._slot) if self._live else 0
        if most_live != self._most_live:
            self._most_live, self._has_changed = most_live, True
        if self._kept.rev == 0 or self._kept.began_s is not None or began_s is None:
            return
        kept = replace(self._kept, began_s=began_s)
        self._store.keep_offline_setup(self._clock.stamp(now), kept, ())
        self._kept, self._is_stale = kept, True

    def settle(self, lay_out_codes: Callable[[], None]) -> None:
        """Let decide what has become durable; `lay_out_codes` does that for codes that were used. What
        storage fails on is tried again at the next turn."""
        if self._is_stale:
            self._lay_out()
            self._is_stale = False
        if self._has_changed:
            lay_out_codes()
            self._has_changed = False

    def work(self) -> tuple[int, int]:
        """How many codes were decoded and passwords computed since this setup counts."""
        return self._verifier.decodes, self._technicians.hotps

    # --- what an entry is -------------------------------------------------------------------------

    def look(self, digits: str, clock: ClockReading, failures: int) -> Look:
        """What `digits` could be besides a code of the table. `failures`: long ones since the last
        acknowledgement, this attempt included. Always the same work, which changes nothing."""
        instant = instant_of(clock)
        self._verifier.keep(instant)
        accepted = self._verifier.look(digits, instant)
        rolling = self._technicians.look(digits, instant)
        is_known = (clock.trust is not Trust.UNKNOWN) & (
            (self._kept.rev == 0) | (self._kept.began_s is not None)
        )
        is_on = failures <= MOST_FAILURES
        reasons = (
            Reason.UNKNOWN_CODE,
            _TOTP_REASONS[rolling.refusal],
            Reason.OFFLINE_OFF,
            Reason.CLOCK_UNKNOWN,
        )
        is_long = len(digits) >= ENTRY_DIGITS
        return Look(
            accepted=(None, accepted)[is_known & is_on],
            rolling=(None, rolling)[is_known & is_on],
            reason=reasons[is_long * max(1, 2 * (not is_on), 3 * (not is_known))],
        )

    def verdict(self, look: Look, tag: bytes, length: int) -> Admission | Unknown:
        """What becomes of an entry that the table does not know: its look, tag, and number of digits."""
        if look.accepted is not None:
            return admitted(self._store, self._setup, look.accepted, tag, length)
        rolling = look.rolling
        if rolling is None or rolling.progress is None:
            return Unknown(Denied(look.reason))
        remembered = (rolling.slot, self._technician_tags[rolling.slot], rolling.progress)
        change = OfflineChange(technician=remembered)
        if rolling.refusal is not None:
            return Unknown(Denied(look.reason), change)
        return Admission(code=None, change=change, detail={"method": "totp", "technician": rolling.slot})

    def durable(self, change: OfflineChange) -> None:
        """This has become durable: let it count."""
        if change.technician is not None:
            slot, _, progress = change.technician
            self._technicians.keep(slot, progress)
        if change.floor is not None:
            self._is_stale = True
        if change.used is not None or change.floor is not None:
            self._has_changed = True

    def purge(self, now: float) -> None:
        """Forget codes that ended two days ago, in idle time."""
        certain_wall_s = self._clock.certain_wall_s(now)
        if self._store.offline.purge(certain_wall_s):
            self._has_changed = True
