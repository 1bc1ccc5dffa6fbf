"""What the lock must not forget, as whole steps: each method is one transaction, durable when it returns."""

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Connection
from typing import Any

from agent.code_rows import CodeRows, NewCode
from agent.command_rows import CommandRows, Effect, Outcome
from agent.core.access_code import AccessCode
from agent.core.holding import HeldCode
from agent.core.lifetime import UNUSED, History
from agent.core.mode_schedule import Standing
from agent.core.offline_policy import KeyName
from agent.core.throttle import Budget, LengthClass
from agent.core.timekeeping import Anchor, RtcPair, Witness
from agent.database import Database
from agent.door_code_rows import DoorCodeRows
from agent.errors import StateDamaged, StorageFault
from agent.journal import Event, Journal, Stamp
from agent.mode_rows import ModeRows
from agent.offline_rows import NOTHING, KeptSetup, OfflineChange, OfflineRows
from agent.tag_key_rows import TagKeyRows


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """Which code set the lock has: the newest manifest accepted, and the set that decides."""

    set_epoch: int
    highest_rev: int
    highest_root: str
    applied_rev: int


@dataclass(frozen=True, slots=True)
class Heard:
    """The newest proof that the cloud spoke: its Unix time (0: never), how long this lock has run since, in
    seconds, and whether the journal calls that stale."""

    heard_s: int = 0
    silent_s: int = 0
    is_stale: bool = False


_NONE = (None,) * 5


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptClock:
    """What is durable of the clock: floors (Unix seconds), estimate, and what the hardware clock showed."""

    floor_s: int
    signed_floor_s: int
    anchor: Anchor | None
    rtc: RtcPair | None


class Store:
    """The lock's database in its own words. Controller thread only; every method may raise StorageFault."""

    def __init__(
        self, path: Path, *, device_id: str, row_key: bytes, store_key: bytes, set_epoch: int = 1
    ) -> None:
        """Open or create the database of `device_id`. 32 bytes each: `row_key` for the MACs of rows,
        `store_key` for what must be read again and by nobody else."""
        self.database = Database(path, row_key)
        try:
            self.tag_keys = TagKeyRows(self.database, store_key)
        except StateDamaged:
            self.database.close()
            raise
        self.replaces = ""
        """The name of the file that this database replaces, if one had to be set aside."""
        self.codes = CodeRows(self.database, row_key)
        self.commands = CommandRows(self.database)
        self.modes = ModeRows(self.database, row_key)
        self.door_codes = DoorCodeRows(self.database, row_key, self.codes)
        self.offline = OfflineRows(self.database, row_key, store_key, self.codes)
        if not self.database.read("SELECT 1 FROM lock"):
            with self.database.transaction() as db:
                db.execute(
                    "INSERT INTO lock (id, device_id, journal_epoch, set_epoch) VALUES (1, ?, ?, ?)",
                    (device_id, secrets.token_hex(8), set_epoch),
                )
        found: list[Any] = self.database.read("SELECT device_id, journal_epoch, acked_seq FROM lock")
        owner, journal_epoch, acked_seq = found[0]
        if owner != device_id:
            raise StorageFault(
                f"{path} belongs to device {owner}, this lock is {device_id}: "
                "give it a state_dir of its own, or move the old database away"
            )
        self.journal = Journal(self.database, journal_epoch, acked_seq)

    def close(self) -> None:
        """Close the database; the object is of no use afterwards."""
        self.database.close()

    # --- the path of an entry ---------------------------------------------------------------------

    def debit(self, length_class: LengthClass, budget: Budget) -> None:
        """Make an attempt count, before anything is looked at."""
        with self.database.transaction() as db:
            _save_budget(db, length_class, budget)

    def record_grant(
        self,
        stamp: Stamp,
        events: Sequence[Event],
        code: AccessCode | None,
        used_at: int,
        length_class: LengthClass,
        refunded: Budget,
        standing: Standing | None = None,
        offline: OfflineChange = NOTHING,
    ) -> History:
        """The outcome of a right code: use counted (at Unix time `used_at`), token back, journal rows, the
        operating mode where it changes, an offline code at its first use; all of it or nothing. Returns the
        history with this use; a technician has no code."""
        history = UNUSED
        with self._recording(stamp, events) as db:
            if code is not None:
                history = self.codes.count_use(db, code.access_code_id, code.gen, used_at)
            self.offline.carry_out(db, offline)
            _save_budget(db, length_class, refunded)
            if standing is not None:
                self.modes.keep_standing(db, standing)
        return history

    def note_known(self, codes: Sequence[AccessCode], since: int) -> list[History]:
        """Note since when codes are known; returns their histories."""
        with self.database.transaction() as db:
            return [self.codes.note_known(db, code.access_code_id, code.gen, since) for code in codes]

    def record_effect(
        self,
        stamp: Stamp,
        effect: Effect,
        events: Sequence[Event],
        outcome: Outcome | None = None,
        reports: Callable[[], Sequence[Event]] = tuple,
    ) -> None:
        """What a command, a mode or programming changes: the effect, its outcome, journal rows; all of it or
        nothing. `reports` is asked for more rows when the effect can be read, and is not yet durable."""
        rows = list(events)
        with self._recording(stamp, rows) as db:
            self.commands.carry_out(db, effect)
            if effect.standing is not None:
                self.modes.keep_standing(db, effect.standing)
            if effect.settings is not None:
                self.modes.keep_settings(db, effect.settings)
            self.door_codes.carry_out(db, effect.door)
            self.offline.revoke(db, effect.door.forgotten)
            self.offline.carry_out(db, effect.offline)
            for length_class, budget in effect.budgets.items():
                _save_budget(db, length_class, budget)
            if outcome is not None:
                self.commands.keep(db, outcome)
            rows += reports()

    def record(self, stamp: Stamp, *events: Event) -> None:
        """Add journal rows."""
        with self._recording(stamp, events):
            pass

    @contextmanager
    def _recording(self, stamp: Stamp, events: Sequence[Event]) -> Iterator[Connection]:
        """A transaction that ends with journal rows."""
        with self.database.transaction() as db:
            yield db
            tail = self.journal.append(db, stamp, events)
        self.journal.advance(tail)

    # --- offline codes ----------------------------------------------------------------------------

    def local_codes(self) -> list[HeldCode]:
        """The codes that are in no code set: made at the door, or offline codes that were used."""
        return [*self.door_codes.held(), *self.offline.held()]

    def keep_offline_setup(
        self,
        stamp: Stamp,
        kept: KeptSetup,
        events: Sequence[Event],
        floors: Mapping[KeyName, int] | None = None,
        denied: frozenset[tuple[int, int, int, int]] = frozenset(),
    ) -> None:
        """Keep a setup, and refuse used codes below its `floors` or `denied` by it."""
        with self._recording(stamp, events) as db:
            self.offline.keep_setup(db, kept)
            self.offline.revoke_where(db, floors or {}, denied)

    # --- budgets and clock ------------------------------------------------------------------------

    def budgets(self, now: float) -> dict[LengthClass, Budget]:
        """The budgets as they were left; time without the agent earns nothing, so they start at `now`."""
        rows: list[Any] = self.database.read("SELECT length_class, tokens, failures FROM throttle")
        found = {LengthClass(name): Budget(tokens, now, failures) for name, tokens, failures in rows}
        return {each: found.get(each, Budget(at_s=now)) for each in LengthClass}

    def clock(self, boot: str) -> KeptClock:
        """What was kept; of the estimate only one that was made in this same boot."""
        rows: list[Any] = self.database.read(
            "SELECT floor_s, signed_floor_s, rtc_s, rtc_wall_s, rtc_bound_s,"
            " anchor_boot, anchor_at_s, anchor_wall_s, anchor_bound_s, anchor_witness FROM lock"
        )
        floor_s, signed_floor_s, rtc_s, rtc_wall_s, rtc_bound_s, anchor_boot, *anchor = rows[0]
        at_s, wall_s, bound_s, witness = anchor
        return KeptClock(
            floor_s=floor_s,
            signed_floor_s=signed_floor_s,
            anchor=Anchor(at_s, wall_s, bound_s, Witness(witness)) if anchor_boot == boot else None,
            rtc=None if rtc_s is None else RtcPair(rtc_s, rtc_wall_s, rtc_bound_s),
        )

    def save_clock(self, boot: str, kept: KeptClock) -> None:
        """Keep the floors, which never go back, the estimate of this boot, and the pair."""
        anchor, pair = kept.anchor, kept.rtc
        of_anchor = (
            (boot, anchor.at_s, anchor.wall_s, anchor.bound_s, anchor.witness.value) if anchor else _NONE
        )
        of_pair = (pair.rtc_s, pair.wall_s, pair.bound_s) if pair else (None,) * 3
        with self.database.transaction() as db:
            db.execute(
                "UPDATE lock SET floor_s=max(floor_s, ?), signed_floor_s=max(signed_floor_s, ?),"
                " anchor_boot=?, anchor_at_s=?, anchor_wall_s=?, anchor_bound_s=?, anchor_witness=?,"
                " rtc_s=?, rtc_wall_s=?, rtc_bound_s=?",
                (kept.floor_s, kept.signed_floor_s, *of_anchor, *of_pair),
            )

    def heard(self) -> Heard:
        """How fresh the lock is."""
        rows: list[Any] = self.database.read("SELECT heard_s, silent_s, is_stale FROM freshness")
        return Heard(rows[0][0], rows[0][1], bool(rows[0][2])) if rows else Heard()

    def keep_heard(self, heard: Heard) -> None:
        """Remember it."""
        with self.database.transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO freshness VALUES (1, ?, ?, ?)",
                (heard.heard_s, heard.silent_s, int(heard.is_stale)),
            )

    def next_start(self) -> int:
        """A number higher than any given before in this database, for the messages of one uplink."""
        with self.database.transaction() as db:
            found = db.execute("UPDATE lock SET starts = starts + 1 RETURNING starts").fetchone()
        return int(found[0])

    # --- code sets --------------------------------------------------------------------------------

    def revision(self) -> Revision:
        """Where this lock stands."""
        rows: list[Any] = self.database.read(
            "SELECT set_epoch, highest_rev, highest_root, applied_rev FROM lock"
        )
        set_epoch, highest_rev, highest_root, applied_rev = rows[0]
        return Revision(
            set_epoch=set_epoch, highest_rev=highest_rev, highest_root=highest_root, applied_rev=applied_rev
        )

    def accept_manifest(self, set_epoch: int, rev: int, root: str) -> None:
        """Remember the newest manifest, and drop what was staged for an older one."""
        with self.database.transaction() as db:
            db.execute("UPDATE lock SET set_epoch=?, highest_rev=?, highest_root=?", (set_epoch, rev, root))
            self.codes.drop_staged(db)

    def stage(self, rev: int, removed: Sequence[str], added: Sequence[NewCode]) -> None:
        """Prepare one bucket of revision `rev`; removed codes are refused from here on."""
        with self.database.transaction() as db:
            self.codes.stage(db, rev, removed, added)

    def apply(self, rev: int, stamp: Stamp, events: Sequence[Event]) -> None:
        """Make the staged revision the one that decides, and say so in the journal. Codes made at the door
        that it defines are its own from here on."""
        with self._recording(stamp, events) as db:
            self.codes.switch(db, rev)
            self.commands.forget_revoked(db, rev)
            self.door_codes.give_way(db)


def _save_budget(db: Connection, length_class: LengthClass, budget: Budget) -> None:
    db.execute(
        "INSERT OR REPLACE INTO throttle VALUES (?, ?, ?)",
        (length_class.value, budget.tokens, budget.failures),
    )
