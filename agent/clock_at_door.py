"""A technician sets the clock at the door, where no cloud and no NTP can."""

import time

from agent.asked import Asked
from agent.clock_watch import ClockWatch
from agent.journal import Event
from agent.recorder import Recorder

CLOCK_SET = "clock_set"
LATEST_S = 4_102_444_800
"""2100: a year with a digit too many is no time."""
_WORDS = {
    "forbidden": "this lock does not take the time from lockctl; to change that, set lockctl = true in "
    "[clock] of its configuration and restart the agent",
    "time_known": "the lock knows the time, and better than anybody can type it; see lockctl status",
    "time_below_floor": "that has certainly passed: the lock knows that it is later than {floor}",
}


def set_clock(asked: Asked, clock: ClockWatch, recorder: Recorder, now: float) -> None:
    """Answer the verb; `wall_s` of its arguments is the time, in Unix seconds. Controller thread."""
    wall_s = asked.args.get("wall_s")
    if not isinstance(wall_s, int | float) or isinstance(wall_s, bool) or not 0 <= wall_s < LATEST_S:
        asked.answer.refuse("bad_argument", "wall_s is the time in Unix seconds, before the year 2100")
        return
    before = clock.reading(now)
    reason = clock.set_by_technician(wall_s, now) if clock.settings.lockctl else "forbidden"
    if reason is None:
        recorder.record(Event("clock_set", {"wall_s": int(wall_s), "source": "lockctl"}))
        asked.answer({"wall_s": wall_s})
        return
    recorder.record_often("message_refused", "control", reason)
    floor = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(before.floor_s))
    asked.answer.refuse(reason, _WORDS[reason].format(floor=floor))
