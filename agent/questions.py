"""Answers what people ask at the control socket, and what the cloud is told of the lock's state."""

import sqlite3
from collections.abc import Mapping
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from agent.asked import Asked
from agent.core import throttle
from agent.core.access_code import CodeError
from agent.core.decision import Reason, judge
from agent.core.throttle import LengthClass
from agent.core.timekeeping import Trust
from agent.core.verifier import CodeTable
from agent.offline_side import MOST_FAILURES
from agent.recorder import Recorder
from agent.set_aside import set_aside_files
from agent.shown_rules import shown_rules

if TYPE_CHECKING:
    from agent.controller import Controller

MAX_ROWS = 1000


def answer(controller: "Controller", asked: Asked, recorder: Recorder) -> None:
    """Answer one question; questions change nothing. Controller thread."""
    match asked.verb:
        case "status":
            asked.answer(status(controller))
        case "codes":
            asked.answer({"codes": codes(controller)})
        case "journal":
            _journal(controller, asked)
        case "facts":
            asked.answer(facts(controller))
        case "watch":
            asked.answer(status(controller))
            recorder.watch(asked.answer)
        case _:
            asked.answer.refuse(
                "unknown_verb",
                f"no verb {asked.verb!r}; there are status, codes, journal, facts, watch, command, code_add, "
                "code_remove, clock_set, reader_install, reader_rekey, reader_comset",
            )


def _journal(controller: "Controller", asked: Asked) -> None:
    limit, after = asked.args.get("limit", 50), asked.args.get("after")
    if not isinstance(limit, int) or not 1 <= limit <= MAX_ROWS:
        asked.answer.refuse("bad_argument", f"limit must be a whole number from 1 to {MAX_ROWS}")
    elif after is not None and not isinstance(after, int):
        asked.answer.refuse("bad_argument", "after must be the number (seq) of a journal row")
    else:
        asked.answer({"rows": controller.store.journal.shown(limit, after)})


def status_fields(controller: "Controller") -> dict[str, Any]:
    """What the cloud is told at each change (see `messages.Status`)."""
    revision = controller.codes.revision
    return {
        "agent_version": controller.version,
        "clock": controller.clock.reading(controller.clocks.now()).trust.value,
        "strike": controller.door.strike.said(),
        "door": controller.door.door.contact.value,
        "mode": controller.commands.mode.value,
        "release_s": controller.door.release_s,
        "settings": controller.commands.settings.digest,
        "alarms": [
            *controller.door.alarms(),
            *controller.readers.alarms(),
            *controller.conditions.alarms(),
        ],
        "links": dict(controller.door.links),
        "set_epoch": revision.set_epoch,
        "applied_rev": revision.applied_rev,
        "offline_rev": controller.offline.rev,
        "keys_rev": controller.keys.rev,
        "cloud_kid": controller.keys.newest_signer,
    }


def status(controller: "Controller") -> dict[str, Any]:
    """What a technician looks at first."""
    now = controller.clocks.now()
    clock, journal, revision = (
        controller.clock.reading(now),
        controller.store.journal,
        controller.codes.revision,
    )
    known = clock.trust is not Trust.UNKNOWN
    return {
        "device_id": controller.settings.device_id,
        **status_fields(controller),
        "mode_by": controller.commands.modes.standing.by,
        "mode_until_s": controller.commands.modes.ends_s(now),
        "uptime_s": round(now - controller.started_s, 1),
        "clock": {
            "trust": clock.trust.value,
            "wall_s": round(clock.wall_s, 3) if known else None,
            "bound_s": round(clock.bound_s, 3) if known else None,
            "floor_s": clock.floor_s,
            "rtc_fault": controller.clock.rtc_fault,
        },
        "uplink": {
            "connected": controller.cloud.state.is_up,
            "since_s": round(now - controller.cloud.changed_s, 1),
            "reason": controller.cloud.state.reason,
            "silent_s": round(controller.freshness.silent_s(now), 1),
            "is_stale": controller.freshness.is_stale,
        },
        "code_set": {
            "set_epoch": revision.set_epoch,
            "applied_rev": revision.applied_rev,
            "head_rev": revision.highest_rev,
            "count": len(controller.codes.holding) - len(controller.codes.holding.local),
            "local": len(controller.codes.holding.local),
            "syncing": controller.codes.is_syncing,
            "withheld_rev": controller.freshness.withheld_rev(now),
        },
        "throttle": _budgets(controller, now),
        "journal": {"epoch": journal.epoch, "last_seq": journal.last_seq, "acked_seq": journal.acked_seq},
    }


def _budgets(controller: "Controller", now: float) -> dict[str, Any]:
    shown = {}
    for each in LengthClass:
        budget = throttle.refilled(
            controller.guesses.budgets[each], now, controller.guesses.risks[each].refill_s
        )
        shown[each.value] = {"tokens": round(budget.tokens, 2), "failures": budget.failures}
    return shown


def codes(controller: "Controller") -> list[dict[str, Any]]:
    """Every access code the lock holds, without digits, and whether it would open now."""
    holding, clock = controller.codes.holding, controller.clock.reading(controller.clocks.now())
    places = {access_code_id: place for place, access_code_id in enumerate(holding.table.ids[:-1])}
    listed = []
    for access_code_id, state in sorted(holding.states(), key=itemgetter(0)):
        place = places.get(access_code_id)
        reason = judge(holding.table, place, clock) if place is not None else None
        listed.append(
            {
                "access_code_id": access_code_id,
                "gen": state.gen,
                "is_managed": access_code_id not in holding.local,
                "state": state.state,
                "errors": [state.error.value] if state.error else [],
                "reason_now": _reason_text(reason, state.error),
                **_rules(holding.table, place),
            }
        )
    return listed


def _reason_text(reason: Reason | None, error: CodeError | None) -> str | None:
    if error is not None:
        return error.value
    return reason.value if reason else None


def _rules(table: CodeTable, place: int | None) -> Mapping[str, Any]:
    code = None if place is None else table.code_at(place)
    return {} if place is None or code is None else shown_rules(code, table.histories[place])


def facts(controller: "Controller") -> dict[str, Any]:
    """Everything `lockctl doctor` judges by."""
    return {
        **status(controller),
        "keys": controller.keys.shown(),
        "secrets_source": controller.settings.secrets_source,
        "secrets_off_disk": controller.settings.secrets_off_disk,
        "sqlite": {"version": sqlite3.sqlite_version, "quick_check": controller.store.database.quick_check()},
        "changed_codes": sum(
            state.error is CodeError.MAC_FAILED for _, state in controller.codes.holding.states()
        ),
        "emergency_code": controller.emergency.state(),
        "set_aside": set_aside_files(controller.store.database.path),
        "disk_free_bytes": controller.store.database.disk_free_bytes(),
        "throttle_risk": {
            each.value: {
                "chance_per_guess": risk.chance,
                "refill_s": risk.refill_s,
                "yearly_chance": risk.yearly,
                "is_bound_met": risk.is_bound_met,
                "allowed_per_year": controller.settings.risk_per_year,
            }
            for each, risk in controller.guesses.risks.items()
        },
        "length_that_meets": throttle.length_that_meets(
            len(controller.codes.holding.live_lengths),
            controller.settings.risk_per_year,
            len(controller.settings.constraints.digits),
        ),
        "is_offline_off": controller.guesses.budgets[LengthClass.LONG].failures > MOST_FAILURES,
        "constraints": controller.settings.constraints.published(),
        "config_path": controller.settings.config_path,
        "drivers": list(controller.settings.drivers),
        "readers": controller.readers.facts(),
    }
