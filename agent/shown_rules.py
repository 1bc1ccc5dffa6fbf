"""The rules of a code as `lockctl codes` gets them: what was defined, and what became of it here."""

from typing import Any

from agent.core.access_code import AccessCode, Kind
from agent.core.lifetime import History, ends_at, first_use_by
from agent.core.schedule import ALL_HOURS, Holiday, Schedule


def shown_rules(code: AccessCode, history: History) -> dict[str, Any]:
    """Never digits, and never that a code is one of duress: others may read over a shoulder."""
    kind = Kind.STANDARD if code.kind is Kind.DURESS else code.kind
    return {
        "kind": kind.value,
        "enabled": code.enabled,
        "starts_at": code.starts_at,
        "ends_at": code.ends_at,
        "max_uses": code.max_uses,
        "uses": history.uses,
        "first_used_at": history.first_used_at,
        "expires_after_first_use_s": code.expires_after_first_use_s,
        "first_use_within_s": code.first_use_within_s,
        "first_use_by": first_use_by(code, history),
        "over_at": ends_at(code, history),
        "works_without_clock": code.works_without_clock,
        "extended_release": code.extended_release,
        **(_schedule(code.schedule) if code.schedule else {"weekly": None, "zone": None, "holidays": None}),
    }


def _schedule(schedule: Schedule) -> dict[str, Any]:
    weekly = [
        {"days": sorted(each.days), "from": f"{each.begins:%H:%M}", "to": f"{each.ends:%H:%M}"}
        for each in schedule.weekly
    ]
    return {
        "weekly": None if schedule.weekly == ALL_HOURS else weekly,
        "zone": schedule.zone_name,
        "holidays": [_holiday(each) for each in schedule.holidays] or None,
    }


def _holiday(holiday: Holiday) -> dict[str, Any]:
    rule = "deny" if holiday.as_day is None else {"as_day": holiday.as_day}
    return {"date": holiday.day.isoformat(), "rule": rule}
