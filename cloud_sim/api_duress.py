"""The HTTP API's list of duress alarms, apart from the events of a lock."""

from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cloud_sim import api_fields, duress
from cloud_sim.api_context import cloud_of, lock_row

EVENTS_PER_ANSWER = 1000


class LockDuressEvents(HTTPEndpoint):
    """`/locks/<lock_id>/duress_events`."""

    async def get(self, request: Request) -> Response:
        """Which duress codes were typed, oldest first."""
        lock_id = lock_row(request)["lock_id"]
        after = api_fields.number(request, "after", 0, 0, 2**53)
        limit = api_fields.number(request, "limit", 100, 1, EVENTS_PER_ANSWER)
        found = duress.events_after(cloud_of(request).database, lock_id, after, limit)
        return JSONResponse({"duress_events": found})


ROUTES = (Route("/locks/{lock_id}/duress_events", LockDuressEvents),)
