"""The rules of a code beyond window and uses, each in a line of words."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def rule_texts(code: Mapping[str, Any]) -> Iterator[str]:
    """One text for each rule there is. An older agent knows fewer."""
    weekly, zone, holidays = code.get("weekly"), code.get("zone"), code.get("holidays")
    if weekly:
        yield f"{'; '.join(map(_hours, weekly))} ({zone})"
    if holidays:
        yield f"{', '.join(map(_holiday, holidays))} ({zone})"
    if code.get("expires_after_first_use_s"):
        yield _after_first_use(code)
    if code.get("first_use_within_s"):
        yield _first_use(code)
    if code.get("works_without_clock"):
        yield "works without a clock"
    if code.get("extended_release"):
        yield "extended release"


def _hours(row: Mapping[str, Any]) -> str:
    return f"{_days(row['days'])} {row['from']} to {row['to']}"


def _days(days: Sequence[int]) -> str:
    if len(days) > 2 and days[-1] - days[0] == len(days) - 1:
        return f"{_DAYS[days[0] - 1]}-{_DAYS[days[-1] - 1]}"
    return ", ".join(_DAYS[day - 1] for day in days)


def _holiday(holiday: Mapping[str, Any]) -> str:
    rule = holiday["rule"]
    return f"{holiday['date']} {'closed' if rule == 'deny' else 'like ' + _DAYS[rule['as_day'] - 1]}"


def _after_first_use(code: Mapping[str, Any]) -> str:
    if code["first_used_at"] is None:
        return f"over {code['expires_after_first_use_s']} s after its first use"
    return f"first used {_instant(code['first_used_at'])}, over {_instant(code['over_at'])}"


def _first_use(code: Mapping[str, Any]) -> str:
    if code["uses"]:
        return "first used in time"
    if code["first_use_by"] is None:
        return f"first use within {code['first_use_within_s']} s"
    return f"first use before {_instant(code['first_use_by'])}"


def _instant(unix_s: float) -> str:
    return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
