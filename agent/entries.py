"""The path of a key press: count, commit, look, commit, show; in this order, always."""

from dataclasses import dataclass, field

from agent.clock_watch import ClockWatch
from agent.code_sync import CodeSync
from agent.core import entry, throttle
from agent.core.decision import Denied, Granted, Outcome, Reason, decide, outcome_of
from agent.core.entry import Entry, Typing
from agent.core.modes import Source, may_open
from agent.core.tag_keys import TagKeys
from agent.core.throttle import LengthClass
from agent.emergency_code import EmergencyCode
from agent.face import Face
from agent.guesses import Guesses
from agent.mode_side import ModeSide
from agent.offline_admission import Admission, Look, Unknown
from agent.offline_rows import NOTHING, OfflineChange
from agent.offline_side import OfflineSide
from agent.outcomes import Outcomes
from agent.programming_side import ProgrammingSide
from agent.recorder import Recorder
from agent.schedule_watch import ScheduleWatch
from hal.ports import KeyPressed, KeysLost


@dataclass(frozen=True, slots=True)
class Seen:
    """What was looked at for an entry, before anybody knows what matters: its tag, its row of the table, what
    forbids that row to open (None: nothing), and what the digits are besides."""

    tag: bytes = field(repr=False)
    row: int
    reason: Reason | None
    look: Look


class Entries:
    """What is typed at the keypads of one door. Controller thread only; may raise StorageFault."""

    def __init__(
        self,
        *,
        tag_keys: TagKeys,
        timeout_s: float,
        clock: ClockWatch,
        codes: CodeSync,
        offline: OfflineSide,
        guesses: Guesses,
        modes: ModeSide,
        schedules: ScheduleWatch,
        programming: ProgrammingSide,
        outcomes: Outcomes,
        face: Face,
        recorder: Recorder,
        emergency: EmergencyCode,
    ) -> None:
        """`timeout_s`: after so much silence an unfinished entry is forgotten."""
        self._tag_keys = tag_keys
        self._timeout_s = timeout_s
        self._clock = clock
        self._codes = codes
        self._offline = offline
        self._guesses = guesses
        self._modes = modes
        self._schedules = schedules
        self._programming = programming
        self._outcomes = outcomes
        self._face = face
        self._recorder = recorder
        self._emergency = emergency
        self._typing: dict[str, Typing] = {}

    def handle(self, signal: KeyPressed | KeysLost, now: float) -> None:
        """Take what a keypad says."""
        match signal:
            case KeyPressed(keypad, key):
                self.key_pressed(signal, now)
                self._face.key(keypad, now, is_last=key == entry.ENTER)
            case KeysLost(keypad):
                self.keys_lost(keypad, now)

    def key_pressed(self, signal: KeyPressed, now: float) -> None:
        """One key: part of a programming session, or of an entry."""
        if self._programming.takes(signal.keypad, signal.key, now):
            return
        typed = self._typing.get(signal.keypad, entry.NOTHING)
        typed, entered = entry.press(typed, signal.key, now, self._timeout_s)
        self._typing[signal.keypad] = typed
        if entered is not None:
            self._entered(entered, signal.keypad, now)

    def keys_lost(self, keypad: str, now: float) -> None:
        """Keys may be missing."""
        if not self._programming.keys_lost(keypad, now):
            typed = self._typing.get(keypad, entry.NOTHING)
            self._typing[keypad] = entry.keys_lost(typed, now, self._timeout_s)

    def _entered(self, entered: Entry, keypad: str, now: float) -> None:
        self._modes.tick(now)
        self._schedules.keep(now)
        if entered.refusal is not None:
            self._outcomes.refuse(Denied(entered.refusal), keypad, now)
            return
        length_class = throttle.class_of(len(entered.digits))
        if not self._guesses.debit(length_class, now):  # durable before anything is looked at
            self._outcomes.refuse(Denied(Reason.THROTTLED), keypad, now)
            return
        verdict = self._judge(entered.digits, now)
        if isinstance(verdict, Denied | Unknown) and (last := self._emergency.look(entered.digits)):
            self._end_emergency(last, length_class, keypad, now)
        else:
            self._end(verdict, length_class, keypad, now)

    def look(self, digits: str, now: float) -> Seen:
        """Everything that is looked at, whatever was typed: at most ten digits. The same work for all, which
        changes nothing; how long it takes tells nothing (`benchmarks.leakcheck`)."""
        tag, clock = self._tag_keys.tag_of(digits), self._clock.reading(now)
        row, reason = decide(self._codes.holding.table, tag, clock)
        look = self._offline.look(digits, clock, self._guesses.budgets[LengthClass.LONG].failures)
        return Seen(tag, row, reason, look)

    def _judge(self, digits: str, now: float) -> Outcome | Admission | Unknown:
        """The table decides if it knows the code, whatever is wrong with it."""
        table, seen = self._codes.holding.table, self.look(digits, now)
        if table.known[seen.row]:
            return outcome_of(table, seen.row, seen.reason)
        return self._offline.verdict(seen.look, seen.tag, len(digits))

    def _end(
        self, verdict: Outcome | Admission | Unknown, length_class: LengthClass, keypad: str, now: float
    ) -> None:
        match verdict:
            case Denied():
                self._refused(verdict, length_class, keypad, now)
            case Unknown(denied, change):
                self._refused(denied, length_class, keypad, now, change)
            case Admission(opens=False):
                self._outcomes.admit(verdict, length_class, keypad, now)
            case _ if objection := self._outcomes.objection(verdict.code):
                self._outcomes.withhold(verdict.code, objection, length_class, keypad, now)
            case Admission():
                self._outcomes.admit(verdict, length_class, keypad, now)
            case Granted():
                self._outcomes.grant(verdict, length_class, keypad, now)

    def _end_emergency(
        self, admission: Admission, length_class: LengthClass, keypad: str, now: float
    ) -> None:
        """Only the operating mode stands above it: that was chosen by people who were there."""
        if may_open(self._modes.mode, Source.KEYPAD):
            self._emergency.burn()
            self._outcomes.admit(admission, length_class, keypad, now)
        else:
            reason = Reason.BLOCKED_BY_MODE
            self._outcomes.withhold(admission.code, reason, length_class, keypad, now)

    def _refused(
        self,
        denied: Denied,
        length_class: LengthClass,
        keypad: str,
        now: float,
        change: OfflineChange = NOTHING,
    ) -> None:
        self._outcomes.refuse(denied, keypad, now, change)
        if alarm := self._guesses.alarm(length_class):
            self._recorder.record(alarm)
