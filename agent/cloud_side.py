"""The controller's half that faces the cloud; what is believed is decided by the parts it calls."""

import logging
from collections.abc import Callable
from typing import Any

from agent.clock_watch import ClockWatch
from agent.code_sync import CodeSync
from agent.command_side import CommandSide
from agent.core.constraints import Constraints
from agent.door_codes import DoorCodes
from agent.freshness import Freshness
from agent.journal import Event
from agent.key_renewal import KeyRenewal
from agent.key_side import KeySide
from agent.messages import (
    AckReceived,
    BucketReceived,
    Codes,
    CommandReceived,
    HeartbeatReceived,
    KeysReceived,
    ManifestReceived,
    MessageRefused,
    OfflineReceived,
    RenewalReceived,
    Request,
    RowsWanted,
    UplinkChanged,
    UplinkSignal,
)
from agent.offline_side import OfflineSide
from agent.recorder import Recorder
from agent.store import Store
from agent.uplink_port import UplinkPort, UplinkSlot

log = logging.getLogger(__name__)

BEHIND_US = ("stale_revision", "conflicting_revision", "other_set_epoch")
"""What a cloud that was restored from a backup says: it must hear which revisions are used up."""


class CloudSide:
    """The controller's half that faces the uplink. Controller thread only; may raise StorageFault."""

    def __init__(
        self,
        *,
        slot: UplinkSlot,
        make_uplink: Callable[[], UplinkPort],
        store: Store,
        clock: ClockWatch,
        freshness: Freshness,
        keys: KeySide,
        renewal: KeyRenewal,
        codes: CodeSync,
        door_codes: DoorCodes,
        offline: OfflineSide,
        recorder: Recorder,
        constraints: Constraints,
        now: float,
    ) -> None:
        """`make_uplink` is called by `connect`, once."""
        self.state = UplinkChanged(False, "", "not started")
        self.changed_s = now
        self._slot = slot
        self._make_uplink: Callable[[], UplinkPort] | None = make_uplink
        self._store = store
        self._clock = clock
        self._freshness = freshness
        self._keys = keys
        self._renewal = renewal
        self._codes = codes
        self._door_codes = door_codes
        self._offline = offline
        self._recorder = recorder
        self._constraints = constraints
        self._last_status: dict[str, Any] = {}

    @property
    def is_started(self) -> bool:
        """Whether `connect` was called."""
        return self._make_uplink is None

    def connect(self) -> None:
        """Start the uplink, unless that was done."""
        if self._make_uplink is not None:
            make, self._make_uplink = self._make_uplink, None
            self._slot.port = make()
            self._slot.port.start()
            self._last_status = {}
            self._slot.port.journal_grew(self._store.journal.last_seq)

    def handle(self, signal: UplinkSignal, commands: CommandSide, now: float) -> bool:
        """Take one message or change of the uplink; True when a code set has become true by it."""
        match signal:
            case UplinkChanged():
                self._changed(signal, now)
            case ManifestReceived():
                self._offered(signal, now)
            case BucketReceived():
                self._settle(signal.token, "bucket", self._codes.arrived(signal, now))
            case AckReceived():
                self._settle(signal.token, "ack", self._acknowledged(signal))
            case OfflineReceived() | KeysReceived() | RenewalReceived():
                self._given(signal, now)
            case HeartbeatReceived():
                self._heard(signal, now)
            case CommandReceived():
                sid = self.state.sid if self.state.is_up else ""
                self._settle(signal.token, "command", commands.received(signal, sid, now))
            case MessageRefused(stream, reason):
                self._recorder.record_often("message_refused", stream, reason)
            case RowsWanted(after_seq, limit):
                self._slot.port.rows(after_seq, self._store.journal.after(after_seq, limit))
        return self._apply(now) if self._codes.is_complete else False

    def _given(self, signal: OfflineReceived | KeysReceived | RenewalReceived, now: float) -> None:
        match signal:
            case KeysReceived():
                self._settle(signal.token, "keys", self._keys.take(signal, now))
            case RenewalReceived():
                self._settle(signal.token, "renewal", self._renewal.take(signal))
            case OfflineReceived():
                self._settle(signal.token, "offline", self._offline.take(signal, now))

    def _heard(self, signal: HeartbeatReceived, now: float) -> None:
        refusal = self._clock.heard(signal) or self._freshness.heard(signal, now)
        self._settle(signal.token, "heartbeat", refusal)

    def _offered(self, signal: ManifestReceived, now: float) -> None:
        before = self._codes.revision.set_epoch
        refusal = self._codes.offered(signal, now)
        if self._codes.revision.set_epoch != before:
            detail = {"from": before, "to": self._codes.revision.set_epoch}
            self._recorder.record(Event("set_epoch_raised", detail))
        if refusal is None and not self._codes.is_syncing:
            self._door_codes.compared()
        self._settle(signal.token, "desired", refusal)
        if refusal in BEHIND_US:
            self.publish_codes()

    def _settle(self, token: int, stream: str, refusal: str | None) -> None:
        """Journal what was not believed, then let the broker forget the message."""
        if refusal is not None:
            self._recorder.record_often("message_refused", stream, refusal)
        self._slot.port.settle(token)

    def _acknowledged(self, signal: AckReceived) -> str | None:
        journal, ack = self._store.journal, signal.ack
        if ack.journal_epoch != journal.epoch:
            return "other_journal"
        if ack.upto > journal.last_seq:
            return "beyond_journal"
        if ack.upto > journal.acked_seq:
            journal.acknowledge(ack.upto)
        self._slot.port.acked(ack.upto)
        return None

    def _changed(self, signal: UplinkChanged, now: float) -> None:
        self.state, self.changed_s = signal, now
        log.info("uplink %s %s", "up" if signal.is_up else "down", signal.reason)
        if signal.is_up:
            self._clock.connected(now)
            self._codes.ask_again(now, everything=True)
            self.publish_codes()
        else:
            self._clock.disconnected()

    def drifted(self, buckets: list[int], now: float) -> None:
        """Codes on the disk are not what they were: say so, and have them repaired."""
        self._recorder.record(Event("fault", {"what": "code_set_drifted", "buckets": buckets}))
        self.resync(now)

    def resync(self, now: float) -> None:
        """Compare the code set with the cloud's: read ours from the disk, say what it is, and ask for a
        revision that cannot be, which is answered with the newest manifest."""
        self._codes.load(self._clock.certain_wall_s(now))
        self.publish_codes()
        self._slot.port.request(Request(type="buckets", rev=0, need=[]))

    def _apply(self, now: float) -> bool:
        self._codes.apply(self._clock.stamp(now), self._clock.certain_wall_s(now))
        self._recorder.told()
        self._door_codes.compared()
        self.publish_codes()
        log.info(
            "code set %d applied: %d codes", self._codes.revision.applied_rev, len(self._codes.holding.table)
        )
        return True

    # --- telling ------------------------------------------------------------------------------------

    def publish_codes(self) -> None:
        """Say what the lock holds."""
        revision = self._codes.revision
        self._slot.port.codes(
            Codes(
                set_epoch=revision.set_epoch,
                rev=revision.applied_rev,
                root=self._codes.root,
                count=len(self._codes.holding) - len(self._codes.holding.local),
                local=len(self._codes.holding.local),
                capacity=self._constraints.capacity,
                constraints=self._constraints.published(),
                highest_rev=revision.highest_rev,
                highest_root=revision.highest_root,
            )
        )

    def publish_status(self, fields: dict[str, Any]) -> None:
        """Say how the lock is, when that has changed."""
        if fields != self._last_status:
            self._last_status = fields
            self._slot.port.status(fields)
