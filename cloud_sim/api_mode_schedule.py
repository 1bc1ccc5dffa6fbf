"""The HTTP API's mode schedules: what a lock is to follow, and whether it does."""

from typing import TYPE_CHECKING, Any

from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agent.core.mode_schedule_fields import mode_schedule_of
from agent.core.schedule_fields import FIELDS
from agent.zones import zone_named
from cloud_sim import api_fields, settings_delivery, wanted_settings
from cloud_sim.answers import iso_ms
from cloud_sim.api_context import cloud_of, lock_row
from cloud_sim.api_errors import ApiError
from cloud_sim.wanted_settings import Wanted

if TYPE_CHECKING:
    from cloud_sim.device_cloud_api import Cloud


class LockModeSchedule(HTTPEndpoint):
    """`/locks/<lock_id>/mode_schedule`."""

    async def get(self, request: Request) -> Response:
        """The schedule that is wanted, and how far that is."""
        return JSONResponse(_shown(cloud_of(request), lock_row(request)["lock_id"]))

    async def put(self, request: Request) -> Response:
        """Want this schedule, whole, instead of any other."""
        lock_id = lock_row(request)["lock_id"]
        fields = await api_fields.read_object(request, sorted(FIELDS))
        schedule = {name: value for name, value in fields.items() if value is not None}
        try:
            mode_schedule_of(schedule, zone_named)
        except ValueError as error:
            raise ApiError(400, "INVALID_SCHEDULE", str(error)) from None
        return _want(cloud_of(request), lock_id, schedule)

    async def delete(self, request: Request) -> Response:
        """Want what the lock's configuration file says."""
        return _want(cloud_of(request), lock_row(request)["lock_id"], None)


ROUTES = [Route("/locks/{lock_id}/mode_schedule", LockModeSchedule)]


def _want(cloud: "Cloud", lock_id: str, schedule: dict[str, Any] | None) -> Response:
    before = wanted_settings.wanted(cloud.database, lock_id) or Wanted()
    settings = Wanted(mode_schedule=schedule, release_s=before.release_s)
    wanted_settings.want(cloud.database, lock_id, settings, cloud.wall())
    settings_delivery.deliver(cloud.database, cloud.downlink, lock_id, cloud.wall())
    return JSONResponse(_shown(cloud, lock_id))


def _shown(cloud: "Cloud", lock_id: str) -> dict[str, Any]:
    settings = wanted_settings.wanted(cloud.database, lock_id)
    row = cloud.database.row("SELECT changed_ms FROM wanted_settings WHERE lock_id = ?", lock_id)
    return {
        "lock_id": lock_id,
        "mode_schedule": settings.mode_schedule if settings else None,
        **wanted_settings.state(cloud.database, lock_id),
        "changed_at": iso_ms(row["changed_ms"]) if row else None,
    }
