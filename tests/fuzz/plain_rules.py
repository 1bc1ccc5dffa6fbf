"""What an access code permits, as its rules are written for people; none of it is the lock's own code."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from agent.zones import zone_named

OPENING = ("standard", "duress", "passage")
"""The kinds that open."""
_NUMBERS = ("starts_at", "ends_at", "max_uses", "expires_after_first_use_s", "first_use_within_s")
_FLAGS = ("works_without_clock", "is_external_modification_allowed", "enabled", "extended_release")
_FIELDS = {
    "access_code_id",
    "gen",
    "code_rev",
    "kind",
    "code",
    "name",
    "weekly",
    "zone",
    "holidays",
    *_NUMBERS,
    *_FLAGS,
}

Row = Mapping[str, Any]

DEEPEST = 32
"""Lists and objects within each other that a message may have."""


def depth(value: Any) -> int:
    """How many lists and objects stand within each other, going down level by level."""
    level, levels = [value], 0
    while level := [one for one in level if isinstance(one, dict | list)]:
        levels += 1
        level = [one for each in level for one in (each.values() if isinstance(each, dict) else each)]
    return levels


def permits(row: Row, wall_s: float) -> bool:
    """Whether a definition that was never used lets its digits open at `wall_s`, or begin programming."""
    said = {name: value for name, value in row.items() if value is not None or name in ("code", "name")}
    if not said.keys() <= _FIELDS or not is_code(said.get("code")) or not _is_typed(said):
        return False
    starts_at, ends_at = said.get("starts_at", 0), said.get("ends_at", 2**40)
    is_window = starts_at < ends_at and starts_at <= wall_s < ends_at
    is_first_use = "starts_at" not in said or wall_s < starts_at + said.get("first_use_within_s", 2**60)
    return is_window and is_first_use and said.get("enabled", True) and _is_hour(said, wall_s)


def is_code(code: Any) -> bool:
    """Whether these can be the digits of a code."""
    if not isinstance(code, str) or not 4 <= len(code) <= 8 or not set(code) <= set("0123456789"):
        return False
    runs = "01234567890"
    return len(set(code)) > 1 and code not in runs and code[::-1] not in runs


def _is_typed(said: Row) -> bool:
    numbers = {"gen": 1, "code_rev": 1, **dict.fromkeys(_NUMBERS, 1), "starts_at": 0, "ends_at": 0}
    return (
        isinstance(said.get("access_code_id"), str)
        and {"gen", "code_rev"} <= said.keys()
        and all(
            type(said[name]) is int and least <= said[name] <= 2**40
            for name, least in numbers.items()
            if name in said
        )
        and all(type(said[name]) is bool for name in _FLAGS if name in said)
        and said.get("kind") in (*OPENING, "programming")
    )


def _is_hour(said: Row, wall_s: float) -> bool:
    if "weekly" not in said and "holidays" not in said:
        return True
    zone = zone_named(said["zone"]) if isinstance(said.get("zone"), str) else None
    weekly = said.get("weekly", [{"days": [1, 2, 3, 4, 5, 6, 7], "from": "00:00", "to": "00:00"}])
    if zone is None or not _are_hours(weekly) or not _are_holidays(said):
        return False
    now = datetime.fromtimestamp(wall_s, zone)
    clock = f"{now:%H:%M}"
    today, yesterday = (_counts_as(said, now - timedelta(days=ago)) for ago in (0, 1))
    return any(
        (
            today in each["days"]
            and each["from"] <= clock
            and (clock < each["to"] or each["to"] <= each["from"])
        )
        or (yesterday in each["days"] and each["to"] <= each["from"] and clock < each["to"])
        for each in weekly
    )


def _are_hours(weekly: Any) -> bool:
    return isinstance(weekly, list) and 1 <= len(weekly) <= 28 and all(map(_are_entry, weekly))


def _are_entry(each: Any) -> bool:
    if not isinstance(each, dict) or each.keys() != {"days", "from", "to"}:
        return False
    days = each["days"]
    are_days = (
        isinstance(days, list) and days != [] and all(type(day) is int and 1 <= day <= 7 for day in days)
    )
    return are_days and len(set(days)) == len(days) and all(_is_time(each[name]) for name in ("from", "to"))


def _is_time(text: Any) -> bool:
    return isinstance(text, str) and text in {
        f"{hour:02}:{minute:02}" for hour in range(24) for minute in range(60)
    }


def _are_holidays(said: Row) -> bool:
    holidays = said.get("holidays", [])
    if not isinstance(holidays, list) or len(holidays) > 100 or ("holidays" in said and not holidays):
        return False
    if not all(isinstance(each, dict) and each.keys() == {"date", "rule"} for each in holidays):
        return False
    dates = [each["date"] for each in holidays]
    return (
        all(map(_is_date, dates))
        and len(set(dates)) == len(dates)
        and all(_is_rule(each["rule"]) for each in holidays)
    )


def _is_date(text: Any) -> bool:
    # Not by strftime: it writes years before 1000 without their zeros.
    try:
        return isinstance(text, str) and date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _is_rule(rule: Any) -> bool:
    as_day = rule.get("as_day") if isinstance(rule, dict) and rule.keys() == {"as_day"} else None
    return rule == "deny" or (type(as_day) is int and 1 <= as_day <= 7)


def _counts_as(said: Row, day: datetime) -> int | None:
    for each in said.get("holidays", []):
        if each["date"] == day.date().isoformat():
            return None if each["rule"] == "deny" else int(each["rule"]["as_day"])
    return day.isoweekday()
