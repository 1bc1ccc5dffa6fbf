"""The controller's half for the readers themselves: their keys, their places, and whether they are steady.

Nothing here opens a door. What an administrator does is in the journal before a reader hears of it.
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from agent.asked import Answer, Asked
from agent.core.unsteady import Unsteady
from agent.door_side import Record
from agent.errors import ConfigFault, StorageFault
from agent.journal import Event
from agent.reader_keys import next_key_file, reader_key
from hal.ports import KeyRefused, LinkChanged, NextKeyUsed, ReaderSetup, ReaderSignal, SetUp

log = logging.getLogger(__name__)

INSTALL, REKEY, COMSET = "reader_install", "reader_rekey", "reader_comset"
VERBS = (INSTALL, REKEY, COMSET)
"""The verbs of the control socket."""
WINDOW_S = 60
"""No longer may a reader be given its first key, which travels under a key that everybody knows."""
_WITHIN_S = 2.0
Baud = Literal[9600, 19200, 38400, 57600, 115200, 230400]


class _Install(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Arguments of `reader_install`."""

    reader: str
    for_s: Annotated[int, Meta(ge=1, le=WINDOW_S)] = WINDOW_S


class _Rekey(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Arguments of `reader_rekey`. Keys are in files only."""

    reader: str


class _Comset(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Arguments of `reader_comset`."""

    reader: str
    address: Annotated[int, Meta(ge=0, le=126)]
    baud: Baud


_SHAPES: Mapping[str, type[_Install | _Rekey | _Comset]] = {
    INSTALL: _Install,
    REKEY: _Rekey,
    COMSET: _Comset,
}


class ReaderSide:
    """Controller thread only; may raise StorageFault. Times are seconds since boot."""

    def __init__(
        self,
        *,
        is_allowed: bool,
        ports: Mapping[str, ReaderSetup],
        key_files: Mapping[str, Path],
        record: Record,
    ) -> None:
        """`ports` and `key_files` by the name of the reader."""
        self._is_allowed = is_allowed
        self._ports = ports
        self._key_files = key_files
        self._record = record
        self._waiting: dict[str, Answer] = {}
        """Whoever asked for what is being done at a reader."""
        self._refused: dict[str, str] = {}
        self._use_next_key: set[str] = set()
        self._unsteady = Unsteady()

    # --- what readers do --------------------------------------------------------------------------

    def handle(self, signal: ReaderSignal) -> None:
        """Take what a line says about a reader."""
        match signal:
            case KeyRefused(unit, reason):
                self._refused[unit] = reason
                log.error("%s: %s", unit, reason)
                self._record(Event("reader_key_refused", {"unit": unit, "reason": reason}))
            case NextKeyUsed(unit):
                if unit not in self._use_next_key:
                    self._use_next_key.add(unit)
                    self._record(Event("reader_key_changed", {"unit": unit}))
            case SetUp():
                self._ended(signal)

    def link_changed(self, signal: LinkChanged, now: float) -> None:
        """A session came up or was lost."""
        if signal.is_up:
            self._refused.pop(signal.unit, None)
        elif losses := self._unsteady.lost(signal.unit, now):
            self._record(Event("link_unsteady", {"unit": signal.unit, "losses": losses}))

    def tick(self, now: float) -> None:
        """A link that was lost again and again has held for a while."""
        for unit in self._unsteady.settled(now):
            self._record(Event("link_steady", {"unit": unit}))

    def deadline(self) -> float | None:
        """When `tick` is next needed."""
        return self._unsteady.deadline()

    def alarms(self) -> list[str]:
        """What is wrong now: key_<unit>, unsteady_<unit>."""
        return [
            *(f"key_{unit}" for unit in sorted(self._refused)),
            *(f"unsteady_{unit}" for unit in self._unsteady.units()),
        ]

    def facts(self) -> dict[str, Any]:
        """For `doctor`: why a key was refused, which readers have their next key already."""
        return {"key_refused": dict(self._refused), "next_key": sorted(self._use_next_key)}

    # --- what an administrator does -----------------------------------------------------------------

    def asked(self, asked: Asked) -> None:
        """One of `VERBS`. It is answered when it has been done, or cannot be."""
        if not self._is_allowed:
            how = (
                "this lock does not let lockctl set up readers; to change that, set lockctl = true in "
                "[provisioning] of its configuration and restart the agent"
            )
            asked.answer.refuse("forbidden", how)
            return
        try:
            wanted = msgspec.convert(asked.args, _SHAPES[asked.verb])
        except msgspec.ValidationError as error:
            asked.answer.refuse("bad_args", str(error))
            return
        unit = wanted.reader
        if unit not in self._ports:
            known = ", ".join(sorted(self._ports)) or "none"
            asked.answer.refuse("unknown_reader", f"there is no reader {unit!r}; there are: {known}")
        elif unit in self._waiting:
            asked.answer.refuse("busy", f"something else is being done at {unit}; wait for its end")
        else:
            self._begin(wanted, asked.answer)

    def _begin(self, wanted: _Install | _Rekey | _Comset, answer: Answer) -> None:
        port, unit = self._ports[wanted.reader], wanted.reader
        match wanted:
            case _Install():
                if self._is_noted(answer, unit, "install", {"for_s": wanted.for_s}):
                    port.install(unit, wanted.for_s)
            case _Comset():
                place = {"address": wanted.address, "baud": wanted.baud}
                if self._is_noted(answer, unit, "comset", place):
                    port.comset(unit, wanted.address, wanted.baud, _WITHIN_S)
            case _Rekey():
                scbk = self._next_key(unit, answer)
                if scbk and self._is_noted(answer, unit, "rekey", {}):
                    port.rekey(unit, scbk, _WITHIN_S)

    def _next_key(self, unit: str, answer: Answer) -> bytes | None:
        path = self._key_files[unit]
        try:
            scbk = reader_key(next_key_file(path))
            if scbk != reader_key(path):
                return scbk
            answer.refuse("no_next_key", f"{next_key_file(path)} holds the key that {path} holds")
        except ConfigFault as fault:
            answer.refuse("no_next_key", f"{fault}; put the new key there first")
        return None

    def _is_noted(self, answer: Answer, unit: str, action: str, detail: Mapping[str, Any]) -> bool:
        """Write down that it begins; from then on `SetUp` comes in any case."""
        try:
            self._record(Event("reader_setup", {"unit": unit, "action": action, "result": "begun", **detail}))
        except StorageFault:
            answer.refuse("storage", "it could not be written down, so it is not done: see the disk")
            raise
        self._waiting[unit] = answer
        return True

    def _ended(self, signal: SetUp) -> None:
        answer = self._waiting.pop(signal.unit, None)
        if answer is not None and signal.failure:
            answer.refuse("failed", f"{signal.unit}: {signal.failure}")
        elif answer is not None:
            answer({"reader": signal.unit, "action": signal.action, "result": "done"})
        detail = {"unit": signal.unit, "action": signal.action}
        if signal.failure:
            detail |= {"result": "failed", "reason": signal.failure}
        else:
            detail |= {"result": "done"}
        self._record(Event("reader_setup", detail))
