"""What every endpoint of the HTTP API begins with: the cloud it belongs to, and the lock a path names."""

from typing import TYPE_CHECKING, Any

from starlette.requests import Request

from cloud_sim import locks
from cloud_sim.api_errors import ApiError

if TYPE_CHECKING:
    from cloud_sim.device_cloud_api import Cloud


def cloud_of(request: Request) -> "Cloud":
    """The cloud that serves a request."""
    cloud: Cloud = request.app.state.cloud
    return cloud


def existing_lock(cloud: "Cloud", lock_id: str) -> dict[str, Any]:
    """The row of a lock."""
    row = locks.find_lock(cloud.database, lock_id)
    if row is None:
        message = "there is no lock with this id; GET /device-cloud/locks lists all"
        raise ApiError(404, "LOCK_NOT_FOUND", message)
    return row


def lock_row(request: Request) -> dict[str, Any]:
    """The row of the lock in the path."""
    return existing_lock(cloud_of(request), request.path_params["lock_id"])
