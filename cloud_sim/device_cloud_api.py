"""The HTTP API of the device cloud: locks, their access codes, their events, and invitations for new ones."""

import hmac
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from agent.enrol_exchange import EXCHANGE_LIMIT_BYTES
from cloud_sim import (
    access_codes,
    answers,
    api_actions,
    api_duress,
    api_fields,
    commands,
    events,
    locks,
    reported,
)
from cloud_sim.access_codes import Full, Taken
from cloud_sim.api_errors import ApiError
from cloud_sim.database import Database
from cloud_sim.downlink import Downlink
from cloud_sim.enrolments import Enroller

BASE_PATH = "/device-cloud"
EVENTS_PER_ANSWER = 1000


@dataclass(frozen=True, slots=True)
class Cloud:
    """What the endpoints work with; all of it belongs to the event loop's thread."""

    database: Database
    downlink: Downlink
    enroller: Enroller
    is_broker_connected: Callable[[], bool]
    wall: Callable[[], float]
    """Unix seconds."""
    api_token: str = field(repr=False)
    boards: Path | None = None
    """Where lock-sim says which simulated board belongs to which lock."""


def device_cloud(cloud: Cloud) -> Starlette:
    """The application: `/device-cloud/...` behind the bearer token, health and enrolment in front of it."""
    behind_token = [
        Route("/locks", Locks),
        Route("/locks/{lock_id}", Lock),
        Route("/locks/{lock_id}/access_codes", LockAccessCodes),
        Route("/locks/{lock_id}/events", LockEvents),
        *api_duress.ROUTES,
        Route("/access_codes", AccessCodes),
        Route("/access_codes/{access_code_id}", AccessCode),
        Route("/invitations", Invitations),
        Route("/refused_messages", RefusedMessages),
        *api_actions.ROUTES,
    ]
    app = Starlette(
        routes=[
            Route("/health", Health),
            Route("/enrolments", Enrolments),
            Route(f"{BASE_PATH}/health", Health),
            Mount(
                BASE_PATH, routes=behind_token, middleware=[Middleware(BearerToken, token=cloud.api_token)]
            ),
        ],
        exception_handlers={ApiError: _api_error, HTTPException: _http_error, Exception: _bug},
    )
    app.state.cloud = cloud
    return app


class BearerToken:
    """Lets requests with `Authorization: Bearer <token>` pass, and no others."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        given = dict(scope["headers"]).get(b"authorization", b"")
        if hmac.compare_digest(given, self._expected):
            await self._app(scope, receive, send)
            return
        message = "send Authorization: Bearer <token> with the token from the file api-token of this cloud"
        error = ApiError(401, "UNAUTHORIZED", message, {"WWW-Authenticate": "Bearer"})
        await error.response()(scope, receive, send)


class Health(HTTPEndpoint):
    """`/health`."""

    async def get(self, request: Request) -> Response:
        """The cloud answers; whether its broker does too."""
        return JSONResponse({"ok": True, "broker_connected": _cloud(request).is_broker_connected()})


class Locks(HTTPEndpoint):
    """`/locks`."""

    async def get(self, request: Request) -> Response:
        """All locks."""
        cloud = _cloud(request)
        rows = locks.all_locks(cloud.database)
        return JSONResponse({"locks": [answers.lock(cloud.database, row, cloud.wall()) for row in rows]})


class Lock(HTTPEndpoint):
    """`/locks/<lock_id>`."""

    async def get(self, request: Request) -> Response:
        """One lock, bare."""
        cloud = _cloud(request)
        return JSONResponse(answers.lock(cloud.database, _lock_row(request), cloud.wall()))


class LockAccessCodes(HTTPEndpoint):
    """`/locks/<lock_id>/access_codes`."""

    async def get(self, request: Request) -> Response:
        """The codes of a lock."""
        return _codes_of(_cloud(request), _lock_row(request)["lock_id"])

    async def post(self, request: Request) -> Response:
        """Create a code. It is `pending` until the lock holds it."""
        cloud = _cloud(request)
        lock_id = _lock_row(request)["lock_id"]
        fields = await api_fields.read_object(request, api_fields.ACCESS_CODE_FIELDS)
        wanted = api_fields.new_access_code(fields, cloud.wall())
        capacity = reported.evidence(cloud.database, lock_id, cloud.wall()).capacity
        created = access_codes.create(cloud.database, lock_id, wanted, cloud.wall(), capacity)
        if isinstance(created, Taken):
            message = (
                f"access code {created.access_code_id} of this lock has these digits and has not ended;"
                " choose others, or leave code out to be given some"
            )
            raise ApiError(409, "PIN_CONFLICT", message, details={"access_code_id": created.access_code_id})
        if isinstance(created, Full):
            message = f"the lock holds {created.capacity} codes and is full; delete one first"
            raise ApiError(409, "NO_SPACE", message)
        _tell(cloud, lock_id)
        return JSONResponse(_shown(cloud, created), 201)


class LockEvents(HTTPEndpoint):
    """`/locks/<lock_id>/events`."""

    async def get(self, request: Request) -> Response:
        """What happened at the door, oldest first."""
        lock_id = _lock_row(request)["lock_id"]
        after = api_fields.number(request, "after", 0, 0, 2**53)
        limit = api_fields.number(request, "limit", 100, 1, EVENTS_PER_ANSWER)
        found = events.events_after(_cloud(request).database, lock_id, after, limit)
        return JSONResponse({"events": found})


class AccessCodes(HTTPEndpoint):
    """`/access_codes?lock_id=`."""

    async def get(self, request: Request) -> Response:
        """The codes of a lock, as the older guide asks for them."""
        lock_id = request.query_params.get("lock_id")
        if not lock_id:
            raise ApiError(400, "INVALID_QUERY", "say which lock: /access_codes?lock_id=<lock_id>")
        cloud = _cloud(request)
        return _codes_of(cloud, _existing_lock(cloud, lock_id)["lock_id"])


class AccessCode(HTTPEndpoint):
    """`/access_codes/<access_code_id>`."""

    async def get(self, request: Request) -> Response:
        """One code, bare."""
        return JSONResponse(_shown(_cloud(request), request.path_params["access_code_id"]))

    async def delete(self, request: Request) -> Response:
        """Ask for a code to be removed; listed as `removing` until the lock confirms. Again is harmless."""
        cloud = _cloud(request)
        await api_fields.read_body(request)
        row = _code_row(cloud, request.path_params["access_code_id"])
        try:
            access_codes.delete(cloud.database, row, cloud.wall())
        except sqlite3.Error as error:  # the older guide names this failure
            message = "Unexpected Server Error: the cloud's storage failed and nothing was removed; try again"
            raise ApiError(500, "ACCESS_CODE_REMOVAL_FAILED", message) from error
        _tell(cloud, row["lock_id"])
        if row["is_in_set"]:
            ids = [row["access_code_id"]]
            commands.revoke(cloud.database, cloud.downlink, row["lock_id"], ids, cloud.wall())
        return JSONResponse({"ok": True, "access_code_id": row["access_code_id"], "status": "pending"})


class Invitations(HTTPEndpoint):
    """`/invitations`."""

    async def post(self, request: Request) -> Response:
        """Invite a new lock, or with `device_id` one that is known to enrol again."""
        cloud = _cloud(request)
        fields = await api_fields.read_object(request, ("name", "device_id"))
        name, lock_id = api_fields.name_of(fields), fields.get("device_id")
        if lock_id is not None:
            lock_id = _existing_lock(cloud, str(lock_id))["lock_id"]
        device_id, invitation = cloud.enroller.invite(name, lock_id, cloud.wall())
        return JSONResponse({"device_id": device_id, "invitation": invitation}, 201)


class RefusedMessages(HTTPEndpoint):
    """`/refused_messages`."""

    async def get(self, request: Request) -> Response:
        """Messages of devices that nobody enrolled; those of a lock are shown with the lock."""
        return JSONResponse({"refused_messages": answers.refused(_cloud(request).database, "")})


class Enrolments(HTTPEndpoint):
    """`/enrolments`."""

    async def post(self, request: Request) -> Response:
        """A lock answers its invitation; the proof of that stands for the bearer token."""
        cloud = _cloud(request)
        body = await api_fields.read_body(request, EXCHANGE_LIMIT_BYTES)
        enrolled = cloud.enroller.enrol(body, cloud.wall())
        if enrolled in ("unknown_device", "wrong_token"):
            message = "the invitation was used, replaced, or is older than 24 hours; make a new one"
            raise ApiError(403, "INVITATION_REFUSED", message)
        if isinstance(enrolled, str):
            message = f"this is not a sound enrolment ({enrolled}); run lock-agent enrol again"
            raise ApiError(400, "INVALID_ENROLMENT", message)
        device_id, answer = enrolled
        cloud.downlink.manifest(device_id)
        return Response(answer, media_type="application/jose")


def _cloud(request: Request) -> Cloud:
    cloud: Cloud = request.app.state.cloud
    return cloud


def _existing_lock(cloud: Cloud, lock_id: str) -> dict[str, Any]:
    row = locks.find_lock(cloud.database, lock_id)
    if row is None:
        message = "there is no lock with this id; GET /device-cloud/locks lists all"
        raise ApiError(404, "LOCK_NOT_FOUND", message)
    return row


def _lock_row(request: Request) -> dict[str, Any]:
    return _existing_lock(_cloud(request), request.path_params["lock_id"])


def _code_row(cloud: Cloud, access_code_id: str) -> dict[str, Any]:
    row = access_codes.find(cloud.database, access_code_id)
    if row is None:
        message = "there is no access code with this id; it was never created, or is deleted"
        raise ApiError(404, "ACCESS_CODE_NOT_FOUND", message)
    return row


def _shown(cloud: Cloud, access_code_id: str) -> dict[str, Any]:
    row = _code_row(cloud, access_code_id)
    proof = reported.evidence(cloud.database, row["lock_id"], cloud.wall())
    return answers.access_code(row, proof, cloud.database.owner_id, cloud.wall())


def _codes_of(cloud: Cloud, lock_id: str) -> Response:
    proof = reported.evidence(cloud.database, lock_id, cloud.wall())
    owner_id = cloud.database.owner_id
    rows = access_codes.of_lock(cloud.database, lock_id)
    shown = [answers.access_code(row, proof, owner_id, cloud.wall()) for row in rows]
    return JSONResponse({"access_codes": shown})


def _tell(cloud: Cloud, lock_id: str) -> None:
    """A lock without keys cannot be told yet; it is when it enrols."""
    if lock_id in locks.enrolled_lock_ids(cloud.database):
        cloud.downlink.manifest(lock_id)


async def _api_error(_request: Request, error: Exception) -> Response:
    if not isinstance(error, ApiError):
        raise error
    return error.response()


async def _http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    headers = dict(error.headers or {})
    if error.status_code == 405:
        message = f"{request.method} is not possible here; possible: {headers.get('Allow', 'see the guide')}"
        return ApiError(405, "METHOD_NOT_ALLOWED", message, headers).response()
    if error.status_code == 404:
        return ApiError(404, "NOT_FOUND", "there is nothing at this path; docs/device-cloud.md").response()
    return ApiError(error.status_code, "BAD_REQUEST", "the request cannot be read", headers).response()


async def _bug(_request: Request, _error: Exception) -> Response:
    message = "the cloud failed; nothing is known to have changed, its log says more"
    return ApiError(500, "INTERNAL_ERROR", message).response()
