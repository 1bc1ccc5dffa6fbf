"""Reads the rules of an access code that HTTP clients send; an `ApiError` names the field that is wrong."""

from typing import Any

from agent.core.access_code import Kind
from agent.core.schedule_fields import schedule_of
from agent.zones import zone_named
from cloud_sim.api_errors import ApiError
from cloud_sim.code_rules import Rules

MOST_USES = 1_000_000
LONGEST_S = 10 * 366 * 24 * 3600
FIELDS = (
    "kind",
    "max_uses",
    "enabled",
    "extended_release",
    "expires_after_first_use_s",
    "first_use_within_s",
    "weekly",
    "zone",
    "holidays",
)


def rules(fields: dict[str, Any]) -> Rules:
    """The rules a body asks for. Null is the same as left out."""
    _check_schedule(fields)
    return Rules(
        kind=_kind(fields),
        enabled=_flag(fields, "enabled", absent=True),
        extended_release=_flag(fields, "extended_release", absent=False),
        expires_after_first_use_s=_number(fields, "expires_after_first_use_s", LONGEST_S),
        first_use_within_s=_number(fields, "first_use_within_s", LONGEST_S),
        weekly=fields.get("weekly"),
        zone=fields.get("zone"),
        holidays=fields.get("holidays"),
    )


def max_uses(fields: dict[str, Any], *, is_one_time_use: bool) -> int | None:
    """How often a code may open; None for any number."""
    number = _number(fields, "max_uses", MOST_USES)
    if is_one_time_use and number not in (None, 1):
        message = "max_uses contradicts is_one_time_use, which is one use; leave one of the two out"
        raise ApiError(400, "INVALID_NUMBER", message)
    return 1 if is_one_time_use else number


def _kind(fields: dict[str, Any]) -> str:
    kind = fields.get("kind")
    if kind is None:
        return Kind.STANDARD.value
    if not isinstance(kind, str) or kind not in {each.value for each in Kind}:
        listed = ", ".join(each.value for each in Kind)
        raise ApiError(400, "INVALID_KIND", f"kind must be one of {listed}")
    return kind


def _flag(fields: dict[str, Any], name: str, *, absent: bool) -> bool:
    value = fields.get(name)
    if value is None:
        return absent
    if not isinstance(value, bool):
        raise ApiError(400, "INVALID_FLAG", f"{name} must be true or false")
    return value


def _number(fields: dict[str, Any], name: str, most: int) -> int | None:
    value = fields.get(name)
    if value is not None and (type(value) is not int or not 1 <= value <= most):
        raise ApiError(400, "INVALID_NUMBER", f"{name} must be a whole number from 1 to {most}")
    return value


def _check_schedule(fields: dict[str, Any]) -> None:
    try:
        schedule = schedule_of(fields, zone_named)
    except ValueError as error:
        raise ApiError(400, "INVALID_SCHEDULE", str(error)) from None
    zone = fields.get("zone")
    if zone is not None and (not isinstance(zone, str) or zone_named(zone) is None):
        message = 'zone must be the IANA name of a time zone, like "Europe/Berlin"'
        raise ApiError(400, "INVALID_SCHEDULE", message)
    if schedule is not None and fields.get("works_without_clock"):
        message = (
            "works_without_clock does not go with weekly or holidays: a lock that does not know the time"
            " cannot keep hours"
        )
        raise ApiError(400, "INVALID_SCHEDULE", message)
