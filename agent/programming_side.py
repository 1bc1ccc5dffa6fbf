"""The controller's half for programming: sessions at the keypads, and what `lockctl` asks for instead."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import Meta

from agent.asked import Asked
from agent.clock_watch import ClockWatch
from agent.code_sync import CodeSync
from agent.core import programming
from agent.core.access_code import LATEST_S, AccessCode, Kind
from agent.core.decision import Reason, judge
from agent.core.modes import Mode, Source, may_open
from agent.core.programming import Action, Session, Spoilt, Wish
from agent.door_codes import Changed, DoorCodes, Refused, Who
from agent.face import Face

ADD, REMOVE = "code_add", "code_remove"
"""The verbs of the control socket."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MayProgram:
    """`[programming]` of the configuration: who may change codes at this door."""

    keypad: bool = True
    """Whoever has a programming code."""
    lockctl: bool = False
    """Whoever may open the control socket."""


class _Add(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """Arguments of `code_add`. A rule we do not know would be lost."""

    code: str
    starts_at: Annotated[int, Meta(ge=0, le=LATEST_S)] | None = None
    ends_at: Annotated[int, Meta(ge=0, le=LATEST_S)] | None = None
    max_uses: Annotated[int, Meta(ge=1, le=LATEST_S)] | None = None


class _Remove(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Arguments of `code_remove`."""

    access_code_id: str


class ProgrammingSide:
    """Controller thread only; may raise StorageFault. Times are seconds since boot."""

    def __init__(
        self,
        *,
        may: MayProgram,
        door_codes: DoorCodes,
        codes: CodeSync,
        clock: ClockWatch,
        mode: Callable[[], Mode],
        face: Face,
    ) -> None:
        """`mode` is the operating mode now."""
        self.may = may
        self._door_codes = door_codes
        self._codes = codes
        self._clock = clock
        self._mode = mode
        self._face = face
        self._sessions: dict[str, tuple[AccessCode, Session]] = {}

    # --- at the keypad ----------------------------------------------------------------------------

    @property
    def keypads(self) -> Collection[str]:
        """Where a session is open."""
        return self._sessions.keys()

    def begin(self, code: AccessCode, keypad: str, now: float) -> None:
        """A programming code was granted, durably."""
        self._sessions[keypad] = (code, programming.begin(now))

    def tick(self, now: float) -> None:
        """Silence ends sessions."""
        self._sessions = {
            keypad: (code, session)
            for keypad, (code, session) in self._sessions.items()
            if now < session.ends_at_s
        }

    def deadline(self) -> float | None:
        """When `tick` is next needed."""
        return min((session.ends_at_s for _, session in self._sessions.values()), default=None)

    def takes(self, keypad: str, key: str, now: float) -> bool:
        """One key. False: no session is open there, and it is part of an ordinary entry."""
        self.tick(now)
        if keypad not in self._sessions:
            return False
        code, session = self._sessions.pop(keypad)  # whatever happens next, no key is taken twice
        after, wish = programming.press(session, key, now)
        if after is not None:
            self._sessions[keypad] = (code, after)
        if wish is not None:
            self._show(self._done(wish, code, now), keypad, now)
        return True

    def keys_lost(self, keypad: str, now: float) -> bool:
        """Keys may be missing. False: no session is open there."""
        self.tick(now)
        if keypad not in self._sessions:
            return False
        code, session = self._sessions[keypad]
        self._sessions[keypad] = (code, programming.keys_lost(session, now))
        return True

    def _done(self, wish: Wish | Spoilt, code: AccessCode, now: float) -> Changed | Refused:
        who = Who("keypad", code.access_code_id)
        if isinstance(wish, Spoilt):
            return self._door_codes.spoilt(wish.value, who)
        reason = self._over(code, now)
        if reason is not None:
            return self._door_codes.spoilt(reason.value, who)
        if wish.action is Action.ADD:
            return self._door_codes.add(wish.digits, {}, who)
        return self._door_codes.remove(wish.digits, who)

    def _over(self, code: AccessCode, now: float) -> Reason | None:
        """Why a programming code that began a session does not count at its end: a session lasts as long as
        keys are pressed, and the code no longer than its rules say. Its use was counted at the beginning."""
        table = self._codes.holding.table
        place = table.place_of(code.access_code_id)
        if place is None:
            return Reason.REVOKED
        if table.rules[place].kind is not Kind.PROGRAMMING:
            return Reason.PROGRAMMING_OFF
        reason = judge(table, place, self._clock.reading(now))
        if reason not in (None, Reason.USED_UP):
            return reason
        return None if may_open(self._mode(), Source.KEYPAD) else Reason.BLOCKED_BY_MODE

    def _show(self, outcome: Changed | Refused, keypad: str, now: float) -> None:
        """As after any entry: done is green at once, refused is red a moment later, whatever the reason."""
        if isinstance(outcome, Changed):
            self._face.granted(now, keypad)
        else:
            self._face.deny(now, keypad)

    # --- from the control socket ------------------------------------------------------------------

    def asked(self, asked: Asked) -> None:
        """Take `code_add` or `code_remove`."""
        who = Who("lockctl")
        if not self.may.lockctl:
            self._door_codes.spoilt("forbidden", who)
            asked.answer.refuse("forbidden", _WORDS["forbidden"])
            return
        try:
            outcome = self._asked(asked, who)
        except msgspec.ValidationError:
            # Its text could repeat what was sent.
            asked.answer.refuse("bad_argument", _SHAPES[asked.verb])
            return
        if isinstance(outcome, Changed):
            asked.answer({"access_code_id": outcome.access_code_id})
        else:
            reason = outcome.reason if outcome.reason in _WORDS else "refused"
            asked.answer.refuse(reason, _WORDS[reason])

    def _asked(self, asked: Asked, who: Who) -> Changed | Refused:
        if asked.verb == REMOVE:
            return self._door_codes.remove_by_id(msgspec.convert(asked.args, _Remove).access_code_id, who)
        new = msgspec.convert(asked.args, _Add)
        rules = {"starts_at": new.starts_at, "ends_at": new.ends_at, "max_uses": new.max_uses}
        given = {name: value for name, value in rules.items() if value is not None}
        return self._door_codes.add(new.code, given, who)


_SHAPES = {
    ADD: "code_add takes code (text), and if need be starts_at, ends_at (Unix seconds) and max_uses",
    REMOVE: "code_remove takes access_code_id (text)",
}
_WORDS = {
    "forbidden": (
        "this lock does not let lockctl change codes; to change that, set lockctl = true in [programming] of "
        "its configuration and restart the agent"
    ),
    "digits_not_on_keypad": "a code is made of the digits that the keypad has",
    "code_length": "this door takes no codes of that length",
    "code_weak": "that is the first thing people try; choose other digits",
    "window_invalid": "a code must end after it starts, and later than now",
    "throttled": "no guess is left, at the keypad or here; wait until lockctl status shows one",
    "capacity_full": "the lock is full; remove a code first",
    "not_found": "this lock holds no code of that id; see lockctl codes",
    "refused": "the lock did not take these digits; choose others. That cost a guess",
}
"""What may be said. Whether digits are somebody's is not: it is refused, like anything that is not here."""
