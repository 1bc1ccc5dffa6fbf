"""The HTTP API's actions: telling a lock to do something now, and what became of it."""

import json
from typing import TYPE_CHECKING, Any

from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agent import commands as lock_commands
from agent.core.modes import Mode
from cloud_sim import api_fields, commands, locks
from cloud_sim.answers import iso_ms
from cloud_sim.api_errors import ApiError

if TYPE_CHECKING:
    from cloud_sim.device_cloud_api import Cloud

ARGUMENTS = {
    "lock": (),
    "unlock": ("for_s",),
    "mode": ("mode",),
    "identify": (),
    "acknowledge": ("length_class",),
    "resync": (),
}
"""The actions, each with the fields it takes besides; all but the first two are ours."""
CUSTOM_ID_LIMIT = 200
_STATUSES = {"pending": "pending", "done": "success"}
_MESSAGES = {
    "pending": "the lock has not answered yet",
    "done": "the lock has done it",
    "expired": "the lock did not answer in time; if it was not done then, it never will be",
}


class LockActions(HTTPEndpoint):
    """`/locks/<lock_id>/actions`."""

    async def post(self, request: Request) -> Response:
        """Tell a lock to do something; pending until its answer is in its journal here."""
        cloud, lock_id = _cloud(request), _lock_id(request)
        every = {name for names in ARGUMENTS.values() for name in names}
        fields = await api_fields.read_object(request, ("action", "custom_id", *sorted(every)))
        action, args = _wanted(fields)
        custom_id = _custom_id(fields)
        issued = commands.issue(
            cloud.database, cloud.downlink, lock_id, action, args, cloud.wall(), custom_id=custom_id
        )
        if isinstance(issued, commands.NotOnline):
            message = "the lock is not connected, and a command does not wait for it; try again when it is"
            raise ApiError(409, "DEVICE_OFFLINE", message)
        return JSONResponse(_shown(commands.find(cloud.database, issued, cloud.wall()) or {}))


class LockAction(HTTPEndpoint):
    """`/locks/<lock_id>/actions/<action_id>`."""

    async def get(self, request: Request) -> Response:
        """What became of an action."""
        cloud, lock_id = _cloud(request), _lock_id(request)
        row = commands.find(cloud.database, request.path_params["action_id"], cloud.wall())
        if row is None or row["lock_id"] != lock_id:
            raise ApiError(404, "ACTION_NOT_FOUND", "this lock was never told to do anything under this id")
        return JSONResponse(_shown(row))


ROUTES = [
    Route("/locks/{lock_id}/actions", LockActions),
    Route("/locks/{lock_id}/actions/{action_id}", LockAction),
]


def _cloud(request: Request) -> "Cloud":
    cloud: Cloud = request.app.state.cloud
    return cloud


def _lock_id(request: Request) -> str:
    row = locks.find_lock(_cloud(request).database, request.path_params["lock_id"])
    if row is None:
        message = "there is no lock with this id; GET /device-cloud/locks lists all"
        raise ApiError(404, "LOCK_NOT_FOUND", message)
    return str(row["lock_id"])


def _wanted(fields: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The command a body asks for, as the lock will read it."""
    action = fields.get("action")
    if not isinstance(action, str) or action not in ARGUMENTS:
        raise ApiError(400, "INVALID_ACTION", f"action must be one of {', '.join(ARGUMENTS)}")
    args = {name: value for name, value in fields.items() if name not in ("action", "custom_id")}
    args = {name: value for name, value in args.items() if value is not None}
    if not isinstance(lock_commands.parse(action, args), str):
        return action, args
    takes = {
        "unlock": "for_s, 1 to 60 seconds",
        "mode": f"mode, one of {', '.join(mode.value for mode in Mode)}",
        "acknowledge": "length_class, short or long",
    }.get(action, "no other fields")
    raise ApiError(400, "INVALID_ACTION", f"{action} takes {takes}")


def _custom_id(fields: dict[str, Any]) -> str | None:
    custom_id = fields.get("custom_id")
    if custom_id is None or (isinstance(custom_id, str) and len(custom_id) <= CUSTOM_ID_LIMIT):
        return custom_id
    raise ApiError(
        400, "INVALID_CUSTOM_ID", f"custom_id must be text of at most {CUSTOM_ID_LIMIT} characters"
    )


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    status, reason = row["status"], row["reason"]
    return {
        "action_id": row["command_id"],
        "custom_id": row["custom_id"],
        "lock_id": row["lock_id"],
        "action": row["type"],
        **json.loads(row["args"]),
        "status": _STATUSES.get(status, "failed"),
        "result": status,
        "reason": reason,
        "message": _MESSAGES.get(status, f"the lock says {status}: {reason}"),
        "created_at": iso_ms(row["issued_ms"]),
        "answered_at": iso_ms(row["answered_ms"]),
    }
