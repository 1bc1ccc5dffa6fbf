"""Typed declarations of what an operation takes, and the reading of a request by them."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from cloud_sim.api_fields import NAME_LIMIT, NAME_PATTERN, is_name
from cloud_sim.seam.errors import invalid_input

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATEST_S = 253_402_300_799
"""9999-12-31T23:59:59Z, the last second ISO 8601 can write."""

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Wrong(Exception):
    """A value does not fit its declaration; caught by `read`, which answers 400 with the words of it."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What a value must be. `check` returns the value as the operation wants it, or raises Wrong.

    `from_text` makes JSON of what a query says, each occurrence one text; an empty one is null."""

    check: Callable[[Any], Any]
    from_text: Callable[[Sequence[str]], Any]
    schema: Mapping[str, Any]
    """The same as JSON Schema, for the API's description."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One field of a request. Null for an optional one reaches the operation as None."""

    name: str
    kind: Kind
    is_required: bool = False


def required(name: str, kind: Kind) -> Parameter:
    """A field that must be there."""
    return Parameter(name, kind, is_required=True)


def read(
    declared: Sequence[Parameter], query: Mapping[str, Sequence[str]], body: Mapping[str, Any]
) -> dict[str, Any]:
    """The declared fields that were given; the body's wins over the query's, and unknown ones are ignored.

    Raises SeamError naming every field that is wrong."""
    given: dict[str, Any] = {}
    issues: dict[str, str] = {}
    for parameter in declared:
        try:
            _read_one(parameter, query, body, given)
        except Wrong as wrong:
            issues[parameter.name] = str(wrong)
    if issues:
        raise invalid_input(issues)
    return given


def _read_one(
    parameter: Parameter,
    query: Mapping[str, Sequence[str]],
    body: Mapping[str, Any],
    given: dict[str, Any],
) -> None:
    name = parameter.name
    if name in body:
        value = body[name]
    elif name in query:
        value = parameter.kind.from_text(query[name])
    else:
        value = None
    if value is None and parameter.is_required:
        raise Wrong("Required")
    if value is not None:
        given[name] = parameter.kind.check(value)
    elif name in body or name in query:
        given[name] = None


def text(least: int = 0, most: int = 10_000) -> Kind:
    """A string of so many characters."""

    def check(value: Any) -> str:
        string = _string(value)
        if len(string) < least:
            raise Wrong(f"String must contain at least {least} character(s)")
        if len(string) > most:
            raise Wrong(f"String must contain at most {most} character(s)")
        return string

    return Kind(check, _last, {"type": "string", "minLength": least, "maxLength": most})


def label() -> Kind:
    """A name that people give something."""
    of_length = text(1, NAME_LIMIT)

    def check(value: Any) -> str:
        string = str(of_length.check(value))
        if not is_name(string):
            raise Wrong("Must be printable characters, without line breaks and the like")
        return string

    return Kind(check, _last, {**of_length.schema, "pattern": NAME_PATTERN})


def digits(least: int, most: int) -> Kind:
    """A code: so many digits. No message holds any of them."""

    def check(value: Any) -> str:
        if re.fullmatch(rf"[0-9]{{{least},{most}}}", _string(value)) is None:
            raise Wrong(f"Must be {least} to {most} digits")
        return str(value)

    return Kind(check, _last, {"type": "string", "pattern": f"^[0-9]{{{least},{most}}}$"})


def choice(*allowed: str) -> Kind:
    """One of a few strings."""

    def check(value: Any) -> str:
        if value not in allowed:
            raise Wrong("Invalid enum value. Expected " + " | ".join(f"'{one}'" for one in allowed))
        return str(value)

    return Kind(check, _last, {"type": "string", "enum": list(allowed)})


def whole(least: int, most: int) -> Kind:
    """A whole number in a range, both ends included; in JSON a number, not a string."""

    def check(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Wrong(f"Expected number, received {_type_of(value)}")
        if value != value or value in (float("inf"), float("-inf")) or value != int(value):
            raise Wrong("Expected integer, received float")
        if not least <= value <= most:
            raise Wrong(f"Number must be from {least} to {most}")
        return int(value)

    return Kind(check, _number, {"type": "integer", "minimum": least, "maximum": most})


def many(kind: Kind) -> Kind:
    """A list of them. A query repeats the name, or separates by commas."""

    def check(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise Wrong(f"Expected array, received {_type_of(value)}")
        return [kind.check(one) for one in value]

    def from_text(texts: Sequence[str]) -> list[Any]:
        parts = texts[0].split(",") if len(texts) == 1 else texts
        return [kind.from_text([part]) for part in parts if part]

    return Kind(check, from_text, {"type": "array", "items": kind.schema})


def _check_uuid(value: Any) -> str:
    if _UUID.fullmatch(_string(value)) is None:
        raise Wrong("Invalid uuid")
    return str(value).lower()


def _check_flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Wrong(f"Expected boolean, received {_type_of(value)}")
    return value


def _check_time(value: Any) -> datetime:
    """A date alone is its first moment in UTC; a time without an offset could be anybody's."""
    string = _string(value)
    try:
        moment = datetime.fromisoformat(string)
        if _DATE.fullmatch(string):
            moment = moment.replace(tzinfo=UTC)
        if moment.tzinfo is None:
            raise Wrong("Invalid date: give an offset, like 2030-01-31T14:00:00Z")
        if not timedelta(0) <= moment - EPOCH <= timedelta(seconds=LATEST_S):
            raise Wrong("Invalid date: give one between the years 1970 and 9999")
    except (ValueError, OverflowError):
        raise Wrong("Invalid date: give ISO 8601, like 2030-01-31T14:00:00Z") from None
    return moment


def _check_object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Wrong(f"Expected object, received {_type_of(value)}")
    return value


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise Wrong(f"Expected string, received {_type_of(value)}")
    return value


def _type_of(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    names: dict[type, str] = {str: "string", int: "number", float: "number", list: "array", dict: "object"}
    return names.get(type(value), "null")


def _last(texts: Sequence[str]) -> str | None:
    return texts[-1] or None


def _number(texts: Sequence[str]) -> int | float | str | None:
    """As ECMAScript writes numbers; what is no number stays the text that it is."""
    if re.fullmatch(r"-?[0-9]{1,18}", texts[-1]):
        return int(texts[-1])
    if re.fullmatch(r"-?[0-9]{1,18}(\.[0-9]{1,18})?(e[+-]?[0-9]{1,3})?", texts[-1]):
        return float(texts[-1])
    return texts[-1] or None


def _flag_text(texts: Sequence[str]) -> bool | str | None:
    named = {"true": True, "false": False, "": None}
    return named.get(texts[-1], texts[-1])


def _object_text(texts: Sequence[str]) -> dict[str, Any] | str | None:
    try:
        return msgspec.json.decode(texts[-1], type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError):
        return _last(texts)


UUID = Kind(_check_uuid, _last, {"type": "string", "format": "uuid"})
FLAG = Kind(_check_flag, _flag_text, {"type": "boolean"})
TIME = Kind(_check_time, _last, {"type": "string", "anyOf": [{"format": "date-time"}, {"format": "date"}]})
"""An aware datetime."""
OBJECT = Kind(_check_object, _object_text, {"type": "object"})
"""In a query the texts of its fields, see `dispatch`."""
