"""The HTTP API of the device cloud: locks, their access codes, their events, and invitations for new ones."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

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
    answers,
    api_access_codes,
    api_actions,
    api_description,
    api_duress,
    api_fields,
    api_keys,
    api_mode_schedule,
    api_offline_codes,
    api_offline_rotation,
    api_offline_setup,
    api_people,
    api_webhooks,
    events,
    locks,
)
from cloud_sim.api_context import cloud_of, existing_lock, lock_row
from cloud_sim.api_errors import ApiError
from cloud_sim.database import Database
from cloud_sim.downlink import Downlink
from cloud_sim.enrolments import Enroller
from cloud_sim.rate_limits import RateLimits

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
    cut_off: Path | None = None
    """The file by which a broker is told to cut locks off, see `cut_off`."""
    rate_limits: RateLimits | None = None
    """None: clients may ask as often as they like."""


def device_cloud(cloud: Cloud) -> Starlette:
    """The application: `/device-cloud/...` behind the bearer token, health and enrolment in front of it."""
    behind_token = [
        Route("/locks", Locks),
        Route("/locks/{lock_id}", Lock),
        *api_access_codes.ROUTES,
        Route("/locks/{lock_id}/events", LockEvents),
        *api_duress.ROUTES,
        Route("/invitations", Invitations),
        Route("/refused_messages", RefusedMessages),
        *api_actions.ROUTES,
        *api_mode_schedule.ROUTES,
        *api_offline_setup.ROUTES,
        *api_offline_codes.ROUTES,
        *api_offline_rotation.ROUTES,
        *api_keys.ROUTES,
        *api_people.ROUTES,
        *api_webhooks.ROUTES,
    ]
    app = Starlette(
        routes=[
            Route("/health", Health),
            Route("/enrolments", Enrolments),
            Route(f"{BASE_PATH}/health", Health),
            Route(f"{BASE_PATH}/openapi.json", api_description.Description),
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
        return JSONResponse({"ok": True, "broker_connected": cloud_of(request).is_broker_connected()})


class Locks(HTTPEndpoint):
    """`/locks`."""

    async def get(self, request: Request) -> Response:
        """All locks."""
        cloud = cloud_of(request)
        rows = locks.all_locks(cloud.database)
        return JSONResponse({"locks": [answers.lock(cloud.database, row, cloud.wall()) for row in rows]})


class Lock(HTTPEndpoint):
    """`/locks/<lock_id>`."""

    async def get(self, request: Request) -> Response:
        """One lock, bare."""
        cloud = cloud_of(request)
        return JSONResponse(answers.lock(cloud.database, lock_row(request), cloud.wall()))


class LockEvents(HTTPEndpoint):
    """`/locks/<lock_id>/events`."""

    async def get(self, request: Request) -> Response:
        """What happened at the door, oldest first."""
        lock_id = lock_row(request)["lock_id"]
        after = api_fields.number(request, "after", 0, 0, 2**53)
        limit = api_fields.number(request, "limit", 100, 1, EVENTS_PER_ANSWER)
        found = events.events_after(cloud_of(request).database, lock_id, after, limit)
        return JSONResponse({"events": found})


class Invitations(HTTPEndpoint):
    """`/invitations`."""

    async def post(self, request: Request) -> Response:
        """Invite a new lock, or with `device_id` one that is known to enrol again."""
        cloud = cloud_of(request)
        fields = await api_fields.read_object(request, ("name", "device_id"))
        name, lock_id = api_fields.name_of(fields), fields.get("device_id")
        if lock_id is not None:
            lock_id = existing_lock(cloud, str(lock_id))["lock_id"]
        device_id, invitation = cloud.enroller.invite(name, lock_id, cloud.wall())
        return JSONResponse({"device_id": device_id, "invitation": invitation}, 201)


class RefusedMessages(HTTPEndpoint):
    """`/refused_messages`."""

    async def get(self, request: Request) -> Response:
        """Messages of devices that nobody enrolled; those of a lock are shown with the lock."""
        return JSONResponse({"refused_messages": answers.refused(cloud_of(request).database, "")})


class Enrolments(HTTPEndpoint):
    """`/enrolments`."""

    async def post(self, request: Request) -> Response:
        """A lock answers its invitation; the proof of that stands for the bearer token."""
        cloud = cloud_of(request)
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
