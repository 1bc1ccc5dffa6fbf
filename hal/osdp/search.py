"""How a reader that is away is looked for: rarely enough, and with both kinds of check."""

_FIRST_RETRY_S = 0.2
_LONGEST_RETRY_S = 3.0
_OTHER_CHECK_EVERY = 4


class Search:
    """Attempts at one reader. Nothing is decided by the kind of check: the MAC guards what counts.

    A reader that knows the checksum only answers no packet with a CRC (IEC 60839-11-5, 5.6), so both are
    tried in turn; one that was met before is mostly asked as it answered then.
    """

    def __init__(self) -> None:
        self._failures = 0
        self._answered_crc: bool | None = None
        self.has_crc = True
        """Of the attempt that is made, and of the session that comes of it."""

    def found(self) -> None:
        """A session is up."""
        self._failures = 0
        self._answered_crc = self.has_crc

    def failed(self) -> float:
        """An attempt came to nothing; returns the seconds to wait before the next."""
        pause_s: float = min(_FIRST_RETRY_S * 2 ** min(self._failures, 10), _LONGEST_RETRY_S)
        self._failures += 1
        if self._answered_crc is None:
            self.has_crc = self._failures % 2 == 0
        else:
            is_other = self._failures % _OTHER_CHECK_EVERY == _OTHER_CHECK_EVERY - 1
            self.has_crc = self._answered_crc is not is_other
        return pause_s

    def start_over(self) -> None:
        """The line was away itself: look at once and often again."""
        self._failures = 0
