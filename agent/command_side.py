"""The controller's half that does what it is told: by the cloud, signed and once, or by `lockctl`."""

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agent import commands
from agent.asked import Asked
from agent.changed_settings import ChangedSettings, canonical, digest_of
from agent.clock_watch import ClockWatch
from agent.code_sync import CodeSync
from agent.command_rows import Effect, Outcome
from agent.commands import (
    Acknowledge,
    Command,
    Configure,
    Forget,
    Identify,
    Lock,
    RenewKeys,
    Resync,
    Revoke,
    SetMode,
    Unlock,
)
from agent.condition_side import ConditionSide
from agent.core import modes
from agent.core.mode_schedule import ModeSchedule, Standing
from agent.core.modes import Mode, Source
from agent.core.throttle import LengthClass
from agent.door_code_rows import DoorChange
from agent.door_side import DoorSide
from agent.face import Face
from agent.guesses import Guesses
from agent.host_clock import Clocks
from agent.journal import Event
from agent.messages import CommandReceived
from agent.mode_side import ModeSide
from agent.offline_rows import NOTHING, OfflineChange
from agent.recorder import Recorder
from agent.store import Store

COMMIT_LIMIT_S = 5.0
"""A release that took longer than this to become durable does not happen: nobody is waiting any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """`[commands]` of the configuration: which types each source may use."""

    remote: frozenset[str] = frozenset(commands.COMMAND_TYPES)
    local: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """A command as it was sent, whatever it is worth."""

    id: str
    type: str
    args: Mapping[str, Any]
    source: Source


class CommandSide:
    """Commands and the operating mode. Controller thread only; may raise StorageFault."""

    def __init__(
        self,
        *,
        store: Store,
        clock: ClockWatch,
        clocks: Clocks,
        codes: CodeSync,
        door: DoorSide,
        face: Face,
        recorder: Recorder,
        guesses: Guesses,
        conditions: ConditionSide,
        permissions: Permissions,
        resync: Callable[[float], None],
        write_door_codes: Callable[[Effect, Sequence[Event], Outcome], None],
        acknowledged: Callable[[], None],
        renew_keys: Callable[[str], None],
        file_schedule: ModeSchedule | None,
    ) -> None:
        """`resync` compares the code set with the cloud's; `write_door_codes` makes effects durable that
        change codes of the door; `acknowledged` follows an acknowledgement; `renew_keys` proposes other keys
        of the lock for a renewal; `file_schedule`: see `ChangedSettings`."""
        self._store = store
        self._clock = clock
        self._clocks = clocks
        self._codes = codes
        self._door = door
        self._face = face
        self._recorder = recorder
        self._guesses = guesses
        self._conditions = conditions
        self._permissions = permissions
        self._resync = resync
        self._write_door_codes = write_door_codes
        self._acknowledged = acknowledged
        self._renew_keys = renew_keys
        self._answered_again: tuple[str, set[str]] = ("", set())
        self.settings = ChangedSettings(store.modes, door, recorder.record, file_schedule)
        self.modes = ModeSide(
            rows=store.modes,
            settings=self.settings,
            clock=clock,
            door=door,
            record=recorder.record,
            enter=self._enter,
        )

    @property
    def mode(self) -> Mode:
        """The operating mode that counts now."""
        return self.modes.mode

    def start(self) -> None:
        """Go on where the last process ended: a release it may not have begun is `unknown`, not repeated."""
        for outcome in self._store.commands.pending():
            gone = replace(outcome, result="unknown", reason="restarted", is_pending=False)
            self._record(gone, Effect(), (_row(gone),))
        self.settings.start()
        self.modes.start()

    # --- who tells ----------------------------------------------------------------------------------

    def received(self, received: CommandReceived, sid: str, now: float) -> str | None:
        """Take a command of the cloud, in the session `sid`. What cannot be meant for now is only counted:
        its reason is returned. Everything else gets a `command_result` row of its own."""
        stale = commands.staleness(received, sid, self._clock.reading(now), now)
        known = self._store.commands.find(received.id)
        if known is not None:
            return self._answer_again(known, sid) if stale is None else "duplicate"
        if stale is None:
            wish = _Wish(id=received.id, type=received.type, args=received.args, source=Source.REMOTE)
            self._obey(wish, now)
        return stale

    def _answer_again(self, outcome: Outcome, sid: str) -> str | None:
        """The result once more, and no second effect. Each result once in a session, or whoever owns the
        broker could fill the journal."""
        if self._answered_again[0] != sid:
            self._answered_again = (sid, set())
        answered = self._answered_again[1]
        if outcome.id in answered:
            return "duplicate"
        answered.add(outcome.id)
        self._recorder.record(_row(outcome, is_again=True))
        return None

    def asked(self, asked: Asked, now: float) -> None:
        """Take a command of the control socket."""
        kind, args = asked.args.get("type"), asked.args.get("args", {})
        if not isinstance(kind, str) or not isinstance(args, dict):
            asked.answer.refuse("bad_argument", "a command has a type (text) and args (an object)")
            return
        if kind not in self._permissions.local:
            self._recorder.record_often("message_refused", "control", "forbidden")
            asked.answer.refuse("forbidden", _FORBIDDEN.format(kind=kind))
            return
        outcome = self._obey(_Wish(id=str(uuid.uuid4()), type=kind, args=args, source=Source.LOCAL), now)
        if outcome.result == "done":
            asked.answer({"id": outcome.id, "result": outcome.result, "mode": self.mode.value})
        else:
            reason = outcome.reason or outcome.result
            asked.answer.refuse(reason, f"{kind} {outcome.result}: {_WORDS.get(reason, reason)}")

    # --- what is done -------------------------------------------------------------------------------

    def _obey(self, wish: _Wish, now: float) -> Outcome:
        """Judge, commit, do: in this order, always."""
        self.modes.tick(now)
        command = commands.parse(wish.type, wish.args)
        reason = command if isinstance(command, str) else self._objection(command, wish)
        if isinstance(command, str) or reason is not None:
            refused = Outcome(id=wish.id, type=wish.type, result="refused", reason=reason)
            self._record(refused, Effect(), (_row(refused, wish.source),))
            return refused
        outcome = Outcome(id=wish.id, type=wish.type, result="done", is_pending=isinstance(command, Unlock))
        effect = self._effect(command, wish.source)
        self._record(outcome, effect, (*_events(effect), _row(outcome, wish.source)))
        self._guesses.keep(effect.budgets)
        if isinstance(command, Unlock):
            return self._release(command, outcome, wish, now)
        self._show(command, effect)
        return outcome

    def _objection(self, command: Command, wish: _Wish) -> str | None:
        """Why this source may not do this now, or None."""
        is_remote, mode = wish.source is Source.REMOTE, self.mode
        if wish.type not in (self._permissions.remote if is_remote else self._permissions.local):
            return "forbidden"
        if is_remote and wish.type in commands.NEEDS_TIME and not self._clock.is_known():
            return "clock_unknown"
        match command:
            case Unlock() if not modes.may_open(mode, wish.source):
                return "blocked_by_mode"
            case Unlock() if self._conditions.keeps_shut:
                return "battery_low"
            case Lock() if not modes.may_lock(mode, wish.source):
                return "blocked_by_mode"
            case Lock() if self._conditions.is_fire:
                return "fire_alarm"
            case SetMode() if not modes.may_enter(command.mode, is_shut=self._door.is_shut):
                return "door_not_shut"
            case Configure():
                return self.settings.objection(self.settings.with_change(command))
        return None

    def _effect(self, command: Command, source: Source) -> Effect:
        """What becomes durable with the outcome."""
        match command:
            case SetMode():
                by = "command" if source is Source.REMOTE else "lockctl"
                return Effect(standing=self.modes.changed(command.mode, by))
            case Configure():
                return Effect(settings=canonical(self.settings.with_change(command)))
            case Revoke():
                revision = self._codes.revision
                until_rev = command.rev or revision.highest_rev + 1
                is_over = until_rev <= revision.applied_rev  # the set that decides has said so itself
                return Effect(revoked={} if is_over else dict.fromkeys(command.ids, until_rev))
            case Acknowledge(length_class):
                change = NOTHING if length_class is LengthClass.SHORT else OfflineChange(forgives=True)
                return Effect(budgets=self._guesses.acknowledged(length_class), offline=change)
            case Forget(ids):
                return Effect(door=DoorChange(forgotten=ids))
        return Effect()

    def _release(self, command: Unlock, outcome: Outcome, wish: _Wish, since_s: float) -> Outcome:
        """Move the strike, then note that it was told. A process that ends in between leaves `unknown`."""
        now = self._clocks.now()
        settled = replace(outcome, is_pending=False)
        if now - since_s > COMMIT_LIMIT_S:
            settled = replace(settled, result="failed", reason="too_late")
            self._record(settled, Effect(), (_row(settled, wish.source),))
            return settled
        self._door.release(now, command.for_s)
        self._record(settled, Effect(), ())
        return settled

    def _show(self, command: Command, effect: Effect) -> None:
        """The rest of what was made durable: memory, strike and light follow."""
        now = self._clocks.now()
        if effect.standing is not None:
            self.modes.show(effect.standing, now)
        if effect.settings is not None:
            self.settings.show(effect.settings)
        match command:
            case Lock():
                self._door.relock("command")
            case Revoke():
                self._codes.refuse_revoked()
            case Resync():
                self._resync(now)
            case Identify():
                self._face.identify(now)
            case RenewKeys(renewal_id):
                self._renew_keys(renewal_id)
            case Acknowledge(length_class):
                self._acknowledged()
                if length_class is None:
                    self._door.acknowledge()

    def _enter(self, standing: Standing, event: Event | None) -> None:
        """Make a mode durable that nobody commanded."""
        stamp = self._clock.stamp(self._clocks.now())
        self._store.record_effect(stamp, Effect(standing=standing), () if event is None else (event,))
        self._recorder.told()

    def _record(self, outcome: Outcome, effect: Effect, events: Sequence[Event]) -> None:
        if effect.door.forgotten:
            self._write_door_codes(effect, events, outcome)
            return
        stamp = self._clock.stamp(self._clocks.now())
        self._store.record_effect(stamp, effect, events, outcome)
        self._recorder.told()


_FORBIDDEN = (
    "this lock does not take {kind!r} from lockctl; to change that, name it in [commands] local = [...] of "
    "its configuration and restart the agent"
)
_WORDS = {
    "blocked_by_mode": "the operating mode forbids it; see lockctl status, change it with lockctl mode",
    "battery_low": "the battery is nearly empty, and this door is configured to open for nobody then",
    "fire_alarm": "the fire alarm frees the door until it is over",
    "door_not_shut": "the door is open or released; shut it first",
    "bad_args": "its arguments are not possible; see docs/commands.md",
    "unknown_type": "there is no such command; see docs/commands.md",
    "mode_schedule_invalid": "the mode schedule is not possible; the agent's log names the entry",
    "too_late": "storage took too long, nothing was opened; run lockctl doctor",
}


def _row(outcome: Outcome, source: Source = Source.REMOTE, *, is_again: bool = False) -> Event:
    """The answer to a command, as it travels."""
    detail: dict[str, Any] = {"id": outcome.id, "type": outcome.type, "result": outcome.result}
    if outcome.reason is not None:
        detail["reason"] = outcome.reason
    if source is Source.LOCAL:
        detail["source"] = source.value
    return Event("command_result", detail | ({"duplicate": True} if is_again else {}))


def _events(effect: Effect) -> tuple[Event, ...]:
    events = []
    if effect.standing is not None:
        events.append(Event("mode", {"mode": effect.standing.mode.value, "why": effect.standing.by}))
    if effect.settings is not None:
        detail = {"changed": sorted(json.loads(effect.settings)), "digest": digest_of(effect.settings)}
        events.append(Event("settings", detail))
    return tuple(events)
