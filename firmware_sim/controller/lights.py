"""The LED and the sounder of one controller: what stands, and what covers it for a moment."""

from hal.osdp import records


class Lights:
    """Remembers what LED and BUZ commands ask for. Time comes as milliseconds that have passed."""

    def __init__(self) -> None:
        self._standing = records.steady(records.BLACK)
        self._momentary = records.steady(records.BLACK)
        self._momentary_left_ms = 0
        self._shown_for_ms = 0
        self._sound_left_ms = 0
        self._sounding_for_ms = 0
        self._beep_ms = (0, 0)
        """On, off."""
        self.is_sounding_on = False
        """A sound without end."""

    def shown(self) -> records.Light:
        """The light to be seen now."""
        return self._momentary if self._momentary_left_ms else self._standing

    def is_momentary(self) -> bool:
        """Whether `shown` goes away by itself."""
        return self._momentary_left_ms > 0

    def is_sounding(self) -> bool:
        """Whether the sounder is at work, its pauses included."""
        return self.is_sounding_on or self._sound_left_ms > 0

    def colour(self) -> int:
        """The colour to be seen at this very moment, of those that blink with each other."""
        light = self.shown()
        into_tenths = self._shown_for_ms // 100 % max(1, light.on_tenths + light.off_tenths)
        return light.on if into_tenths < light.on_tenths or not light.blinks() else light.off

    def is_loud(self) -> bool:
        """Whether the sounder is to be heard at this very moment."""
        on_ms, off_ms = self._beep_ms
        return self.is_sounding() and self._sounding_for_ms % max(1, on_ms + off_ms) < on_ms

    def phase_due_ms(self) -> "int | None":
        """Milliseconds until `colour` or `is_loud` may change: both do so at full tenths of a second."""
        due = [100 - self._shown_for_ms % 100] if self.shown().blinks() else []
        if self.is_sounding():
            due.append(100 - self._sounding_for_ms % 100)
        return min(due) if due else None

    def pass_time(self, elapsed_ms: int) -> None:
        """Let what is momentary run out."""
        self._shown_for_ms += elapsed_ms
        self._sounding_for_ms += elapsed_ms
        if self._momentary_left_ms and elapsed_ms >= self._momentary_left_ms:
            self._shown_for_ms = 0
        self._momentary_left_ms = max(0, self._momentary_left_ms - elapsed_ms)
        self._sound_left_ms = max(0, self._sound_left_ms - elapsed_ms)

    def due_ms(self) -> "int | None":
        """Milliseconds until the next change by itself."""
        running = [left_ms for left_ms in (self._momentary_left_ms, self._sound_left_ms) if left_ms]
        return min(running) if running else None

    def obey_led(self, data: bytes) -> bool:
        """Carry out a LED command for the only LED there is; False if it is not understood."""
        fields = records.led(data)
        if fields is None or fields[0] or fields[1]:
            return False
        temporary, permanent = fields[2:8], fields[8:13]
        if temporary[0] == records.LED_CANCEL_TEMPORARY:
            self._momentary_left_ms = 0
        elif temporary[0] == records.LED_SET_TEMPORARY:
            self._momentary = records.Light(temporary[3], temporary[4], temporary[1], temporary[2])
            self._momentary_left_ms = temporary[5] * 100
        if permanent[0] == records.LED_SET:
            self._standing = records.Light(permanent[3], permanent[4], permanent[1], permanent[2])
        self._shown_for_ms = 0
        return True

    def obey_buzzer(self, data: bytes) -> bool:
        """Carry out a BUZ command; False if it is not understood."""
        fields = records.buzzer_fields(data)
        if fields is None or fields[0]:
            return False
        tone, on, off, count = fields[1:]
        is_sound = tone == records.TONE_DEFAULT and on > 0
        self.is_sounding_on = is_sound and count == 0
        self._sounding_for_ms = 0
        self._beep_ms = (on * 100, off * 100) if is_sound else (0, 0)
        self._sound_left_ms = (on + off) * count * 100 if is_sound else 0
        return True
