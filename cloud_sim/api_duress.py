"""The HTTP API's list of duress alarms, apart from the events of a lock."""

from typing import TYPE_CHECKING

from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cloud_sim import api_fields, duress, locks
from cloud_sim.api_errors import ApiError

if TYPE_CHECKING:
    from cloud_sim.device_cloud_api import Cloud

EVENTS_PER_ANSWER = 1000


class LockDuressEvents(HTTPEndpoint):
    """`/locks/<lock_id>/duress_events`."""

    async def get(self, request: Request) -> Response:
        """Which duress codes were typed, oldest first."""
        cloud: Cloud = request.app.state.cloud
        row = locks.find_lock(cloud.database, request.path_params["lock_id"])
        if row is None:
            message = "there is no lock with this id; GET /device-cloud/locks lists all"
            raise ApiError(404, "LOCK_NOT_FOUND", message)
        after = api_fields.number(request, "after", 0, 0, 2**53)
        limit = api_fields.number(request, "limit", 100, 1, EVENTS_PER_ANSWER)
        found = duress.events_after(cloud.database, row["lock_id"], after, limit)
        return JSONResponse({"duress_events": found})


ROUTES = (Route("/locks/{lock_id}/duress_events", LockDuressEvents),)
