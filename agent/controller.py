"""The shell around the pure core: ONE thread, one inbox, deadlines as data; owns state, outputs, database.

A turn takes one signal, deals with it, and does what is due. Nothing shows before it is durable: an attempt
counts before it is looked at, its outcome before the strike moves. When that fails, nothing opens.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from agent import questions
from agent.asked import Asked
from agent.clock_at_door import CLOCK_SET, set_clock
from agent.emergency_code import EmergencyCode
from agent.errors import StorageFault
from agent.host_clock import Clocks
from agent.inbox import Inbox
from agent.key_ring import KeyRing
from agent.messages import UplinkSignal
from agent.parts import Parts
from agent.programming_side import ADD, REMOVE
from agent.reader_side import VERBS as READER_VERBS
from agent.settings import Devices, Settings
from agent.start_rows import start_rows
from agent.store import Store
from agent.uplink_port import NoUplink, UplinkPort
from hal.ports import (
    ConditionChanged,
    DoorMoved,
    KeyPressed,
    KeyRefused,
    KeysLost,
    LinkChanged,
    NextKeyUsed,
    RexPressed,
    SetUp,
    Signal,
    StrikeFailed,
    TamperChanged,
    UnitFault,
)

log = logging.getLogger(__name__)

CHECKPOINT_TURNS = 64
UPLINK_AFTER_S = 2.0
"""The network waits this long at most for the keypad to come up first."""


@dataclass(frozen=True, slots=True)
class Stop:
    """End the loop: the process was asked to."""


AnySignal = Signal | UplinkSignal | Asked | Stop


class Controller(Parts):
    """Runs the parts of one door. Everything here runs on one thread; others post to `inbox`."""

    def __init__(
        self,
        *,
        settings: Settings,
        store: Store,
        tag_key: bytes,
        clocks: Clocks,
        inbox: Inbox[AnySignal],
        devices: Devices,
        version: str,
        ring: KeyRing,
        emergency: EmergencyCode,
        make_uplink: Callable[[], UplinkPort] = NoUplink,
    ) -> None:
        """See `Parts`."""
        super().__init__(
            settings=settings,
            store=store,
            tag_key=tag_key,
            clocks=clocks,
            devices=devices,
            version=version,
            ring=ring,
            emergency=emergency,
            make_uplink=make_uplink,
        )
        self._inbox = inbox
        self._turns_since_checkpoint = 0

    # --- the loop -----------------------------------------------------------------------------------

    def run(self) -> None:
        """Until `Stop`. The strike is locked before anything else happens, and whatever happens."""
        try:
            self.start()
            while not isinstance(signal := self._inbox.take(self.next_wait_s()), Stop):
                self.turn(signal)
        finally:
            self.close()

    def start(self) -> None:
        """Lock, lay out the table, open the devices."""
        now = self.clocks.now()
        for device in self.devices.all():
            device.start()
        self.door.lock()
        self.clock.start(now)
        self.codes.load(self.clock.certain_wall_s(now))
        self.offline.load()
        self.reckon()
        stage = self.settings.root_stage()
        self.recorder.record(*start_rows(self.version, self.store, self.codes.holding, stage))
        self.commands.start()
        self.door_codes.start()
        self.at_rest.show(self.face, self.clocks.now())

    def close(self) -> None:
        """Leave the door locked and everything closed."""
        self.door.lock()
        self.slot.port.stop()
        for device in reversed(self.devices.all()):
            device.close()
        self.store.close()

    def turn(self, signal: AnySignal | None) -> None:
        """Deal with one signal (None: a deadline passed), then with whatever is due."""
        try:
            if signal is not None:
                self._handle(signal)
            self._tick(self.clocks.now())
            self._idle_work()
        except StorageFault as fault:
            self._fail(fault)
        self.at_rest.show(self.face, self.clocks.now())
        self.cloud.publish_status(questions.status_fields(self))

    def next_wait_s(self) -> float:
        """How long nothing is due."""
        now = self.clocks.now()
        deadlines = (
            self.door.deadline(),
            self.face.deadline(),
            self.codes.deadline(),
            self.audit.deadline(),
            self.clock.deadline(now),
            self.freshness.deadline(now),
            self.keys.deadline(),
            self.schedules.deadline(now),
            self.commands.modes.deadline(now),
            self.recorder.deadline(),
            self.guesses.next_short_s(now),
            self.programming.deadline(),
            self.readers.deadline(),
            None if self.cloud.is_started else self.started_s + UPLINK_AFTER_S,
        )
        return max(0.001, min(at for at in deadlines if at is not None) - now)

    def _handle(self, signal: AnySignal) -> None:
        now = self.clocks.now()
        match signal:
            case KeyPressed() | KeysLost():
                self.entries.handle(signal, now)
            case Asked():
                self._asked(signal, now)
            case LinkChanged():
                self.door.handle(signal, now)
                self.readers.link_changed(signal, now)
                self._link_changed()
            case RexPressed():
                self.door.handle(signal, now)
                self.commands.modes.left_by_rex(now)
            case DoorMoved() | TamperChanged() | StrikeFailed():
                self.door.handle(signal, now)
            case KeyRefused() | NextKeyUsed() | SetUp():
                self.readers.handle(signal)
            case ConditionChanged() | UnitFault():
                self.conditions.handle(signal, now)
            case Stop():
                raise AssertionError("the loop ends at Stop")
            case _:
                if self.cloud.handle(signal, self.commands, now):
                    self.reckon()

    def _asked(self, asked: Asked, now: float) -> None:
        if asked.verb == "command":
            self.commands.asked(asked, now)
        elif asked.verb == CLOCK_SET:
            set_clock(asked, self.clock, self.recorder, now)
        elif asked.verb in (ADD, REMOVE):
            self.programming.asked(asked)
        elif asked.verb in READER_VERBS:
            self.readers.asked(asked)
        else:
            questions.answer(self, asked)

    def _link_changed(self) -> None:
        """A keypad that comes back shows what it should; once all are there, the network gets its turn."""
        self.face.refresh()
        if all(self.door.links.values()):
            self.cloud.connect()

    # --- what is due ------------------------------------------------------------------------------------

    def _tick(self, now: float) -> None:
        """First what needs no storage: a fault ends the turn."""
        self.programming.tick(now)
        self.readers.tick(now)
        self.face.tick(now)
        self.codes.ask_again(now)
        if now >= self.started_s + UPLINK_AFTER_S:
            self.cloud.connect()
        self.door.tick(now)
        self.commands.modes.tick(now)
        self.clock.tick(now)
        self.freshness.tick(now)
        self.keys.tick(now)
        self.schedules.keep(now)
        self.offline.keep(now)
        self.offline.settle(self.door_codes.lay_out_anew)
        self.audit.tick(now)
        self.recorder.tick(now)

    def _idle_work(self) -> None:
        self._turns_since_checkpoint += 1
        if self._turns_since_checkpoint >= CHECKPOINT_TURNS and self._inbox.is_empty():
            self._turns_since_checkpoint = 0
            self.store.database.checkpoint()
            self.store.journal.prune()
            self.offline.purge(self.clocks.now())

    def _fail(self, fault: StorageFault) -> None:
        """Storage failed: the strike stays as it is, and the keypad says that nobody can be let in."""
        log.error("storage: %s", fault)
        self.recorder.is_failing = True
        self.audit.storage_failed(self.clocks.now())
