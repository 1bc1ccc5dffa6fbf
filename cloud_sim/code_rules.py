"""The rules of an access code beyond its window: as kept, as a lock is told, as people are shown them."""

import json
from dataclasses import dataclass
from typing import Any

_NUMBERS = ("expires_after_first_use_s", "first_use_within_s")
_LISTS = ("weekly", "holidays")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a lock enforces besides the window; None is no such rule. `weekly` and `holidays` are JSON lists
    as in `agent.core.schedule_fields`, `zone` is the IANA name they are meant in."""

    kind: str = "standard"
    enabled: bool = True
    extended_release: bool = False
    expires_after_first_use_s: int | None = None
    first_use_within_s: int | None = None
    weekly: list[Any] | None = None
    zone: str | None = None
    holidays: list[Any] | None = None


COLUMNS = ("kind", "enabled", "extended_release", *_NUMBERS, "zone", *_LISTS)


def columns(rules: Rules) -> dict[str, object]:
    """The values of a row of `access_codes`."""
    return {
        "kind": rules.kind,
        "enabled": int(rules.enabled),
        "extended_release": int(rules.extended_release),
        "expires_after_first_use_s": rules.expires_after_first_use_s,
        "first_use_within_s": rules.first_use_within_s,
        "weekly": _text(rules.weekly),
        "zone": rules.zone,
        "holidays": _text(rules.holidays),
    }


def told(row: dict[str, Any]) -> dict[str, Any]:
    """The fields of the definition that a lock gets; what rules nothing is left out (None)."""
    has_schedule = row["weekly"] is not None or row["holidays"] is not None
    return {
        "kind": row["kind"],
        "enabled": None if row["enabled"] else False,
        "extended_release": True if row["extended_release"] else None,
        "zone": row["zone"] if has_schedule else None,
        **{name: row[name] for name in _NUMBERS},
        **{name: _value(row[name]) for name in _LISTS},
    }


def shown(row: dict[str, Any]) -> dict[str, Any]:
    """The fields of an answer, all of them."""
    return {
        "kind": row["kind"],
        "enabled": bool(row["enabled"]),
        "extended_release": bool(row["extended_release"]),
        "max_uses": row["max_uses"],
        "uses": row["uses"],
        "zone": row["zone"],
        **{name: row[name] for name in _NUMBERS},
        **{name: _value(row[name]) for name in _LISTS},
    }


def _text(value: list[Any] | None) -> str | None:
    return None if value is None else json.dumps(value, sort_keys=True, separators=(",", ":"))


def _value(text: str | None) -> list[Any] | None:
    if text is None:
        return None
    value: list[Any] = json.loads(text)
    return value
