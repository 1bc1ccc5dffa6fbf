"""Reads what HTTP clients send: bodies, fields, times, numbers; an `ApiError` says what is wrong with it."""

import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect, Request

from cloud_sim import api_rules
from cloud_sim.access_codes import NewAccessCode
from cloud_sim.api_errors import ApiError

BODY_LIMIT_BYTES = 16 * 1024
NAME_LIMIT = 100
NAME_PATTERN = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$"
"""Any script, and nothing that would break or colour a line wherever the name is shown."""
LATEST_S = 253_402_300_799
"""9999-12-31T23:59:59Z, the last second ISO 8601 can write."""

_CODE = re.compile(r"[0-9]{4,8}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)


async def read_body(request: Request, limit: int = BODY_LIMIT_BYTES) -> bytes:
    """The body of a request, at most `limit` bytes of it in memory."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                raise _too_large(limit)
    except ClientDisconnect:
        raise ApiError(400, "MALFORMED_JSON", "the connection broke before the body was complete") from None
    return bytes(body)


async def read_object(request: Request, known: Collection[str]) -> dict[str, Any]:
    """The JSON object of a request with no fields but `known`. No body at all is an object without fields."""
    value = decoded(request, await read_body(request))
    check_known(value, known)
    return value


async def read_large_object(
    request: Request, large: str, limit: int, known: Collection[str] = ()
) -> dict[str, Any]:
    """The same, of at most `limit` bytes if it has the field `large`, which is known besides."""
    body = await read_body(request, limit)
    value = decoded(request, body)
    if large not in value and len(body) > BODY_LIMIT_BYTES:
        raise _too_large(BODY_LIMIT_BYTES)
    check_known(value, (*known, large))
    return value


def decoded(request: Request, body: bytes) -> dict[str, Any]:
    """The JSON object of a body."""
    content_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if body and content_type != "application/json":
        raise ApiError(415, "UNSUPPORTED_CONTENT_TYPE", "send JSON, with Content-Type: application/json")
    try:
        value = msgspec.json.decode(body or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # Not the decoder's own words: a newer one might quote the body.
        raise ApiError(400, "MALFORMED_JSON", "the body is not JSON; check quotes and commas") from None
    if not isinstance(value, dict):
        raise ApiError(400, "INVALID_BODY", "the body must be a JSON object: {...}")
    return value


def check_known(fields: Collection[str], known: Collection[str]) -> None:
    """Refuse fields that nobody knows: they may be rules that were misspelt."""
    for name in fields:
        if name not in known:
            listed = ", ".join(sorted(known))
            raise ApiError(400, "UNKNOWN_FIELD", f"unknown field {_shown(name)!r}; known fields: {listed}")


def _too_large(limit: int) -> ApiError:
    return ApiError(413, "BODY_TOO_LARGE", f"the body is larger than {limit} bytes; send less")


ACCESS_CODE_FIELDS = (
    *("name", "person_id", "code", "starts_at", "ends_at", "is_one_time_use", "works_without_clock"),
    *api_rules.FIELDS,
)


def new_access_code(fields: dict[str, Any], wall: float) -> NewAccessCode:
    """The access code a body of ACCESS_CODE_FIELDS asks for. Null is the same as left out.

    The lock counts whole seconds: starts_at is rounded down and ends_at up."""
    starts_at, ends_at = time_of(fields, "starts_at"), time_of(fields, "ends_at")
    _check_window(starts_at, ends_at, wall)
    is_one_time_use = flag_of(fields, "is_one_time_use")
    return NewAccessCode(
        name=name_of(fields),
        person_id=name_of(fields, "person_id"),
        code=_code(fields),
        starts_at=None if starts_at is None else (starts_at - _EPOCH) // _SECOND,
        ends_at=None if ends_at is None else -((_EPOCH - ends_at) // _SECOND),
        is_one_time_use=is_one_time_use,
        max_uses=api_rules.max_uses(fields, is_one_time_use=is_one_time_use),
        works_without_clock=flag_of(fields, "works_without_clock"),
        rules=api_rules.rules(fields),
    )


def name_of(fields: Mapping[str, Any], field: str = "name") -> str | None:
    """The field `name`, or another of its kind."""
    name = fields.get(field)
    if name is None:
        return None
    if not isinstance(name, str) or not 1 <= len(name) <= NAME_LIMIT or not is_name(name):
        message = f"{field} must be a string of 1 to {NAME_LIMIT} printable characters"
        raise ApiError(400, "INVALID_NAME", message)
    return name


def is_name(text: str) -> bool:
    """Whether it can be shown in one line."""
    return re.fullmatch(NAME_PATTERN, text) is not None


def number(request: Request, name: str, default: int, least: int, most: int) -> int:
    """A whole number of the query."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if not re.fullmatch(r"[0-9]{1,18}", text) or not least <= int(text) <= most:
        raise ApiError(400, "INVALID_QUERY", f"{name} must be a whole number from {least} to {most}")
    return int(text)


def _code(fields: dict[str, Any]) -> str | None:
    code = fields.get("code")
    if code is None:
        return None
    if not isinstance(code, str) or _CODE.fullmatch(code) is None:
        message = (
            'code must be a string of 4 to 8 digits, like "0417" (leading zeros count);'
            " leave it out to be given one"
        )
        raise ApiError(400, "INVALID_CODE", message)
    return code


def flag_of(fields: Mapping[str, Any], name: str) -> bool:
    """A field that is true or false; left out it is false."""
    value = fields.get(name)
    if value is not None and not isinstance(value, bool):
        raise ApiError(400, "INVALID_FLAG", f"{name} must be true or false")
    return bool(value)


def time_of(fields: Mapping[str, Any], name: str) -> datetime | None:
    """A field that is a time."""
    value = fields.get(name)
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        message = f"{name} must be an ISO 8601 time with an offset, like 2030-01-31T14:00:00Z"
        raise ApiError(400, "INVALID_TIME", message)
    if not 0 <= (moment - _EPOCH) / _SECOND <= LATEST_S:
        raise ApiError(400, "INVALID_TIME", f"{name} must be between the years 1970 and 9999")
    return moment


def _check_window(starts_at: datetime | None, ends_at: datetime | None, wall: float) -> None:
    if ends_at is not None and (ends_at - _EPOCH) / _SECOND <= wall:
        raise ApiError(400, "ENDS_IN_PAST", "ends_at is over already; give a time in the future")
    if starts_at is not None and ends_at is not None and ends_at <= starts_at:
        raise ApiError(400, "INVALID_WINDOW", "ends_at must be after starts_at")


def _shown(name: str) -> str:
    # A client that mixes keys up may send digits as one; they must not come back in a message that is logged.
    return "".join("?" if character.isdigit() else character for character in name[:40])
