"""What can be asked of a virtual board over its control connection; `docs/board.md` shows a session."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import msgspec

from firmware_sim.virtual_board import VirtualBoard
from firmware_sim.wire import Wire

Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=60_000)]


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="type"):
    """One request: its fields are its arguments."""

    def carry_out(self, board: VirtualBoard, wire: Wire, now: float) -> dict[str, Any]:
        """Do it; the answer without its `ok`."""
        del wire
        return board.state(now)


class Keys(Request, frozen=True, tag="keys"):
    """Press keys at the outside keypad: digits, * clears, # enters. Answers how many it took, and when."""

    keys: Annotated[str, msgspec.Meta(pattern="^[0-9*#]*$", max_length=256)]
    interval_ms: Milliseconds = 0

    def carry_out(self, board: VirtualBoard, wire: Wire, now: float) -> dict[str, Any]:
        """See `Request`."""
        del wire
        return {"queued": board.type_keys(self.keys, self.interval_ms / 1000, now), "now_s": now}


class Press(Request, frozen=True, tag="press"):
    """Press keys of the matrix, as a finger does: held for a while, with contacts that bounce."""

    keys: Annotated[str, msgspec.Meta(pattern="^[0-9*#]*$", max_length=256)]
    for_ms: Annotated[int, msgspec.Meta(ge=1, le=60_000)] = 60
    pause_ms: Annotated[int, msgspec.Meta(ge=1, le=60_000)] = 60
    bounce: bool = True

    def carry_out(self, board: VirtualBoard, wire: Wire, now: float) -> dict[str, Any]:
        """See `Request`."""
        del wire
        board.press_keys(self.keys, self.for_ms / 1000, self.pause_ms / 1000, self.bounce, now)
        return {}


class Hold(Request, frozen=True, tag="hold"):
    """Keep these keys of the matrix down and no others: one that is stuck, or three that fake a fourth."""

    keys: Annotated[str, msgspec.Meta(pattern="^[0-9*#]*$", max_length=12)]

    def carry_out(self, board: VirtualBoard, wire: Wire, now: float) -> dict[str, Any]:
        """See `Request`."""
        del wire
        board.hold(self.keys, now)
        return {}


class Jam(Request, frozen=True, tag="jam"):
    """Let the strike's bolt stick where it is, whatever its relay does, or move again."""

    jammed: bool

    def carry_out(self, board: VirtualBoard, wire: Wire, now: float) -> dict[str, Any]:
        """See `Request`."""
        del wire
        board.jam(jams=self.jammed, now=now)
        return {}


class Condition(Request, frozen=True, tag="condition"):
    """Let a fire alarm, failed mains or a low battery be so, or be over."""

    name: Literal["fire", "mains_failed", "battery_low"]
    on: bool

    def carry_out(self, board: VirtualBoard, wire: Wire, now: float) -> dict[str, Any]:
        """See `Request`."""
        del wire
        board.set_condition(self.name, is_on=self.on, now=now)
        return {}


class Power(Request, frozen=True, tag="power"):
    """Cut the power of a unit, or give it back. A unit that is torn off has lost power and line alike."""

    unit: Literal["outside", "inside"]
    on: bool

    def carry_out(self, board: VirtualBoard, wire: Wire, now: float) -> dict[str, Any]:
        """See `Request`."""
        del wire
        board.set_power(self.unit, is_on=self.on, now=now)
        return {}


class ForgetKey(Request, frozen=True, tag="forget_key"):
    """Reset a unit as its maker's tool does: it has no key any more, and waits to be given one."""

    unit: Literal["outside", "inside"]

    def carry_out(self, board: VirtualBoard, wire: Wire, now: float) -> dict[str, Any]:
        """See `Request`."""
        del wire
        board.forget_key(self.unit, now)
        return {}


class Door(Request, frozen=True, tag="door"):
    """Open or close the door. A locked door opens too, by force, and the answer says so."""

    open: bool

    def carry_out(self, board: VirtualBoard, wire: Wire, now: float) -> dict[str, Any]:
        """See `Request`."""
        del wire
        return {"forced": board.move_door(self.open, now)}


class Rex(Request, frozen=True, tag="rex"):
    """Press the request-to-exit button inside for a moment."""

    for_ms: Milliseconds = 300

    def carry_out(self, board: VirtualBoard, wire: Wire, now: float) -> dict[str, Any]:
        """See `Request`."""
        del wire
        board.press_rex(self.for_ms / 1000, now)
        return {}


class Tamper(Request, frozen=True, tag="tamper"):
    """Open or close the case of a unit."""

    unit: Literal["outside", "inside"]
    open: bool

    def carry_out(self, board: VirtualBoard, wire: Wire, now: float) -> dict[str, Any]:
        """See `Request`."""
        del wire
        board.tamper(self.unit, self.open, now)
        return {}


class Line(Request, frozen=True, tag="line"):
    """Cut the serial line, or join it again."""

    cut: bool

    def carry_out(self, board: VirtualBoard, wire: Wire, now: float) -> dict[str, Any]:
        """See `Request`."""
        del board, now
        wire.is_cut = self.cut
        return {}


class Noise(Request, frozen=True, tag="noise"):
    """Disturb the serial line: the chance of each byte to be damaged. 0 ends it."""

    rate: Annotated[float, msgspec.Meta(ge=0, le=1)]

    def carry_out(self, board: VirtualBoard, wire: Wire, now: float) -> dict[str, Any]:
        """See `Request`."""
        del board, now
        wire.noise_rate = self.rate
        return {}


class State(Request, frozen=True, tag="state"):
    """What can be seen of the board now."""


class Watch(Request, frozen=True, tag="watch"):
    """The state now and after each change, one line each, until the connection is closed."""


class Help(Request, frozen=True, tag="help"):
    """What can be asked."""

    def carry_out(self, board: VirtualBoard, wire: Wire, now: float) -> dict[str, Any]:
        """See `Request`."""
        del board, wire, now
        return {"requests": {name: kind.__doc__ for name, kind in REQUESTS.items()}}


AnyRequest = (
    Keys
    | Press
    | Hold
    | Jam
    | Condition
    | Power
    | ForgetKey
    | Door
    | Rex
    | Tamper
    | Line
    | Noise
    | State
    | Watch
    | Help
)
_KINDS: tuple[type[Request], ...] = (
    *(Keys, Press, Hold, Jam, Condition, Power, ForgetKey, Door),
    *(Rex, Tamper, Line, Noise, State, Watch, Help),
)
REQUESTS = {str(kind.__struct_config__.tag): kind for kind in _KINDS}
_decode: Callable[[bytes], AnyRequest] = msgspec.json.Decoder(AnyRequest).decode


def in_words(kind: str, fields: Mapping[str, str]) -> dict[str, Any]:
    """The request of this type whose fields are given as text, checked. Raises `BadRequest`."""
    try:
        request = msgspec.convert({"type": kind, **fields}, AnyRequest, strict=False)
    except msgspec.ValidationError as error:
        raise BadRequest(str(error)) from error
    made: dict[str, Any] = msgspec.to_builtins(request)
    return made


class BadRequest(Exception):
    """A line that is no request; the text says why and is the answer."""


def read_request(line: bytes) -> AnyRequest:
    """The request in one line of JSON. The complaint of a `BadRequest` never repeats keys."""
    try:
        return _decode(line)
    except msgspec.ValidationError as error:
        raise BadRequest(f"{error}; types are {', '.join(REQUESTS)}, see docs/board.md") from error
    except msgspec.DecodeError as error:
        raise BadRequest(f"not a line of JSON: {error}") from error
