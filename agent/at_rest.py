"""What the keypads show at rest, the worst first. Never says anything about one code."""

from agent.clock_watch import ClockWatch
from agent.condition_side import ConditionSide
from agent.core.timekeeping import Trust
from agent.door_side import DoorSide
from agent.face import Face
from agent.guesses import Guesses
from agent.programming_side import ProgrammingSide
from agent.recorder import Recorder
from hal.ports import Pattern


class AtRest:
    """Asked after each turn of the controller, on its thread."""

    def __init__(
        self,
        *,
        recorder: Recorder,
        programming: ProgrammingSide,
        guesses: Guesses,
        door: DoorSide,
        clock: ClockWatch,
        conditions: ConditionSide,
    ) -> None:
        """Nothing of these is changed."""
        self._recorder = recorder
        self._programming = programming
        self._guesses = guesses
        self._door = door
        self._clock = clock
        self._conditions = conditions

    def show(self, face: Face, now: float) -> None:
        """Let all keypads stand as they should; seconds since boot."""
        pattern = self._pattern(now)
        is_worse = pattern is Pattern.FAULT
        face.stand(pattern, {} if is_worse else dict.fromkeys(self._programming.keypads, Pattern.PROGRAMMING))

    def _pattern(self, now: float) -> Pattern:
        shown = (
            (Pattern.FAULT, self._recorder.is_failing),
            (Pattern.LOCKED_OUT, self._guesses.next_short_s(now) is not None),
            (Pattern.HELD, self._door.door.is_held),
            (Pattern.PRE_ALARM, self._door.door.is_warning),
            (Pattern.CLOCK_UNKNOWN, self._clock.reading(now).trust is Trust.UNKNOWN),
            (Pattern.LOW_BATTERY, self._conditions.is_battery_low),
            (Pattern.DEGRADED, self._conditions.is_degraded or self._door.is_degraded),
        )
        return next((pattern for pattern, is_so in shown if is_so), Pattern.READY)
