"""Codes made and removed at the door, at the keypad or by `lockctl`.

Whoever may do that is not told about other people's codes: each look costs a guess, taken durably before
it, given back only when something was done; and every refusal looks alike.
"""

import math
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from agent.clock_watch import ClockWatch
from agent.code_sync import CodeSync
from agent.command_rows import Effect, Outcome
from agent.core import code_set, throttle
from agent.core.access_code import CodeError, Kind, parse_definition
from agent.core.constraints import Constraints, check_digits
from agent.core.decision import Reason
from agent.core.holding import HeldCode
from agent.core.lifetime import has_ended
from agent.core.tag_keys import TagKeys
from agent.door_code_rows import DoorChange, LocalCode, Removal
from agent.guesses import Guesses
from agent.host_clock import Clocks
from agent.journal import Event
from agent.recorder import Recorder
from agent.sealing import Sealer
from agent.store import Store
from agent.zones import zone_named

SEALED_STREAM = "door_code"


@dataclass(frozen=True, slots=True)
class Who:
    """Who did it: `by` is the programming code that was typed, if one was."""

    source: Literal["keypad", "lockctl"]
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Changed:
    """It is done and durable."""

    access_code_id: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing was done. The reason is for the journal; who asked may not always know it."""

    reason: str


class DoorCodes:
    """What people at the door do to codes. Controller thread only; may raise StorageFault."""

    def __init__(
        self,
        *,
        store: Store,
        clock: ClockWatch,
        clocks: Clocks,
        codes: CodeSync,
        guesses: Guesses,
        recorder: Recorder,
        sealer: Sealer,
        tag_keys: TagKeys,
        constraints: Constraints,
        changed: Callable[[], None],
    ) -> None:
        """`constraints`: what this door takes as a code. `changed` is called when another table decides."""
        self._store = store
        self._clock = clock
        self._clocks = clocks
        self._codes = codes
        self._guesses = guesses
        self._recorder = recorder
        self._sealer = sealer
        self._tag_keys = tag_keys
        self._constraints = constraints
        self._changed = changed

    def start(self) -> None:
        """Say it when codes made at the door were changed from outside: no cloud compares them, and they open
        nothing any more."""
        changed = [held.access_code_id for held in self._store.door_codes.held() if held.row is None]
        if changed:
            what = {"what": "door_codes_changed_from_outside", "access_code_ids": changed}
            self._recorder.record(Event("fault", what))

    # --- made at the door -------------------------------------------------------------------------

    def add(self, digits: str, rules: Mapping[str, int], who: Who) -> Changed | Refused:
        """Make a code. `rules`: of `starts_at`, `ends_at` (Unix seconds) and `max_uses` those there are."""
        access_code_id = str(uuid.uuid4())
        code = {"access_code_id": access_code_id, "gen": 1, "code_rev": 1, "kind": Kind.STANDARD.value}
        parsed = parse_definition({**code, **rules}, zone_named)
        error = parsed if isinstance(parsed, CodeError) else check_digits(digits, self._constraints)
        if error is None and rules.get("ends_at", math.inf) <= self._certain_wall_s():
            error = CodeError.WINDOW_INVALID
        if error is not None:  # that takes no look at anybody's code, and no guess
            return self.spoilt(error.value, who)
        if not self._debit(digits):
            return self.spoilt(Reason.THROTTLED.value, who)
        tag = self._tag_keys.tag_of(digits)
        objection = self._objection(tag)
        if objection is not None:
            return self._failed("add", objection.value, digits, who)
        row = LocalCode(
            access_code_id=access_code_id,
            gen=1,
            definition=code_set.canonical({**code, **rules}),
            tag=tag,
            code_length=len(digits),
            since_rev=self._codes.revision.applied_rev,
        )
        told = {"access_code_id": access_code_id, "gen": 1}
        detail = {**told, "source": who.source, "by": who.by, **rules}
        detail["sealed"] = self._sealed({**told, "code": digits})
        self._commit(DoorChange(added=(row,)), [Event("code_added_at_door", detail)], digits)
        return Changed(access_code_id)

    def _objection(self, tag: bytes) -> CodeError | None:
        """Digits belong to one code until it has ended, also to one that is still on its way."""
        certain_wall_s = self._certain_wall_s()
        same = (*self._store.codes.with_tag(tag), *self._store.door_codes.with_tag(tag))
        if not all(_is_over(held, certain_wall_s) for held in same):
            return CodeError.DUPLICATE_CODE
        is_full = len(self._codes.holding.table) >= self._constraints.capacity
        return CodeError.CAPACITY_FULL if is_full else None

    def _certain_wall_s(self) -> float:
        return self._clock.certain_wall_s(self._clocks.now())

    def _sealed(self, told: Mapping[str, object]) -> str:
        """The one place where digits leave, and the last where they are."""
        wall_s = self._clock.reading(self._clocks.now()).wall_s
        return self._sealer.sealed(SEALED_STREAM, told, int(wall_s))

    # --- removed at the door ----------------------------------------------------------------------

    def remove(self, digits: str, who: Who) -> Changed | Refused:
        """Remove the code with these digits."""
        if not self._debit(digits):
            return self.spoilt(Reason.THROTTLED.value, who)
        table = self._codes.holding.table
        place = table.search(self._tag_keys.tag_of(digits))
        code = table.code_at(place)
        if code is None or table.revoked[place]:
            return self._failed("remove", Reason.UNKNOWN_CODE.value, digits, who)
        self._remove(code.access_code_id, code.gen, digits, who)
        return Changed(code.access_code_id)

    def remove_by_id(self, access_code_id: str, who: Who) -> Changed | Refused:
        """Remove a code by its id, which is no secret and costs no guess."""
        gens = {each: state.gen for each, state in self._codes.holding.states()}
        if access_code_id not in gens or access_code_id in self._store.door_codes.removed():
            return Refused("not_found")
        self._remove(access_code_id, gens[access_code_id], None, who)
        return Changed(access_code_id)

    def _remove(self, access_code_id: str, gen: int, digits: str | None, who: Who) -> None:
        """A code made at the door is gone; one of the cloud is refused until the cloud has its way."""
        table, is_local = self._codes.holding.table, access_code_id in self._codes.holding.local
        place = table.place_of(access_code_id)
        code = None if place is None else table.code_at(place)
        stays = is_local or (code is not None and code.is_external_modification_allowed)
        if is_local:
            change = DoorChange(forgotten=(access_code_id,))
        else:
            change = DoorChange(removed={access_code_id: Removal(gen, stays)})
        detail = {
            "access_code_id": access_code_id,
            "gen": gen,
            "source": who.source,
            "by": who.by,
            "is_managed": not is_local,
            "stays": stays,
        }
        self._commit(change, [Event("code_removed_at_door", detail)], digits)

    def compared(self) -> None:
        """Lock and cloud have compared their code sets: what may not be removed here counts again."""
        removed = self._store.door_codes.removed()
        restored = [each for each, removal in sorted(removed.items()) if not removal.stays]
        if restored:
            rows = [{"access_code_id": each, "gen": removed[each].gen} for each in restored]
            self._commit(DoorChange(restored=restored), [Event("code_restored", row) for row in rows])

    # --- what every attempt costs -----------------------------------------------------------------

    def spoilt(self, reason: str, who: Who) -> Refused:
        """Nothing was looked at. That can happen as often as somebody likes, so it is counted."""
        self._recorder.record_often("programming_refused", who.source, reason)
        return Refused(reason)

    def _debit(self, digits: str) -> bool:
        return self._guesses.debit(throttle.class_of(len(digits)), self._clocks.now())

    def _failed(self, action: str, reason: str, digits: str, who: Who) -> Refused:
        """It was looked at, and the guess is gone."""
        detail = {"action": action, "reason": reason, "source": who.source, "by": who.by}
        alarm = self._guesses.alarm(throttle.class_of(len(digits)))
        self._recorder.record(Event("programming_refused", detail), *([alarm] if alarm else []))
        return Refused(reason)

    def _commit(self, change: DoorChange, events: Sequence[Event], digits: str | None = None) -> None:
        """Make it durable, with the guess given back that `digits` took; then it counts."""
        length_class = None if digits is None else throttle.class_of(len(digits))
        budgets = {} if length_class is None else {length_class: self._guesses.refunded(length_class)}
        self.write(Effect(door=change, budgets=budgets), events)
        self._guesses.keep(budgets)

    def lay_out_anew(self) -> None:
        """Codes that are in no set have changed on the disk already: let that decide."""
        self.write(Effect(), ())

    def write(self, effect: Effect, events: Sequence[Event], outcome: Outcome | None = None) -> None:
        """Make an effect durable that changes codes of the door, and let that decide."""
        now, prepared = self._clocks.now(), []

        def reports() -> Sequence[Event]:
            holding, rows = self._codes.after_door(self._clock.certain_wall_s(now))
            prepared.append(holding)
            return rows

        self._store.record_effect(self._clock.stamp(now), effect, events, outcome, reports)
        self._codes.take(prepared[0], effect.door.restored)
        self._recorder.told()
        self._changed()


def _is_over(held: HeldCode, wall_s: float) -> bool:
    """Ended or spent for good: its digits may belong to another code. Of a row that is not understood that
    is not known."""
    return held.is_revoked or (held.row is not None and has_ended(held.row.code, held.row.history, wall_s))
