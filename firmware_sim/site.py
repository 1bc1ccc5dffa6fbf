"""A whole door on a virtual clock: the real controller and database, hardware that does as it is told.

What tests drive: `Site(state_dir)`, then people's verbs (`type`, `open_door`, `wait`). Time stands still
unless it is told to pass, so a day takes no time and nothing is left to chance.
"""

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from agent.clock_watch import ClockSettings
from agent.controller import AnySignal, Controller
from agent.core import code_set
from agent.emergency_code import FILE_NAME, EmergencyCode
from agent.envelope import Message, Opener, kid_of
from agent.inbox import Inbox
from agent.messages import (
    Ack,
    AckReceived,
    BucketPart,
    BucketReceived,
    CommandReceived,
    Heartbeat,
    HeartbeatReceived,
    Manifest,
    ManifestReceived,
    UplinkChanged,
)
from agent.secrets import RootSecret
from agent.set_aside import open_store
from agent.settings import Devices, Settings
from firmware_sim.enrolled import CLOUD_SEALING, DEVICE_ID, IDENTITY, ROOT, key_ring
from firmware_sim.virtual_parts import NOON, VirtualClock, VirtualIndicator, VirtualStrike, VirtualUplink
from hal.ports import DoorMoved, KeyPressed, LinkChanged, ReaderSetup, RexPressed

EMERGENCY_KEY = ROOT.derive("emergency")


class Site:
    """One door, its cloud, and the people at it."""

    def __init__(
        self,
        state_dir: Path,
        clock: VirtualClock | None = None,
        readers: Mapping[str, ReaderSetup] | None = None,
        clock_settings: ClockSettings | None = None,
        emergency: bool = False,
        root: RootSecret = ROOT,
        **settings: Any,
    ) -> None:
        """`settings` go to `agent.controller.Settings`; the same `state_dir` again is a restart."""
        self.clock = clock or VirtualClock()
        self.cloud_wall_s = float(NOON) + (self.clock.now_s - 100.0)
        self.before_unlock: Callable[[], None] = lambda: None
        self.strike = VirtualStrike(self.clock, lambda: self.before_unlock())
        names = {each.indicator for each in settings.get("keypads", {}).values() if each.indicator}
        self.indicators = {name: VirtualIndicator(self.clock) for name in ("indicator", *names)}
        self.indicator = self.indicators["indicator"]
        self.uplink = VirtualUplink()
        self.store = open_store(
            state_dir / "lock.db",
            device_id=DEVICE_ID,
            row_key=root.derive("row"),
            store_key=root.derive("store"),
            set_epoch=1,
        )
        self.ring = key_ring(state_dir, root)
        self.inbox: Inbox[AnySignal] = Inbox()
        self.controller = Controller(
            settings=Settings(
                device_id=DEVICE_ID,
                clock=clock_settings or ClockSettings(100.0, trust_ntp=False),
                **settings,
            ),
            store=self.store,
            tag_key=root.derive("tag"),
            clocks=self.clock,
            inbox=self.inbox,
            devices=Devices(strike=self.strike, indicators=self.indicators, inputs=(), readers=readers or {}),
            version="test",
            ring=self.ring,
            emergency=EmergencyCode(
                state_dir / FILE_NAME,
                root.derive("emergency"),
                self.store.codes.history_of,
                enabled=emergency,
            ),
            make_uplink=lambda: self.uplink,
        )
        self.controller.start()
        self.say(LinkChanged("outside", True, "secure session"))
        self._rev = self.controller.codes.revision.highest_rev
        self._tokens = 0

    def close(self) -> None:
        """Stop the agent as SIGTERM would."""
        self.controller.close()

    # --- people and time --------------------------------------------------------------------------

    def say(self, signal: AnySignal) -> None:
        """One signal, one turn."""
        self.controller.turn(signal)

    def type(self, keys: str, keypad: str = "keypad") -> None:
        """Press keys, one after the other, in no time."""
        for key in keys:
            self.say(KeyPressed(keypad, key))

    def open_door(self) -> None:
        """The door swings open, however that came about."""
        self.say(DoorMoved(True))

    def close_door(self) -> None:
        """The door falls shut."""
        self.say(DoorMoved(False))

    def press_rex(self) -> None:
        """Somebody inside wants out."""
        self.say(RexPressed())

    def wait(self, seconds: float) -> None:
        """Time passes; whatever falls due on the way is done when it is due."""
        end = self.clock.now_s + seconds
        while (step := min(self.controller.next_wait_s(), end - self.clock.now_s)) > 0:
            self.clock.now_s += step
            self.clock.wall_s += step
            self.cloud_wall_s += step
            self.controller.turn(None)
        # Many small steps added to a large number leave it a little below a whole second.
        self.clock.wall_s, self.cloud_wall_s = round(self.clock.wall_s, 3), round(self.cloud_wall_s, 3)

    # --- the cloud --------------------------------------------------------------------------------

    def connect(self) -> None:
        """The uplink comes up, and the cloud answers for the time."""
        self.controller.cloud.connect()
        self.say(UplinkChanged(True, "sid", ""))
        self.answer_time()

    def answer_time(self) -> None:
        """Answer the newest question for the time."""
        asked = [request for request in self.uplink.requests if request.type == "time"]
        if asked:
            beat = Heartbeat(head_rev=self._rev, time=int(self.cloud_wall_s), nonce=asked[-1].nonce)
            self.say(HeartbeatReceived(beat, int(self.cloud_wall_s) + 60, self.clock.now_s, self._token()))

    def offer(
        self, rows: Sequence[dict[str, Any]], rev: int | None = None, buckets: int | None = None
    ) -> int:
        """Publish a manifest for `rows`; returns its revision."""
        self._rev = self._rev + 1 if rev is None else rev
        by_id = {row["access_code_id"]: code_set.canonical(row) for row in rows}
        digests = code_set.bucket_digests(by_id, buckets or code_set.bucket_count(len(rows)))
        manifest = Manifest(
            count=len(rows),
            buckets=code_set.pack_digests(digests),
            root=code_set.root(DEVICE_ID, 1, self._rev, digests),
        )
        self.say(ManifestReceived(1, self._rev, manifest, self._token()))
        return self._rev

    def deliver(self, rows: Sequence[dict[str, Any]], buckets: int | None = None) -> None:
        """Answer every open question for buckets of the newest revision, until none is left."""
        count = buckets or code_set.bucket_count(len(rows))
        answered = 0
        while answered < len(self.uplink.requests):
            request = self.uplink.requests[answered]
            answered += 1
            if request.type == "buckets" and request.rev == self._rev:
                for index in request.need or ():
                    self.say(self.bucket(rows, index, count))
        self.uplink.requests.clear()

    def bucket(self, rows: Sequence[dict[str, Any]], index: int, buckets: int) -> BucketReceived:
        """The whole of one bucket, in one part."""
        mine = [row for row in rows if code_set.bucket_of(row["access_code_id"], buckets) == index]
        return BucketReceived(
            1, self._rev, BucketPart(index=index, part=0, parts=1, rows=mine), self._token()
        )

    def install(self, *rows: dict[str, Any]) -> None:
        """A whole code set reaches the lock."""
        self.offer(rows)
        self.deliver(rows)

    def acknowledge(self, upto: int) -> None:
        """The cloud acknowledges journal rows."""
        self.say(AckReceived(Ack(journal_epoch=self.store.journal.epoch, upto=upto), self._token()))

    def command(
        self,
        kind: str,
        *,
        id: str | None = None,  # noqa: A002 - the claim is called so
        sid: str = "sid",
        life: tuple[int, int] = (0, 20),
        **args: Any,
    ) -> CommandReceived:
        """A genuine command reaches the lock; `life`: `iat` and `exp` in seconds from now, at the cloud."""
        now_s = int(self.cloud_wall_s)
        received = CommandReceived(
            id=id or str(uuid.uuid4()),
            type=kind,
            args=args,
            iat=now_s + life[0],
            exp=now_s + life[1],
            sid=sid,
            arrived_s=self.clock.now_s,
            token=self._token(),
        )
        self.say(received)
        return received

    def _token(self) -> int:
        self._tokens = getattr(self, "_tokens", 0) + 1
        return self._tokens

    # --- what can be seen -------------------------------------------------------------------------

    def journal(self, *kinds: str) -> list[dict[str, Any]]:
        """Journal rows of these kinds (none named: all), oldest first."""
        rows = self.store.journal.after(0, 10_000)
        return [row for row in rows if not kinds or row["kind"] in kinds]

    def alarms(self) -> list[dict[str, Any]]:
        """What the cloud reads in the rows of duress, and nobody else can."""
        return self._unsealed("duress", "duress")

    def made_at_door(self) -> list[dict[str, Any]]:
        """What the cloud reads in the rows of codes made at the door, digits included."""
        return self._unsealed("code_added_at_door", "door_code")

    def _unsealed(self, kind: str, stream: str) -> list[dict[str, Any]]:
        opener = Opener(DEVICE_ID, {kid_of(IDENTITY): IDENTITY}, CLOUD_SEALING)
        opened = [opener.open(row["detail"]["sealed"].encode(), stream, None) for row in self.journal(kind)]
        return [json.loads(bytes(each.body)) for each in opened if isinstance(each, Message)]

    def results(self) -> list[tuple[str, str, str | None]]:
        """What became of commands: (type, result, reason), in order."""
        rows = [row["detail"] for row in self.journal("command_result")]
        return [(row["type"], row["result"], row.get("reason")) for row in rows]

    def refusals(self) -> list[str]:
        """Why messages were not believed, in order."""
        return [row["detail"]["reason"] for row in self.journal("message_refused")]

    def reasons(self) -> list[str]:
        """Why entries were refused, in order."""
        return [row["detail"]["reason"] for row in self.journal("access_denied")]


def code_row(access_code_id: str, digits: str, **rules: Any) -> dict[str, Any]:
    """A definition as the cloud sends it."""
    return {
        "access_code_id": access_code_id,
        "gen": 1,
        "code_rev": 1,
        "kind": "standard",
        "code": digits,
    } | rules
