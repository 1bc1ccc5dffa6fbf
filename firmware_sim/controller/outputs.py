"""Relay outputs that never stay on: each has a timer, and no timer is longer than the ceiling."""

from hal.osdp import records


class Outputs:
    """The relays of one controller. Time comes as milliseconds that have passed, so a clock may wrap."""

    def __init__(self, count: int, ceiling_ms: int) -> None:
        self._ceiling_ms = ceiling_ms
        self._left_ms = [0] * count

    def is_on(self, number: int) -> bool:
        """Whether the relay is energised."""
        return self._left_ms[number] > 0

    def states(self) -> bytes:
        """Content of OSTATR."""
        return bytes([1 if left_ms else 0 for left_ms in self._left_ms])

    def pass_time(self, elapsed_ms: int) -> None:
        """Let timers run, and relays fall with them."""
        self._left_ms = [max(0, left_ms - elapsed_ms) for left_ms in self._left_ms]

    def due_ms(self) -> "int | None":
        """Milliseconds until the next relay falls."""
        running = [left_ms for left_ms in self._left_ms if left_ms]
        return min(running) if running else None

    def all_off(self) -> None:
        """The safe state."""
        self._left_ms = [0] * len(self._left_ms)

    def obey(self, data: bytes) -> bool:
        """Carry out an OUT command, all of it or - when it is not understood - nothing."""
        wanted = records.outputs(data)
        for number, control, _ in wanted:
            known = (records.OUTPUT_OFF, records.OUTPUT_ON, records.OUTPUT_TIMED_ON)
            if number >= len(self._left_ms) or control not in known:
                return False
        for number, control, tenths in wanted:
            self._left_ms[number] = self._time_for(control, tenths)
        return bool(wanted)

    def _time_for(self, control: int, tenths: int) -> int:
        if control == records.OUTPUT_OFF:
            return 0
        asked_ms = tenths * 100 if control == records.OUTPUT_TIMED_ON else self._ceiling_ms
        return min(asked_ms, self._ceiling_ms)
