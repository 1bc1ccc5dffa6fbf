"""What a visitor, a host and an observer can do at one door of a simulated site."""

import secrets
import time
from typing import Any

from firmware_sim.board_client import ask_board
from firmware_sim.faults import SimFault
from firmware_sim.site_processes import RunningDoor, Site
from firmware_sim.transcript import Transcript, require

CODE_DIGITS = 6


class Visit:
    """The verbs the demo is written in; each acts on the real parts and waits for what follows."""

    def __init__(self, site: Site, door: RunningDoor, transcript: Transcript) -> None:
        self._site = site
        self._door = door
        self._transcript = transcript
        self._used: set[str] = set()

    def new_digits(self) -> str:
        """Digits no code of this visit has."""
        while True:
            digits = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"
            if digits not in self._used:
                self._used.add(digits)
                return digits

    def create_code(self, name: str, **rules: Any) -> tuple[str, str]:
        """Create a code over HTTP: (its digits, its id)."""
        digits = self.new_digits()
        path = f"/locks/{self._door.device_id}/access_codes"
        shown = ", ".join([repr(name), *(f"{key} {value}" for key, value in rules.items())])
        self._transcript.did(f"POST an access code: {digits}, {shown}")
        created = self._site.cloud.post(path, {"name": name, "code": digits, **rules})
        code_id = str(created["access_code_id"])
        self._transcript.saw(f"the cloud calls it {code_id[:8]}..., status {created['status']}")
        return digits, code_id

    def expect_held(self, code_id: str) -> None:
        """Wait until the lock has confirmed the code to the cloud."""
        self._transcript.expect("the lock confirmed that it holds the code", lambda: self._is_held(code_id))

    def _is_held(self, code_id: str) -> bool:
        return bool(self._site.cloud.get(f"/access_codes/{code_id}")["state"] == "set")

    def type_keys(self, keys: str) -> None:
        """Press keys at the keypad of the virtual board."""
        self._transcript.did(f"type {keys} at the keypad")
        ask_board(self._door.board, {"type": "keys", "keys": keys})

    def board(self) -> dict[str, Any]:
        """The board's state: what strike and door physically do."""
        return ask_board(self._door.board, {"type": "state"})

    def releases(self) -> int:
        """How often the strike was released since the board started."""
        return int(self.board()["strike"]["releases"])

    def expect_release(self, digits: str) -> None:
        """Type a code and wait until the strike is released by it."""
        before = self.releases()
        self.type_keys(f"{digits}#")
        self._transcript.expect("the strike is released", lambda: self.releases() > before)
        require(self.releases() == before + 1, "the strike was released more than once")

    def walk_through(self) -> None:
        """Open and close the door, and see it lock again."""
        self.move_door(is_open=True)
        self.move_door(is_open=False)
        self._transcript.expect("the strike is locked again", lambda: not self.board()["strike"]["released"])

    def move_door(self, *, is_open: bool) -> None:
        """Open or close the door; the agent sees it by its contact."""
        word = "open" if is_open else "closed"
        self._transcript.did("open the door" if is_open else "close the door")
        ask_board(self._door.board, {"type": "door", "open": is_open})
        self._transcript.expect(f"the agent sees the door {word}", lambda: self.status()["door"] == word)

    def expect_refusal(self, digits: str, reason: str) -> None:
        """Type a code and see it refused for `reason` at the cloud, and the strike never released."""
        before, last = self.releases(), self.last_sequence()
        self.type_keys(f"{digits}#")
        self.expect_event("lock.access_denied", after=last, reason=reason)
        require(self.releases() == before, "the strike was released although the code was refused")
        self._transcript.saw("the strike stayed locked")

    def expect_event(self, event_type: str, after: int, **fields: str) -> dict[str, Any]:
        """Wait until the cloud has an event of this kind with a sequence above `after`."""

        def found() -> dict[str, Any] | None:
            wanted = {"event_type": event_type, **fields}
            events = self.events(after)
            return next((one for one in events if wanted.items() <= one.items()), None)

        told = "".join(f", {key} {value[:13]}" for key, value in fields.items())
        return self._transcript.expect(f"the cloud has the event {event_type}{told}", found)

    def events(self, after: int) -> list[dict[str, Any]]:
        """The events of this lock at the cloud, oldest first, with a sequence above `after`."""
        found: list[dict[str, Any]] = []
        while True:
            start = found[-1]["sequence"] if found else after
            page = self._site.cloud.get(f"/locks/{self._door.device_id}/events?after={start}")["events"]
            if not page:
                return found
            found += page

    def last_sequence(self) -> int:
        """The sequence of the newest event at the cloud."""
        return max((int(event["sequence"]) for event in self.events(0)), default=0)

    def status(self) -> dict[str, Any]:
        """What lockctl status shows."""
        status = self._door.status()
        if status is None:
            raise SimFault("the agent does not answer at its control socket")
        return status

    def expect_uplink(self, *, is_up: bool) -> None:
        """Wait until the agent has noticed that its way to the cloud is gone, or back."""
        what = "the agent is connected again" if is_up else "the agent notices that it is alone"
        self._transcript.expect(what, lambda: self.status()["uplink"]["connected"] is is_up, 60)

    def expect_everything_delivered(self) -> None:
        """Wait until the cloud has acknowledged the whole journal."""

        def is_delivered() -> bool:
            journal = self.status()["journal"]
            return bool(journal["acked_seq"] >= journal["last_seq"])

        self._transcript.expect("the cloud has acknowledged every journal row", is_delivered, 60)

    def require_each_event_once_in_order(self) -> None:
        """The rows of the journal are at the cloud without gap or double, in the order they happened."""
        epoch = self.status()["journal"]["epoch"]
        seqs = [event["seq"] for event in self.events(0) if event.get("journal_epoch") == epoch]
        require(seqs == list(range(1, len(seqs) + 1)), f"events are missing, doubled or out of order: {seqs}")
        self._transcript.saw(f"{len(seqs)} journal rows at the cloud, each once and in order")


def tomorrow() -> str:
    """The instant 24 hours ahead, as the HTTP API writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 86_400))
