"""The shell around the pure core: ONE thread, one inbox, deadlines as data; owns state, outputs, database.

A turn takes one signal, deals with it, and does what is due. Nothing shows before it is durable: an attempt
counts before it is looked at, its outcome before the strike moves. When that fails, nothing opens.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from agent import questions
from agent.asked import Asked
from agent.at_rest import AtRest
from agent.clock_at_door import CLOCK_SET, set_clock
from agent.clock_watch import ClockWatch
from agent.cloud_side import CloudSide
from agent.code_audit import CodeAudit
from agent.code_sync import CodeSync
from agent.command_side import CommandSide
from agent.condition_side import ConditionSide
from agent.door_codes import DoorCodes
from agent.door_side import DoorSide
from agent.duress import SilentAlarm
from agent.emergency_code import EmergencyCode
from agent.entries import Entries
from agent.errors import StorageFault
from agent.face import Face
from agent.freshness import Freshness
from agent.guesses import Guesses
from agent.host_clock import Clocks
from agent.inbox import Inbox
from agent.journal import Event
from agent.key_ring import KeyRing
from agent.key_side import KeySide
from agent.messages import UplinkSignal
from agent.offline_side import OfflineSide
from agent.outcomes import Outcomes
from agent.programming_side import ADD, REMOVE, ProgrammingSide
from agent.reader_side import VERBS as READER_VERBS
from agent.reader_side import ReaderSide
from agent.recorder import Recorder
from agent.schedule_watch import ScheduleWatch
from agent.set_aside import replaced
from agent.settings import Devices, Settings
from agent.store import Store
from agent.uplink_port import NoUplink, UplinkPort, UplinkSlot
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


class Controller:
    """One door. Everything here runs on one thread; others post to `inbox`."""

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
        """`make_uplink` is called once the keypad is up, so that the network delays no door."""
        self.settings = settings
        self.store = store
        self.clocks = clocks
        self.version = version
        self.emergency = emergency
        self.started_s = clocks.now()
        slot = UplinkSlot()
        self.clock = ClockWatch(store, clocks, settings.clock, slot.ask)
        self.codes = CodeSync(store, settings.device_id, tag_key, slot.ask, constraints=settings.constraints)
        self.schedules = ScheduleWatch(store, self.clock, self.codes)
        self._recorder = Recorder(store, self.clock, clocks, slot)
        self.guesses = Guesses(
            store, settings.risk_per_year, self.started_s, keys=len(settings.constraints.digits)
        )
        self.door_codes = DoorCodes(
            store=store,
            clock=self.clock,
            clocks=clocks,
            codes=self.codes,
            guesses=self.guesses,
            recorder=self._recorder,
            sealer=ring.sealer,
            tag_key=tag_key,
            constraints=settings.constraints,
            changed=self._codes_changed,
        )
        self.offline = OfflineSide(
            store=store,
            clock=self.clock,
            recorder=self._recorder,
            device_id=settings.device_id,
            constraints=settings.constraints,
        )
        self.freshness = Freshness(
            store=store,
            clock=self.clock,
            recorder=self._recorder,
            ask=slot.ask,
            settings=settings.stale,
            now=self.started_s,
        )
        self.keys = KeySide(ring, self.clock, self._recorder, slot, self.started_s)
        self.cloud = CloudSide(
            slot=slot,
            make_uplink=make_uplink,
            store=store,
            clock=self.clock,
            freshness=self.freshness,
            keys=self.keys,
            codes=self.codes,
            door_codes=self.door_codes,
            offline=self.offline,
            recorder=self._recorder,
            constraints=settings.constraints,
            now=self.started_s,
        )
        self._audit = CodeAudit(store, self.codes, self.cloud.drifted)
        self._inbox = inbox
        self._devices = devices
        self.door = DoorSide(
            strike=devices.strike,
            timings=settings.timings,
            rex_unlocks=settings.rex_unlocks,
            clocks=clocks,
            record=self._recorder.record,
        )
        self.readers = ReaderSide(
            is_allowed=settings.may_provision,
            ports=devices.readers,
            key_files=settings.key_files,
            record=self._recorder.record,
        )
        self.conditions = ConditionSide(
            policy=settings.conditions,
            door=self.door,
            clocks=clocks,
            record=self._recorder.record,
            flush=store.database.checkpoint,
        )
        shown_by = {name: each.indicator for name, each in settings.keypads.items() if each.indicator}
        self._face = Face(devices.indicators, shown_by, shows_keys=settings.shows_keys)
        self.commands = CommandSide(
            store=store,
            clock=self.clock,
            clocks=clocks,
            codes=self.codes,
            door=self.door,
            face=self._face,
            recorder=self._recorder,
            guesses=self.guesses,
            conditions=self.conditions,
            permissions=settings.permissions,
            resync=self.cloud.resync,
            file_schedule=settings.mode_schedule,
            write_door_codes=self.door_codes.write,
            acknowledged=self.offline.load,
        )
        self._programming = ProgrammingSide(
            may=settings.programming,
            door_codes=self.door_codes,
            codes=self.codes,
            clock=self.clock,
            mode=lambda: self.commands.mode,
            face=self._face,
        )
        outcomes = Outcomes(
            store=store,
            clock=self.clock,
            clocks=clocks,
            codes=self.codes,
            guesses=self.guesses,
            alarm=SilentAlarm(ring.sealer),
            recorder=self._recorder,
            modes=self.commands.modes,
            door=self.door,
            face=self._face,
            programming=self._programming,
            offline=self.offline,
            freshness=self.freshness,
            conditions=self.conditions,
            keypads=settings.keypads,
        )
        self._entries = Entries(
            tag_key=tag_key,
            timeout_s=settings.inter_key_timeout_s,
            clock=self.clock,
            codes=self.codes,
            offline=self.offline,
            guesses=self.guesses,
            modes=self.commands.modes,
            schedules=self.schedules,
            programming=self._programming,
            outcomes=outcomes,
            face=self._face,
            recorder=self._recorder,
            emergency=emergency,
        )
        self._at_rest = AtRest(
            recorder=self._recorder,
            programming=self._programming,
            guesses=self.guesses,
            door=self.door,
            clock=self.clock,
            conditions=self.conditions,
        )
        self._turns_since_checkpoint = 0
        self._slot = slot

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
        for device in self._devices.all():
            device.start()
        self.door.lock()
        self.clock.start(now)
        self.codes.load(self.clock.certain_wall_s(now))
        self.offline.load()
        self._reckon()
        self._recorder.record(Event("boot", {"version": self.version}), *replaced(self.store))
        self.commands.start()
        self.door_codes.start()
        self._at_rest.show(self._face, self.clocks.now())

    def close(self) -> None:
        """Leave the door locked and everything closed."""
        self.door.lock()
        self._slot.port.stop()
        for device in reversed(self._devices.all()):
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
        self._at_rest.show(self._face, self.clocks.now())
        self.cloud.publish_status(questions.status_fields(self))

    def next_wait_s(self) -> float:
        """How long nothing is due."""
        now = self.clocks.now()
        deadlines = (
            self.door.deadline(),
            self._face.deadline(),
            self.codes.deadline(),
            self._audit.deadline(),
            self.clock.deadline(now),
            self.freshness.deadline(now),
            self.keys.deadline(),
            self.schedules.deadline(now),
            self.commands.modes.deadline(now),
            self._recorder.deadline(),
            self.guesses.next_short_s(now),
            self._programming.deadline(),
            self.readers.deadline(),
            None if self.cloud.is_started else self.started_s + UPLINK_AFTER_S,
        )
        return max(0.001, min(at for at in deadlines if at is not None) - now)

    def _handle(self, signal: AnySignal) -> None:
        now = self.clocks.now()
        match signal:
            case KeyPressed() | KeysLost():
                self._entries.handle(signal, now)
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
                    self._reckon()

    def _asked(self, asked: Asked, now: float) -> None:
        if asked.verb == "command":
            self.commands.asked(asked, now)
        elif asked.verb == CLOCK_SET:
            set_clock(asked, self.clock, self._recorder, now)
        elif asked.verb in (ADD, REMOVE):
            self._programming.asked(asked)
        elif asked.verb in READER_VERBS:
            self.readers.asked(asked)
        else:
            questions.answer(self, asked, self._recorder)

    # --- what follows from other codes --------------------------------------------------------------

    def _codes_changed(self) -> None:
        """Other codes decide than before."""
        self._reckon()
        self.cloud.publish_codes()

    def _reckon(self) -> None:
        """How likely a guess is has changed, perhaps."""
        self.guesses.chances = self.offline.chances
        self.guesses.reckon(self.codes.holding.live_lengths)

    def _link_changed(self) -> None:
        """A keypad that comes back shows what it should; once all are there, the network gets its turn."""
        self._face.refresh()
        if all(self.door.links.values()):
            self.cloud.connect()

    # --- what is due ------------------------------------------------------------------------------------

    def _tick(self, now: float) -> None:
        """First what needs no storage: a fault ends the turn."""
        self._programming.tick(now)
        self.readers.tick(now)
        self._face.tick(now)
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
        self._audit.tick(now)
        self._recorder.tick(now)

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
        self._recorder.is_failing = True
        self._audit.storage_failed(self.clocks.now())
