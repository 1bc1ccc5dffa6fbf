"""What one door is made of, each part of those before it; `agent.controller` runs them, on one thread."""

from collections.abc import Callable

from agent.at_rest import AtRest
from agent.clock_watch import ClockWatch
from agent.cloud_side import CloudSide
from agent.code_audit import CodeAudit
from agent.code_sync import CodeSync
from agent.command_side import CommandSide
from agent.condition_side import ConditionSide
from agent.core.tag_keys import TagKeys
from agent.door_codes import DoorCodes
from agent.door_side import DoorSide
from agent.duress import SilentAlarm
from agent.emergency_code import EmergencyCode
from agent.entries import Entries
from agent.face import Face
from agent.freshness import Freshness
from agent.guesses import Guesses
from agent.host_clock import Clocks
from agent.key_renewal import KeyRenewal
from agent.key_ring import KeyRing
from agent.key_side import KeySide
from agent.offline_side import OfflineSide
from agent.outcomes import Outcomes
from agent.programming_side import ProgrammingSide
from agent.reader_side import ReaderSide
from agent.recorder import Recorder
from agent.schedule_watch import ScheduleWatch
from agent.settings import Devices, Settings
from agent.store import Store
from agent.uplink_port import UplinkPort, UplinkSlot


class Parts:
    """What one door is made of. Made and used on the controller's thread."""

    def __init__(
        self,
        *,
        settings: Settings,
        store: Store,
        tag_key: bytes,
        clocks: Clocks,
        devices: Devices,
        version: str,
        ring: KeyRing,
        emergency: EmergencyCode,
        make_uplink: Callable[[], UplinkPort],
    ) -> None:
        """`tag_key`: 32 bytes, the newest of those that make tags. `make_uplink` is called once the keypad is
        up, so that the network delays no door."""
        self.settings = settings
        self.store = store
        self.clocks = clocks
        self.devices = devices
        self.version = version
        self.emergency = emergency
        self.started_s = clocks.now()
        self.slot = slot = UplinkSlot()
        self.clock = ClockWatch(store, clocks, settings.clock, slot.ask)
        tag_keys = store.tag_keys.with_newest(tag_key)
        self.codes = CodeSync(store, settings.device_id, tag_keys, slot.ask, constraints=settings.constraints)
        self.schedules = ScheduleWatch(store, self.clock, self.codes)
        self.recorder = Recorder(store, self.clock, clocks, slot)
        self.guesses = Guesses(
            store, settings.risk_per_year, self.started_s, keys=len(settings.constraints.digits)
        )
        self.door_codes = DoorCodes(
            store=store,
            clock=self.clock,
            clocks=clocks,
            codes=self.codes,
            guesses=self.guesses,
            recorder=self.recorder,
            sealer=ring.sealer,
            tag_keys=tag_keys,
            constraints=settings.constraints,
            changed=self.codes_changed,
        )
        self.offline = OfflineSide(
            store=store,
            clock=self.clock,
            recorder=self.recorder,
            device_id=settings.device_id,
            constraints=settings.constraints,
        )
        self._face_the_cloud(ring, make_uplink)
        self._face_the_door()
        self._face_people(tag_keys, ring)

    def _face_the_cloud(self, ring: KeyRing, make_uplink: Callable[[], UplinkPort]) -> None:
        """What speaks with the cloud, or minds that it is silent."""
        self.freshness = Freshness(
            store=self.store,
            clock=self.clock,
            recorder=self.recorder,
            ask=self.slot.ask,
            settings=self.settings.stale,
            now=self.started_s,
        )
        self.keys = KeySide(ring, self.clock, self.recorder, self.slot, self.started_s)
        self.renewal = KeyRenewal(ring, self.recorder, self.slot)
        self.cloud = CloudSide(
            slot=self.slot,
            make_uplink=make_uplink,
            store=self.store,
            clock=self.clock,
            freshness=self.freshness,
            keys=self.keys,
            renewal=self.renewal,
            codes=self.codes,
            door_codes=self.door_codes,
            offline=self.offline,
            recorder=self.recorder,
            constraints=self.settings.constraints,
            now=self.started_s,
        )
        self.audit = CodeAudit(self.store, self.codes, self.cloud.drifted)

    def _face_the_door(self) -> None:
        """What is wired to it."""
        self.door = DoorSide(
            strike=self.devices.strike,
            timings=self.settings.timings,
            rex_unlocks=self.settings.rex_unlocks,
            clocks=self.clocks,
            record=self.recorder.record,
        )
        self.readers = ReaderSide(
            is_allowed=self.settings.may_provision,
            ports=self.devices.readers,
            key_files=self.settings.key_files,
            record=self.recorder.record,
        )
        self.conditions = ConditionSide(
            policy=self.settings.conditions,
            door=self.door,
            clocks=self.clocks,
            record=self.recorder.record,
            flush=self.store.database.checkpoint,
        )
        shown_by = {name: each.indicator for name, each in self.settings.keypads.items() if each.indicator}
        self.face = Face(self.devices.indicators, shown_by, shows_keys=self.settings.shows_keys)

    def _face_people(self, tag_keys: TagKeys, ring: KeyRing) -> None:
        """What they may do, and what becomes of it."""
        self.commands = CommandSide(
            store=self.store,
            clock=self.clock,
            clocks=self.clocks,
            codes=self.codes,
            door=self.door,
            face=self.face,
            recorder=self.recorder,
            guesses=self.guesses,
            conditions=self.conditions,
            permissions=self.settings.permissions,
            resync=self.cloud.resync,
            file_schedule=self.settings.mode_schedule,
            write_door_codes=self.door_codes.write,
            acknowledged=self.offline.load,
            renew_keys=self.renewal.asked,
        )
        self.programming = ProgrammingSide(
            may=self.settings.programming,
            door_codes=self.door_codes,
            codes=self.codes,
            clock=self.clock,
            mode=lambda: self.commands.mode,
            face=self.face,
        )
        outcomes = Outcomes(
            store=self.store,
            clock=self.clock,
            clocks=self.clocks,
            codes=self.codes,
            guesses=self.guesses,
            alarm=SilentAlarm(ring.sealer),
            recorder=self.recorder,
            modes=self.commands.modes,
            door=self.door,
            face=self.face,
            programming=self.programming,
            offline=self.offline,
            freshness=self.freshness,
            conditions=self.conditions,
            keypads=self.settings.keypads,
        )
        self.entries = Entries(
            tag_keys=tag_keys,
            timeout_s=self.settings.inter_key_timeout_s,
            clock=self.clock,
            codes=self.codes,
            offline=self.offline,
            guesses=self.guesses,
            modes=self.commands.modes,
            schedules=self.schedules,
            programming=self.programming,
            outcomes=outcomes,
            face=self.face,
            recorder=self.recorder,
            emergency=self.emergency,
        )
        self.at_rest = AtRest(
            recorder=self.recorder,
            programming=self.programming,
            guesses=self.guesses,
            door=self.door,
            clock=self.clock,
            conditions=self.conditions,
        )

    # --- what follows from other codes --------------------------------------------------------------

    def codes_changed(self) -> None:
        """Other codes decide than before."""
        self.reckon()
        self.cloud.publish_codes()

    def reckon(self) -> None:
        """How likely a guess is has changed, perhaps."""
        self.guesses.chances = self.offline.chances
        self.guesses.reckon(self.codes.holding.live_lengths)
