"""A strike on an output of an OSDP reader: its release is timed, so that the reader relocks by itself."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated

import msgspec

from hal.osdp import codec, records
from hal.osdp.attached import line_of
from hal.osdp.events import Event, LinkUp
from hal.osdp.line import Line
from hal.ports import Post, Strike, StrikeFailed

WITHIN_S = 1.0
"""A release that comes later than this after `#` surprises whoever stands there: it never happens."""
LOCK_WITHIN_S = 2.0
"""To lock is right even late, so the end of a release has the time that closing has (see `Device.close`)."""
_SHORTEST_S = 0.1
_LONGEST_S = 60.0

_log = logging.getLogger(__name__)


class StrikeOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Keys of a device with `driver = "osdp-strike"`."""

    reader: str
    output: Annotated[int, msgspec.Meta(ge=0, le=15)]
    """Number of the reader's relay output."""


class OsdpStrike(Strike):
    """Called on the controller's thread; answers of the reader come on the line's, which only posts."""

    Options = StrikeOptions

    def __init__(self, name: str, options: StrikeOptions, lines: Mapping[str, Line], post: Post) -> None:
        self._line = line_of(name, options.reader, lines)
        self._reader = options.reader
        self._output = options.output
        self._post = post
        self._released_until_s = 0.0
        self._was_online = False
        self._locking = threading.Event()
        """Set once the latest end of a release is confirmed, or has failed."""
        self._locking.set()
        self._line.listen(options.reader, self._heard)

    def start(self) -> None:
        """Nothing to begin: the output is switched off when the session starts."""

    def close(self) -> None:
        """Lock, and wait a moment for the reader to confirm it, if it was ever there: the line ends after
        this, and a command that was not sent by then never is. The output ends by itself otherwise."""
        if self._is_released():
            self.lock()
        if self._was_online:
            self._locking.wait(LOCK_WITHIN_S)

    def unlock(self, for_s: float) -> None:
        """See `Strike`. The reader counts in tenths of a second; 16 bits of them, so 60 s are exact."""
        for_s = min(max(for_s, _SHORTEST_S), _LONGEST_S)
        self._released_until_s = time.monotonic() + for_s
        self._send(records.OUTPUT_TIMED_ON, round(for_s * 10), WITHIN_S, self._unlocked)

    def lock(self) -> None:
        """See `Strike`. Sent even when nothing is released as far as we know: a release whose answer was
        lost may have happened."""
        was_released, self._released_until_s = self._is_released(), 0.0
        self._locking = threading.Event()
        done = partial(self._locked, self._locking, was_released)
        self._send(records.OUTPUT_OFF, 0, LOCK_WITHIN_S, done)

    def _is_released(self) -> bool:
        return time.monotonic() < self._released_until_s

    def _send(self, control: int, tenths: int, within_s: float, done: Callable[[str], None]) -> None:
        data = records.output(self._output, control, tenths)
        self._line.command(self._reader, codec.OUT, data, within_s, done)

    def _heard(self, event: Event) -> None:
        self._was_online = self._was_online or isinstance(event, LinkUp)
        # An agent that died may have left the output on. A release of our own survives a short loss.
        if isinstance(event, LinkUp) and not self._is_released():
            self._send(records.OUTPUT_OFF, 0, LOCK_WITHIN_S, _not_needed)

    def _unlocked(self, failure: str) -> None:
        if failure:
            self._released_until_s = 0.0
            self._post(StrikeFailed(f"release not confirmed: {failure}"))

    def _locked(self, done: threading.Event, was_released: bool, failure: str) -> None:
        done.set()
        if not was_released:
            _not_needed(failure)
        elif failure:
            self._post(StrikeFailed(f"relock not confirmed, the output ends by itself: {failure}"))


def _not_needed(failure: str) -> None:
    if failure:
        _log.info("the strike was told to stay locked and did not confirm: %s", failure)
