"""What becomes of an entry: made durable, then shown. Nothing moves, lights or beeps before that."""

from collections.abc import Mapping, Sequence

from agent.clock_watch import ClockWatch
from agent.code_sync import CodeSync
from agent.command_rows import Effect
from agent.command_side import COMMIT_LIMIT_S
from agent.condition_side import ConditionSide
from agent.core.access_code import AccessCode, Kind
from agent.core.decision import Denied, Granted, Reason, instant_of
from agent.core.mode_schedule import Standing
from agent.core.modes import Source, may_open
from agent.core.throttle import LengthClass
from agent.door_side import DoorSide
from agent.duress import SilentAlarm
from agent.errors import StorageFault
from agent.face import Face
from agent.freshness import Freshness
from agent.guesses import Guesses
from agent.host_clock import Clocks
from agent.journal import Event
from agent.keypads import Keypad
from agent.mode_side import ModeSide
from agent.offline_admission import Admission
from agent.offline_rows import NOTHING, OfflineChange
from agent.offline_side import OfflineSide
from agent.programming_side import ProgrammingSide
from agent.recorder import Recorder
from agent.store import Store


class Outcomes:
    """The end of every entry at a keypad. Controller thread only; may raise StorageFault."""

    def __init__(
        self,
        *,
        store: Store,
        clock: ClockWatch,
        clocks: Clocks,
        codes: CodeSync,
        guesses: Guesses,
        alarm: SilentAlarm,
        recorder: Recorder,
        modes: ModeSide,
        door: DoorSide,
        face: Face,
        programming: ProgrammingSide,
        offline: OfflineSide,
        freshness: Freshness,
        conditions: ConditionSide,
        keypads: Mapping[str, Keypad],
    ) -> None:
        """Uses are noted in the table of `codes`, guesses given back to `guesses`."""
        self._store = store
        self._clock = clock
        self._clocks = clocks
        self._codes = codes
        self._guesses = guesses
        self._alarm = alarm
        self._recorder = recorder
        self._modes = modes
        self._door = door
        self._face = face
        self._programming = programming
        self._offline = offline
        self._freshness = freshness
        self._conditions = conditions
        self._keypads = keypads

    def grant(self, granted: Granted, length_class: LengthClass, keypad: str, entered_s: float) -> None:
        """A right code: let its owner in, or do what else it is there for."""
        code, refunded = granted.code, self._guesses.refunded(length_class)
        standing = self._modes.after_code(code)
        detail = {"access_code_id": code.access_code_id, "gen": code.gen, **self._at(keypad)}
        is_programming = code.kind is Kind.PROGRAMMING
        events = [Event("programming_started" if is_programming else "access_granted", detail)]
        if standing is not None:
            events.append(Event("mode", {"mode": standing.mode.value, "why": standing.by}))
        events += self._silent(code, keypad, entered_s)
        history = self._store.record_grant(  # durable before anything moves
            self._clock.stamp(entered_s),
            events,
            code,
            int(instant_of(self._clock.reading(entered_s))),
            length_class,
            refunded,
            standing,
        )
        self._codes.holding.table.note_history(granted.row, history)
        self._guesses.keep({length_class: refunded})
        now = self._clocks.now()
        if now - entered_s > COMMIT_LIMIT_S:
            if standing is not None:
                self._modes.keep()
            raise StorageFault(
                f"the outcome took {now - entered_s:.1f} s to become durable; nothing was opened"
            )
        if is_programming:
            self._programming.begin(code, keypad, now)
        else:
            self._let_in(code, standing, now)
            self._face.granted(now, keypad)
        self._recorder.told()

    def admit(self, admission: Admission, length_class: LengthClass, keypad: str, entered_s: float) -> None:
        """An offline code at its first use, a technician, or a code that cancels others."""
        refunded, code = self._guesses.refunded(length_class), admission.code
        detail: dict[str, object] = (
            {} if code is None else {"access_code_id": code.access_code_id, "gen": code.gen}
        )
        kind = "access_granted" if admission.opens else "offline_codes_cancelled"
        self._store.record_grant(  # durable before anything moves
            self._clock.stamp(entered_s),
            (Event(kind, {**detail, **self._at(keypad), **admission.detail}),),
            code,
            instant_of(self._clock.reading(entered_s)),
            length_class,
            refunded,
            offline=admission.change,
        )
        self._offline.durable(admission.change)
        self._guesses.keep({length_class: refunded})
        now = self._clocks.now()
        if now - entered_s > COMMIT_LIMIT_S:
            raise StorageFault(
                f"the outcome took {now - entered_s:.1f} s to become durable; nothing was opened"
            )
        if admission.opens:
            self._door.release(now)
        self._face.granted(now, keypad)
        self._recorder.told()

    def _let_in(self, code: AccessCode, standing: Standing | None, now: float) -> None:
        if standing is None:
            self._door.release(now, is_extended=code.extended_release)
        else:
            self._modes.show(standing, now)

    def objection(self, code: AccessCode | None) -> Reason | None:
        """Why a right code (None: a technician's) does nothing at this door now, whoever has it."""
        if not may_open(self._modes.mode, Source.KEYPAD):
            return Reason.BLOCKED_BY_MODE
        if self._freshness.refuses_codes:
            return Reason.STALE
        if self._conditions.keeps_shut:
            return Reason.BATTERY_LOW
        is_programming = code is not None and code.kind is Kind.PROGRAMMING
        is_off = is_programming and not self._programming.may.keypad
        return Reason.PROGRAMMING_OFF if is_off else None

    def withhold(
        self,
        code: AccessCode | None,
        reason: Reason,
        length_class: LengthClass,
        keypad: str,
        entered_s: float,
    ) -> None:
        """A right code (None: a technician's), and an objection: shown like any refusal, but no guess."""
        refunded = self._guesses.refunded(length_class)
        detail = {"reason": reason.value, **self._at(keypad)}
        if code is not None:
            detail["access_code_id"] = code.access_code_id
        effect, stamp = Effect(budgets={length_class: refunded}), self._clock.stamp(entered_s)
        silent = () if code is None else self._silent(code, keypad, entered_s)
        self._store.record_effect(stamp, effect, (Event("access_denied", detail), *silent))
        self._guesses.keep(effect.budgets)
        self._recorder.told()
        self._face.deny(entered_s, keypad)

    def refuse(self, denied: Denied, keypad: str, entered_s: float, offline: OfflineChange = NOTHING) -> None:
        """Every refusal is recorded and then shown alike, at the same time after `#`. `offline`: what is to
        be remembered of a technician."""
        detail = {"reason": denied.reason.value, **self._at(keypad)}
        if denied.access_code_id:
            detail["access_code_id"] = denied.access_code_id
        if denied.reason is Reason.THROTTLED:
            self._recorder.record_often("access_denied", keypad, denied.reason.value)
        else:
            stamp, event = self._clock.stamp(entered_s), Event("access_denied", detail)
            self._store.record_effect(stamp, Effect(offline=offline), (event,))
            self._offline.durable(offline)
            self._recorder.told()
        self._face.deny(entered_s, keypad)

    def _at(self, keypad: str) -> dict[str, str]:
        """Where it was typed, and which way people go who type there."""
        place = self._keypads.get(keypad)
        return {"keypad": keypad, **({"direction": place.direction} if place and place.direction else {})}

    def _silent(self, code: AccessCode, keypad: str, entered_s: float) -> Sequence[Event]:
        return self._alarm.rows(code, keypad, self._clock.reading(entered_s).wall_s)
