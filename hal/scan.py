"""Which keys of a matrix went down: debounce, ghosts, stuck keys. Runs on MicroPython too.

Give it one sample every 5 ms: for each row that was driven low alone, the columns that followed it. A key
counts once it was equal four times, so 20 ms after the finger; a rectangle of closed crossings, as three
keys without diodes make, says nothing about the fourth, so all of it is ignored until it opens.
"""

PERIOD_MS = 5
EQUAL_SAMPLES = 4
STUCK_SAMPLES = 20000 // PERIOD_MS
"""A key that is down for 20 s is broken, or something leans on it."""


class Scan:
    """One keypad. `layout`: a text for each row, one key for each column; a space where there is none."""

    def __init__(self, layout: "list[str]") -> None:
        self._keys = [
            (row, 1 << column, key) for row, keys in enumerate(layout) for column, key in enumerate(keys)
        ]
        self._keys = [one for one in self._keys if one[2] != " "]
        self._counts = [0] * len(self._keys)
        self._down_for = [0] * len(self._keys)
        """In samples; 0 while the key is up."""
        self._seen = 0
        self.is_settled = False
        """Enough samples were seen to know which keys are down."""
        self.is_ghost = False
        """The last sample had a rectangle in it."""
        self.stuck = 0
        """How many keys have been down for too long. Which they are says nothing to anybody but a technician
        who sees the keypad, so it is not told."""

    def sample(self, closed: "list[int]") -> str:
        """The keys that went down with this sample. `closed`: for each row the columns as bits, 1 = closed.

        A key that is down from the first sample on was not pressed for us: it must be up before it counts."""
        self.is_ghost = _has_rectangle(closed)
        if self.is_ghost:
            return ""
        pressed = ""
        for number, (row, bit, key) in enumerate(self._keys):
            if self._follow(number, closed[row] & bit != 0) and self.is_settled:
                pressed += key
        self._seen = min(self._seen + 1, EQUAL_SAMPLES)
        self.is_settled = self._seen == EQUAL_SAMPLES
        self.stuck = len([one for one in self._down_for if one >= STUCK_SAMPLES])
        return pressed

    def _follow(self, number: int, is_closed: bool) -> bool:
        """Whether this sample makes key `number` count as down."""
        count = self._counts[number] + (1 if is_closed else -1)
        count = self._counts[number] = min(max(count, 0), EQUAL_SAMPLES)
        down_for = self._down_for[number]
        if down_for and count:
            self._down_for[number] = min(down_for + 1, STUCK_SAMPLES)
            return False
        self._down_for[number] = 1 if count == EQUAL_SAMPLES else 0
        return count == EQUAL_SAMPLES and not down_for


def _has_rectangle(closed: "list[int]") -> bool:
    """Whether two rows share two columns: current may go round three closed keys and fake the fourth."""
    for number, one in enumerate(closed):
        for other in closed[number + 1 :]:
            shared = one & other
            if shared & (shared - 1):
                return True
    return False
