"""Brings the code table to what the cloud wants: compare digests, fetch what differs, make it true at once.

Pure bookkeeping around the store; the controller calls it and passes the time. A refused message is a
value: its reason. Rules of revision and digest: spec uplink, section 4, and decisions, "Messages".
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from agent.bucket_fetch import BucketFetch, Rows
from agent.code_rows import CodeRead, NewCode
from agent.core import code_set
from agent.core.access_code import LATEST_S, AccessCode, CodeError, parse_definition
from agent.core.constraints import ON_RECEIPT, Constraints, check_digits
from agent.core.holding import Arriving, CodeState, Holding, changes, joined
from agent.core.tag_keys import TagKeys
from agent.errors import StorageFault
from agent.journal import Event, Stamp
from agent.messages import BucketReceived, ManifestReceived, Request
from agent.store import Store
from agent.zones import zone_named

TO_JUDGE_ANEW = ON_RECEIPT | {CodeError.SCHEMA_UNSUPPORTED, CodeError.SCHEDULE_INVALID}


class CodeSync:
    """The code set of one lock. Controller thread only; may raise StorageFault."""

    def __init__(
        self,
        store: Store,
        device_id: str,
        tag_keys: TagKeys,
        ask: Callable[[Request], None],
        constraints: Constraints,
    ) -> None:
        """`ask` sends a request to the cloud, or loses it when there is no connection."""
        self._constraints = constraints
        self._judge_anew: set[str] = set()
        """Codes that this door did not take or understand, perhaps before it was configured or updated: only
        the cloud has their digits."""
        self._store = store
        self._device_id = device_id
        self._tag_keys = tag_keys
        self._ask = ask
        self._fetch: BucketFetch | None = None
        self._digests: list[bytes] = []
        self._uncounted: set[str] = set()
        """Codes whose buckets have to be counted again."""
        self.revision = store.revision()
        self.holding = Holding()
        self.root = ""
        """The root of what the lock really holds, counted in as many buckets as the cloud does."""

    def load(self, certain_wall_s: float) -> None:
        """Lay out the table from what is durable."""
        arriving = Arriving()
        buckets = code_set.bucket_count(self._store.codes.count())
        self._count(buckets, lambda read: arriving.add([read.held]))
        arriving.add_local(self._store.local_codes())
        self.holding = joined(Holding(), arriving, certain_wall_s, self._constraints.capacity)
        beside = self.holding.aside.values()
        self._judge_anew = {held.access_code_id for held in beside if held.error in TO_JUDGE_ANEW}
        self._digests_in(buckets)
        self._settle()

    def _settle(self) -> None:
        self.revision = self._store.revision()
        applied = self.revision.applied_rev
        self.root = code_set.root(self._device_id, self.revision.set_epoch, applied, self._digests)
        self.refuse_revoked()

    def after_door(self, certain_wall_s: float) -> tuple[Holding, list[Event]]:
        """What is held once what is being written of codes made at the door is durable, and what to report of
        codes of the set then, such as a duplicate that comes to life. `take` it afterwards."""
        before, arriving = self.holding, Arriving()
        arriving.add_local(self._store.local_codes())
        capacity = self._constraints.capacity
        holding = joined(before, arriving, certain_wall_s, capacity, gone=before.local)
        return holding, [_code_state(*change) for change in changes(before, holding)]

    def take(self, holding: Holding, restored: Collection[str] = ()) -> None:
        """Let that decide. `restored`: codes of the set that were removed at the door, and count again."""
        self.holding = holding
        holding.table.restore(restored)
        self.refuse_revoked()

    def refuse_revoked(self) -> None:
        """Codes revoked by command are refused until a newer set says otherwise, codes removed at the door
        until they are restored."""
        refused = {*self._store.commands.revoked(), *self._store.door_codes.removed()}
        if refused:
            self.holding.table.revoke(refused)

    def _count(self, buckets: int, and_do: Callable[[CodeRead], None]) -> None:
        """Count the digests of what is on the disk, and do something with each of its rows."""
        counter = code_set.BucketCounter(buckets)
        self._uncounted.clear()
        for read in self._store.codes.counting():
            and_do(read)
            if counts(read) and not counter.add(read.held.access_code_id, read.definition):
                self._uncounted.add(read.held.access_code_id)
        self._digests = counter.digests()

    def _digests_in(self, buckets: int) -> list[bytes]:
        """The digests of what counts on disk; only what may have changed is counted again."""
        if len(self._digests) != buckets:
            self._count(buckets, lambda _: None)
        changed = {code_set.bucket_of(each, buckets) for each in self._uncounted}
        for index, ids in self.holding.in_buckets(changed, buckets).items():
            read = self._store.codes.counting_of(ids)
            self._digests[index] = code_set.bucket_digest(each.definition for each in read if counts(each))
        self._uncounted.clear()
        return self._digests

    # --- a manifest -------------------------------------------------------------------------------

    def offered(self, received: ManifestReceived, now: float) -> str | None:
        """Take a manifest; returns why not, or None. Durable when it returns."""
        try:
            digests = code_set.unpack_digests(received.manifest.buckets)
        except ValueError:
            return "malformed"
        refusal = self._refusal(received, digests)
        if refusal is not None:
            return refusal
        if received.rev > self.revision.highest_rev:
            self._store.accept_manifest(received.set_epoch, received.rev, received.manifest.root)
            self.revision = self._store.revision()
            self._fetch = None
        if self._fetch is None:
            self._begin(received, digests)
        else:
            # The cloud says it again: it may not have been there when we asked.
            self.ask_again(now, everything=True)
        self._ask_for_more(now)
        return None

    def _refusal(self, received: ManifestReceived, digests: list[bytes]) -> str | None:
        ours = self.revision
        expected = code_set.root(self._device_id, received.set_epoch, received.rev, digests)
        if received.set_epoch < ours.set_epoch:
            return "other_set_epoch"
        if received.manifest.root != expected:
            return "root_mismatch"
        if received.rev <= ours.highest_rev and received.set_epoch > ours.set_epoch:
            return "stale_revision"  # an operator who voids older sets does so with a new one
        if received.rev < ours.highest_rev:
            return "stale_revision"
        if received.rev == ours.highest_rev and received.manifest.root != ours.highest_root:
            return "conflicting_revision"
        return None

    def _begin(self, received: ManifestReceived, digests: list[bytes]) -> None:
        """Even at a revision already applied: digests that differ are drift, and are repaired."""
        ours = self._digests_in(len(digests))
        anew = {code_set.bucket_of(each, len(digests)) for each in self._judge_anew}
        differing = sorted(anew.union(code_set.differing(ours, digests)))
        if differing or received.rev > self.revision.applied_rev:
            held = self.holding.in_buckets(differing, len(digests))
            self._fetch = BucketFetch(
                received.rev, received.manifest.root, digests, differing, held, list(ours)
            )

    def _ask_for_more(self, now: float) -> None:
        if self._fetch is not None:
            self._request(self._fetch.rev, self._fetch.next_wanted(now))

    def _request(self, rev: int, need: list[int]) -> None:
        if need:
            self._ask(Request(type="buckets", rev=rev, need=need))

    def ask_again(self, now: float, everything: bool = False) -> None:
        """Ask once more for what did not come in time, or for all that is open."""
        if self._fetch is not None:
            self._request(self._fetch.rev, self._fetch.late(now, everything=everything))

    def deadline(self) -> float | None:
        """When `ask_again` is next needed, in seconds since boot."""
        return self._fetch.deadline() if self._fetch else None

    # --- buckets ----------------------------------------------------------------------------------

    @property
    def digests(self) -> list[bytes]:
        """Those of the set that decides, by bucket; another list whenever another set does."""
        return self._digests

    @property
    def is_settled(self) -> bool:
        """Whether the digests are those of what is on the disk: nothing arrives, nothing was withdrawn."""
        return self._fetch is None and not self._uncounted

    @property
    def is_syncing(self) -> bool:
        """Whether buckets are still to come."""
        return self._fetch is not None

    @property
    def is_complete(self) -> bool:
        """Whether everything of the newest manifest is staged and `apply` may be called."""
        return self._fetch is not None and self._fetch.is_complete

    def arrived(self, received: BucketReceived, now: float) -> str | None:
        """Take one part of a bucket; returns why not, or None. A whole bucket is durable on return, and
        codes that are no longer in it are refused from here on."""
        fetch = self._fetch
        if fetch is None or (received.set_epoch, received.rev) != (self.revision.set_epoch, fetch.rev):
            return "stale_revision"
        rows = fetch.take(received.bucket)
        if rows is None or isinstance(rows, str):
            return rows
        self._stage(fetch, received.bucket.index, rows)
        self._ask_for_more(now)
        return None

    def _stage(self, fetch: BucketFetch, index: int, rows: Rows) -> None:
        """One bucket: durable, refused where it is gone, and read back, so that its digest is that of what
        is on the disk."""
        codes, ours = self._store.codes, fetch.held[index]
        wanted = {row["access_code_id"]: row for row in rows}
        stays = {
            read.held.access_code_id: read.definition
            for read in codes.counting_of(ours)
            if counts(read) and _is_same(read, wanted) and read.held.access_code_id not in self._judge_anew
        }
        removed = [each for each in ours if each not in wanted]
        added = [self._new_code(row) for access_code_id, row in wanted.items() if access_code_id not in stays]
        self._store.stage(fetch.rev, removed, added)
        self._judge_anew -= wanted.keys()
        if removed:
            self.holding.withdraw(set(removed))
            self._uncounted.update(removed)
        staged = codes.staged(fetch.rev, [new.access_code_id for new in added])
        fetch.arriving.add(read.held for read in staged)
        now_there = [*stays.values(), *(read.definition for read in staged if counts(read))]
        fetch.staged(index, code_set.bucket_digest(now_there))

    def _new_code(self, row: Mapping[str, Any]) -> NewCode:
        parsed, digits = parse_definition(row, zone_named), row.get("code")
        error = None if isinstance(parsed, AccessCode) else parsed
        error = error or check_digits(digits, self._constraints)
        usable = error is None and isinstance(digits, str)
        return NewCode(
            access_code_id=row["access_code_id"],
            gen=_generation(row.get("gen")),
            definition=code_set.canonical(row),
            tag=self._tag_keys.tag_of(str(digits)) if usable else None,
            code_length=len(str(digits)) if usable else None,
            error=error,
        )

    def apply(self, stamp: Stamp, certain_wall_s: float) -> list[Event]:
        """Make the staged set the one that decides; returns the journal rows that were written."""
        if self._fetch is None:
            return []
        fetch, set_epoch = self._fetch, self.revision.set_epoch
        holding = joined(self.holding, fetch.arriving, certain_wall_s, self._constraints.capacity)
        detail = {"set_epoch": set_epoch, "rev": fetch.rev, "root": fetch.root}
        events = [Event("code_set_applied", detail)]
        events += [_code_state(*change) for change in changes(self.holding, holding)]
        if code_set.root(self._device_id, set_epoch, fetch.rev, fetch.counted) != fetch.root:
            events.append(Event("fault", {"what": "code_set_differs_after_apply"}))
        try:
            # One transaction: the cloud would never hear of a state that was lost between the two.
            self._store.apply(fetch.rev, stamp, events)
        except StorageFault:
            fetch.begin_again(stamp.boottime_ms / 1000)
            raise
        self._fetch = None
        self.holding, self._digests = holding, fetch.counted
        self._uncounted.clear()
        self._settle()
        return events


def _generation(value: object) -> int:
    """What to report an unusable definition by; 0 where it names no generation that there can be."""
    return value if type(value) is int and 0 <= value <= LATEST_S else 0


def counts(read: CodeRead) -> bool:
    """Whether a row on the disk is part of the set as its digest says it."""
    return bool(read.definition) and not read.held.is_revoked


def _is_same(read: CodeRead, wanted: Mapping[str, Mapping[str, Any]]) -> bool:
    row = wanted.get(read.held.access_code_id)
    return row is not None and read.definition == code_set.canonical(row)


def _code_state(access_code_id: str, state: CodeState) -> Event:
    errors = [state.error.value] if state.error else []
    detail = {"access_code_id": access_code_id, "gen": state.gen, "state": state.state, "errors": errors}
    return Event("code_state", detail)
