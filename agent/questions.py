"""Answers what people ask at the control socket, and what the cloud is told of the lock's state."""

import sqlite3
from collections.abc import Mapping
from operator import itemgetter
from typing import Any

from agent.asked import Asked
from agent.core import throttle
from agent.core.access_code import CodeError
from agent.core.decision import Reason, judge
from agent.core.throttle import LengthClass
from agent.core.timekeeping import Trust
from agent.core.verifier import CodeTable
from agent.offline_side import MOST_FAILURES
from agent.parts import Parts
from agent.set_aside import set_aside_files
from agent.shown_rules import shown_rules

MAX_ROWS = 1000
LAST_SEQ = 2**53
"""No journal row has a higher number."""


def answer(parts: Parts, asked: Asked) -> None:
    """Answer one question; questions change nothing. Controller thread."""
    match asked.verb:
        case "status":
            asked.answer(status(parts))
        case "codes":
            asked.answer({"codes": codes(parts)})
        case "journal":
            _journal(parts, asked)
        case "facts":
            asked.answer(facts(parts))
        case "watch":
            asked.answer(status(parts))
            parts.recorder.watch(asked.answer)
        case _:
            asked.answer.refuse(
                "unknown_verb",
                f"no verb {asked.verb!r}; there are status, codes, journal, facts, watch, command, code_add, "
                "code_remove, clock_set, reader_install, reader_rekey, reader_comset",
            )


def _journal(parts: Parts, asked: Asked) -> None:
    limit, after = asked.args.get("limit", 50), asked.args.get("after")
    if type(limit) is not int or not 1 <= limit <= MAX_ROWS:
        asked.answer.refuse("bad_argument", f"limit must be a whole number from 1 to {MAX_ROWS}")
    elif after is not None and (type(after) is not int or not 0 <= after <= LAST_SEQ):
        asked.answer.refuse("bad_argument", "after must be the number (seq) of a journal row")
    else:
        asked.answer({"rows": parts.store.journal.shown(limit, after)})


def status_fields(parts: Parts) -> dict[str, Any]:
    """What the cloud is told at each change (see `messages.Status`)."""
    revision = parts.codes.revision
    return {
        "agent_version": parts.version,
        "clock": parts.clock.reading(parts.clocks.now()).trust.value,
        "strike": parts.door.strike.said(),
        "door": parts.door.door.contact.value,
        "mode": parts.commands.mode.value,
        "release_s": parts.door.release_s,
        "settings": parts.commands.settings.digest,
        "alarms": [
            *parts.door.alarms(),
            *parts.readers.alarms(),
            *parts.conditions.alarms(),
        ],
        "links": dict(parts.door.links),
        "set_epoch": revision.set_epoch,
        "applied_rev": revision.applied_rev,
        "offline_rev": parts.offline.rev,
        "keys_rev": parts.keys.rev,
        "cloud_kid": parts.keys.newest_signer,
    }


def status(parts: Parts) -> dict[str, Any]:
    """What a technician looks at first."""
    now = parts.clocks.now()
    clock, journal, revision = (
        parts.clock.reading(now),
        parts.store.journal,
        parts.codes.revision,
    )
    known = clock.trust is not Trust.UNKNOWN
    return {
        "device_id": parts.settings.device_id,
        **status_fields(parts),
        "mode_by": parts.commands.modes.standing.by,
        "mode_until_s": parts.commands.modes.ends_s(now),
        "uptime_s": round(now - parts.started_s, 1),
        "clock": {
            "trust": clock.trust.value,
            "wall_s": round(clock.wall_s, 3) if known else None,
            "bound_s": round(clock.bound_s, 3) if known else None,
            "floor_s": clock.floor_s,
            "rtc_fault": parts.clock.rtc_fault,
        },
        "uplink": {
            "connected": parts.cloud.state.is_up,
            "since_s": round(now - parts.cloud.changed_s, 1),
            "reason": parts.cloud.state.reason,
            "silent_s": round(parts.freshness.silent_s(now), 1),
            "is_stale": parts.freshness.is_stale,
        },
        "code_set": {
            "set_epoch": revision.set_epoch,
            "applied_rev": revision.applied_rev,
            "head_rev": revision.highest_rev,
            "count": len(parts.codes.holding) - len(parts.codes.holding.local),
            "local": len(parts.codes.holding.local),
            "syncing": parts.codes.is_syncing,
            "withheld_rev": parts.freshness.withheld_rev(now),
        },
        "throttle": _budgets(parts, now),
        "journal": {"epoch": journal.epoch, "last_seq": journal.last_seq, "acked_seq": journal.acked_seq},
    }


def _budgets(parts: Parts, now: float) -> dict[str, Any]:
    shown = {}
    for each in LengthClass:
        budget = throttle.refilled(parts.guesses.budgets[each], now, parts.guesses.risks[each].refill_s)
        shown[each.value] = {"tokens": round(budget.tokens, 2), "failures": budget.failures}
    return shown


def codes(parts: Parts) -> list[dict[str, Any]]:
    """Every access code the lock holds, without digits, and whether it would open now."""
    holding, clock = parts.codes.holding, parts.clock.reading(parts.clocks.now())
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


def facts(parts: Parts) -> dict[str, Any]:
    """Everything `lockctl doctor` judges by."""
    return {
        **status(parts),
        "keys": parts.keys.shown(),
        "secrets_source": parts.settings.secrets_source,
        "secrets_off_disk": parts.settings.secrets_off_disk,
        "root_secret_stage": parts.settings.root_stage(),
        "sqlite": {"version": sqlite3.sqlite_version, "quick_check": parts.store.database.quick_check()},
        "changed_codes": sum(
            state.error is CodeError.MAC_FAILED for _, state in parts.codes.holding.states()
        ),
        "emergency_code": parts.emergency.state(),
        "set_aside": set_aside_files(parts.store.database.path),
        "disk_free_bytes": parts.store.database.disk_free_bytes(),
        "throttle_risk": {
            each.value: {
                "chance_per_guess": risk.chance,
                "refill_s": risk.refill_s,
                "yearly_chance": risk.yearly,
                "is_bound_met": risk.is_bound_met,
                "allowed_per_year": parts.settings.risk_per_year,
            }
            for each, risk in parts.guesses.risks.items()
        },
        "length_that_meets": throttle.length_that_meets(
            len(parts.codes.holding.live_lengths),
            parts.settings.risk_per_year,
            len(parts.settings.constraints.digits),
        ),
        "long_chance_until_off": throttle.chance_of(
            parts.guesses.risks[LengthClass.LONG].chance, MOST_FAILURES + 1
        ),
        "is_offline_off": parts.guesses.budgets[LengthClass.LONG].failures > MOST_FAILURES,
        "constraints": parts.settings.constraints.published(),
        "config_path": parts.settings.config_path,
        "drivers": list(parts.settings.drivers),
        "readers": parts.readers.facts(),
    }
