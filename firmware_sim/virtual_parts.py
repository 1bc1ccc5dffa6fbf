"""What a site on a virtual clock is made of: time, strike, light and the cloud's end of the wire, as told."""

from collections.abc import Callable
from typing import Any

from agent.enrolment import Enrolment
from agent.messages import Codes, Request
from hal.ports import Indicator, Pattern, Strike

NOON = 1_790_000_000
"""Unix seconds at which a site begins, for its cloud and (unless set otherwise) for its host."""


class VirtualClock:
    """Host clocks that move when told."""

    def __init__(self) -> None:
        """A machine that has been up for 100 s."""
        self.boot = "boot-1"
        self.now_s = 100.0
        self.wall_s = float(NOON)
        self.ntp_s: float | None = None

    def now(self) -> float:
        """See `agent.host_clock.Clocks`."""
        return self.now_s

    def wall(self) -> float:
        """See `agent.host_clock.Clocks`."""
        return self.wall_s

    def ntp_wall(self) -> float | None:
        """See `agent.host_clock.Clocks`."""
        return self.ntp_s


class VirtualStrike(Strike):
    """A strike that relocks by itself on the virtual clock, and counts its releases."""

    def __init__(self, clock: VirtualClock, before_unlock: Callable[[], None]) -> None:
        """`before_unlock` is called in the moment before it moves."""
        self._clock = clock
        self._before_unlock = before_unlock
        self._until_s = 0.0
        self.releases = 0

    @property
    def is_released(self) -> bool:
        """Whether the door would open now."""
        return self._clock.now_s < self._until_s

    def start(self) -> None:
        """Locked, without a pulse."""
        self._until_s = 0.0

    def close(self) -> None:
        """Locked."""
        self._until_s = 0.0

    def unlock(self, for_s: float) -> None:
        """See `hal.ports.Strike`."""
        self._before_unlock()
        self.releases += 1
        self._until_s = self._clock.now_s + for_s

    def lock(self) -> None:
        """See `hal.ports.Strike`."""
        self._until_s = 0.0


class VirtualIndicator(Indicator):
    """Remembers what the keypad showed, and when."""

    def __init__(self, clock: VirtualClock) -> None:
        """Dark."""
        self._clock = clock
        self.shown: list[tuple[float, Pattern]] = []
        """All but the blips of keys."""
        self.blips: list[float] = []

    def start(self) -> None:
        """Nothing to open."""

    def close(self) -> None:
        """Nothing to close."""

    def show(self, pattern: Pattern) -> None:
        """See `hal.ports.Indicator`."""
        if pattern is Pattern.KEY:
            self.blips.append(self._clock.now_s)
        else:
            self.shown.append((self._clock.now_s, pattern))

    @property
    def pattern(self) -> Pattern:
        """What can be seen now."""
        return self.shown[-1][1]


class VirtualUplink:
    """The cloud's end of the wire, without the wire: what the lock said, by kind."""

    def __init__(self) -> None:
        """Nothing said yet."""
        self.requests: list[Request] = []
        self.statuses: list[dict[str, Any]] = []
        self.summaries: list[Codes] = []
        self.settled: list[int] = []
        self.rekeyed: list[Enrolment] = []
        self.acknowledged: list[int] = []
        self.last_seq = 0
        self.sent: list[dict[str, Any]] = []

    def start(self) -> None:
        """Nothing to start."""

    def stop(self) -> None:
        """Nothing to stop."""

    def journal_grew(self, last_seq: int) -> None:
        """See `agent.uplink_port.UplinkPort`; likewise the rest."""
        self.last_seq = last_seq

    def rows(self, after_seq: int, rows: list[dict[str, Any]]) -> None:
        """Rows asked for."""
        self.sent += [row for row in rows if row["seq"] > after_seq]

    def acked(self, upto: int) -> None:
        """An acknowledgement became durable."""
        self.acknowledged.append(upto)

    def request(self, request: Request) -> None:
        """The lock asks."""
        self.requests.append(request)

    def status(self, fields: dict[str, Any]) -> None:
        """The lock tells how it is."""
        self.statuses.append(fields)

    def codes(self, codes: Codes) -> None:
        """The lock tells what it holds."""
        self.summaries.append(codes)

    def settle(self, token: int) -> None:
        """A message is dealt with."""
        self.settled.append(token)

    def rekey(self, enrolment: Enrolment) -> None:
        """Other keys count."""
        self.rekeyed.append(enrolment)
