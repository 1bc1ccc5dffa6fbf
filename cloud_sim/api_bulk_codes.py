"""The HTTP API's way in for many access codes at once: all of them, as one revision, or none."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from cloud_sim import access_codes, api_fields
from cloud_sim.access_codes import Full, NewAccessCode, Refused
from cloud_sim.api_errors import ApiError

if TYPE_CHECKING:
    from cloud_sim.device_cloud_api import Cloud

CODES_AT_ONCE = 1000
BODY_LIMIT_BYTES = 512 * 1024
CREATE, DELETE = "access_codes", "access_code_ids"
"""The field that makes a request one for many codes; it stands alone."""

Item = TypeVar("Item")


def is_bulk(fields: dict[str, Any]) -> bool:
    """Whether the body of a POST asks for many codes; it then says nothing else."""
    if CREATE not in fields:
        return False
    if len(fields) > 1:
        raise ApiError(400, "INVALID_BODY", f"{CREATE} stands alone; put the other fields into its items")
    return True


def new_codes(
    fields: dict[str, Any], wall: float, check: Callable[[NewAccessCode], None]
) -> list[NewAccessCode]:
    """The codes a body asks for, each as a body of its own would; `check` may object to one. An ApiError
    names every item that is wrong."""

    def read(item: object) -> NewAccessCode:
        if not isinstance(item, dict):
            raise ApiError(400, "INVALID_BODY", "an access code must be a JSON object: {...}")
        api_fields.check_known(item, api_fields.ACCESS_CODE_FIELDS)
        wanted = api_fields.new_access_code(item, wall)
        check(wanted)
        return wanted

    return _each(CREATE, _items(fields, CREATE), read)


def rows_to_delete(cloud: "Cloud", lock_id: str, fields: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of the codes a body names, each once; an ApiError names every one that the lock has not."""

    def read(access_code_id: object) -> dict[str, Any]:
        row = access_codes.find(cloud.database, str(access_code_id))
        if row is None or row["lock_id"] != lock_id:
            raise ApiError(404, "ACCESS_CODE_NOT_FOUND", "this lock has no access code with this id")
        return row

    rows = _each(DELETE, _items(fields, DELETE), read)
    return list({row["access_code_id"]: row for row in rows}.values())


def refusal(refused: Refused, as_one: Callable[[access_codes.Taken | Full], ApiError]) -> ApiError:
    """Why none of the codes was created; `as_one`: the words for one."""
    if isinstance(refused.why, int):
        message = f"{CREATE}[{refused.why}] has the same digits; give each code its own, or leave code out"
        return _summed([(refused.index, ApiError(409, "PIN_CONFLICT", message))], CREATE)
    return _summed([(refused.index, as_one(refused.why))], CREATE)


def _items(fields: dict[str, Any], name: str) -> list[Any]:
    items = fields.get(name)
    if not isinstance(items, list) or not 1 <= len(items) <= CODES_AT_ONCE:
        raise ApiError(400, "INVALID_BODY", f"{name} must be a list of 1 to {CODES_AT_ONCE} items")
    return items


def _each(name: str, items: Sequence[object], read: Callable[[object], Item]) -> list[Item]:
    read_items: list[Item] = []
    errors: list[tuple[int, ApiError]] = []
    for index, item in enumerate(items):
        try:
            read_items.append(read(item))
        except ApiError as error:
            errors.append((index, error))
    if errors:
        raise _summed(errors, name)
    return read_items


def _summed(errors: Sequence[tuple[int, ApiError]], name: str) -> ApiError:
    """The first of them, and in `errors` all, by place."""
    index, first = errors[0]
    listed = [
        {"index": place, "error_code": error.error_code, "message": error.message, **error.details}
        for place, error in errors
    ]
    message = f"{name}[{index}]: {first.message}; nothing was changed"
    details = {**first.details, "index": index, "errors": listed}
    return ApiError(first.status, first.error_code, message, details=details)


def batches(ids: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    """The ids in lists of at most `size`."""
    for start in range(0, len(ids), size):
        yield ids[start : start + size]
