"""Takes every request of the Seam API to its operation, whatever verb a generation of SDKs uses for it."""

import hmac
import math
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from cloud_sim import api_fields, locks
from cloud_sim.api_errors import ApiError
from cloud_sim.database import Database
from cloud_sim.device_cloud_api import Cloud
from cloud_sim.seam import description, parameters, shapes
from cloud_sim.seam.errors import SeamError, invalid_input, respond

BASE_PATH = "/seam"

_OF_OBJECT = re.compile(r"([^.\[]+)(?:\.(.+)|\[(.+)\])", re.DOTALL)
"""`custom_metadata_has.key`, as SDKs send it, or `custom_metadata_has[key]`, as OpenAPI describes it."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request as an operation sees it; on the event loop's thread."""

    cloud: Cloud
    given: Mapping[str, Any]
    """The declared parameters that were sent; None for an explicit null."""
    url: str
    """Where this request went, without its query: what the next page is asked at."""

    @property
    def database(self) -> Database:
        """The cloud's database."""
        return self.cloud.database

    @property
    def wall(self) -> float:
        """Unix seconds."""
        return self.cloud.wall()

    def count(self, kind: str, device_ids: Sequence[str]) -> None:
        """Count one request of `kind` (see `rate_limits`) at each device; 429 before anything is changed."""
        limits = self.cloud.rate_limits
        wait_s = 0.0 if limits is None else limits.take(kind, device_ids, time.monotonic())
        if wait_s > 0.0:
            seconds = math.ceil(wait_s)
            message = f"too many {kind} at this device within a minute; try again in {seconds} s"
            raise SeamError(429, "rate_limit_exceeded", message, headers={"Retry-After": str(seconds)})

    def tell(self, lock_id: str) -> None:
        """Let the lock know that its codes changed; one without keys learns of it when it enrols."""
        if lock_id in locks.enrolled_lock_ids(self.database):
            self.cloud.downlink.manifest(lock_id)


Answer = Callable[[Call], dict[str, Any] | Awaitable[dict[str, Any]]]
"""Does what was asked; one that must wait for a lock lets others be served meanwhile."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One path. `answer` returns the keys of a success, `ok` comes by itself, or raises SeamError."""

    path: str
    verbs: frozenset[str]
    declared: Sequence[parameters.Parameter]
    answer: Answer
    answers: Mapping[str, shapes.Schema]
    """The shape of each key of a success."""
    is_open: bool = False
    """Answers without an API key."""


def operation(
    path: str,
    verbs: str,
    answer: Answer,
    *declared: parameters.Parameter,
    answers: Mapping[str, shapes.Schema] = shapes.NOTHING,
    is_open: bool = False,
) -> Operation:
    """`verbs` separated by blanks, as the API's description lists them."""
    return Operation(path, frozenset(verbs.split()), declared, answer, answers, is_open)


def seam_app(cloud: Cloud, api_key: str, operations: Iterable[Operation]) -> Starlette:
    """The application to mount at `/seam`."""
    by_path = {one.path: one for one in operations}

    class Endpoint:
        """Any path, any verb."""

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            response = await _dispatch(cloud, api_key, by_path, Request(scope, receive))
            await response(scope, receive, send)

    return Starlette(
        routes=[Route("/{path:path}", Endpoint())],
        exception_handlers={SeamError: _refused, ApiError: _unreadable, Exception: _bug},
    )


async def _dispatch(
    cloud: Cloud, api_key: str, by_path: Mapping[str, Operation], request: Request
) -> Response:
    path = "/" + request.path_params["path"].strip("/")
    found = by_path.get(path)
    if request.method == "OPTIONS" and found is not None:
        return respond(None, 204, _allow(found))
    if path == description.PATH and request.method in ("GET", "HEAD"):
        return respond(description.description(by_path.values(), request.scope["root_path"]))
    if found is None or not found.is_open:
        _check_key(request, api_key)
    if found is None:
        raise SeamError(404, "not_found", "there is no operation at this path; docs/seam-api.md lists all")
    if request.method not in found.verbs and not _is_head(request, found):
        message = f"{request.method} is not possible here; use {' or '.join(sorted(found.verbs))}"
        raise SeamError(405, "method_not_allowed", message, headers=_allow(found))
    query, body = _query(request), await _body(request)
    given = parameters.read(found.declared, query, body)
    url = str(request.url.replace(query=""))
    answer = found.answer(Call(cloud, given, url))
    return respond({**(answer if isinstance(answer, dict) else await answer), "ok": True})


def _allow(found: Operation) -> dict[str, str]:
    """No word of other origins: the key is not for browsers, which therefore keep answers from scripts."""
    return {
        "Allow": ", ".join(sorted({*found.verbs, "OPTIONS", *(["HEAD"] if "GET" in found.verbs else [])}))
    }


def _is_head(request: Request, found: Operation) -> bool:
    """The same as GET; the server leaves the body out."""
    return request.method == "HEAD" and "GET" in found.verbs


def _check_key(request: Request, api_key: str) -> None:
    given = request.headers.get("authorization", "")
    if not hmac.compare_digest(given.encode(), f"Bearer {api_key}".encode()):
        message = "send Authorization: Bearer <key> with the key from the file seam-api-key of this cloud"
        raise SeamError(401, "unauthorized", message, headers={"WWW-Authenticate": "Bearer"})


def _query(request: Request) -> dict[str, list[str]]:
    """Each name with its values; `name[]` is `name`. `_strict`, which the SDKs add, means nothing here."""
    found: dict[str, list[str]] = {}
    objects: dict[str, dict[str, str]] = {}
    for name, value in request.query_params.multi_items():
        of_object = _OF_OBJECT.fullmatch(name)
        if of_object is not None:
            objects.setdefault(of_object[1], {})[of_object[2] or of_object[3]] = value
        else:
            found.setdefault(name.removesuffix("[]"), []).append(value)
    found.pop("_strict", None)
    return found | {name: [msgspec.json.encode(fields).decode()] for name, fields in objects.items()}


async def _body(request: Request) -> dict[str, Any]:
    """The body's object; an empty body has no fields, whatever its content type says."""
    body = await api_fields.read_body(request)
    if not body:
        return {}
    content_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if content_type != "application/json":
        raise SeamError(400, "invalid_content_type", "send JSON, with Content-Type: application/json")
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # Not the decoder's own words: they might quote the body.
        raise invalid_input({"": "Error while parsing input: the body is not JSON"}) from None
    if not isinstance(value, dict):
        raise invalid_input({"": "Error while parsing input: the body must be a JSON object"})
    return value


async def _refused(_request: Request, error: Exception) -> Response:
    if not isinstance(error, SeamError):
        raise error
    return error.response()


async def _unreadable(_request: Request, error: Exception) -> Response:
    if not isinstance(error, ApiError):
        raise error
    return SeamError(error.status, error.error_code.lower(), error.message).response()


async def _bug(_request: Request, _error: Exception) -> Response:
    message = "the cloud failed; nothing is known to have changed, its log says more"
    return SeamError(500, "internal_server_error", message).response()
