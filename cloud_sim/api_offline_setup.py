"""The HTTP API's setup of a lock for offline and rolling codes: written whole, shown without its secrets."""

from typing import TYPE_CHECKING, Any

from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agent.core.offline_chance import GUESS_BOUND, guess_chance
from agent.offline_setup import OfflineSetup, SetupFault
from cloud_sim import api_fields, offline_kids, offline_revocation, offline_setups
from cloud_sim.api_context import cloud_of, lock_row
from cloud_sim.api_errors import ApiError

if TYPE_CHECKING:
    from cloud_sim.device_cloud_api import Cloud

_SECRET = {"keys": {"root", "key"}, "technicians": {"secret"}}


class LockOfflineSetup(HTTPEndpoint):
    """`/locks/<lock_id>/offline_setup`."""

    async def get(self, request: Request) -> Response:
        """The setup without its secrets, and whether the lock has it."""
        return JSONResponse(shown(cloud_of(request), lock_row(request)["lock_id"]))

    async def put(self, request: Request) -> Response:
        """Want this setup, whole, instead of any other."""
        cloud, lock_id = cloud_of(request), lock_row(request)["lock_id"]
        fields = await api_fields.read_object(request, sorted({*offline_setups.OWN_FIELDS, "device_id"}))
        if fields.pop("device_id", lock_id) != lock_id:
            raise ApiError(400, "INVALID_OFFLINE_SETUP", "device_id: these are the keys of another lock")
        try:
            with cloud.database.transaction():
                offline_setups.replace(cloud.database, lock_id, fields)
                offline_revocation.give_up_unreadable(cloud.database, lock_id, cloud.wall())
        except SetupFault as fault:
            raise ApiError(400, "INVALID_OFFLINE_SETUP", str(fault)) from None
        cloud.downlink.offline_setup(lock_id)
        return JSONResponse(shown(cloud, lock_id))


ROUTES = [Route("/locks/{lock_id}/offline_setup", LockOfflineSetup)]


def shown(cloud: "Cloud", lock_id: str) -> dict[str, Any]:
    """The setup of a lock without its secrets, what of it the lock has, and how likely a guess opens."""
    kept = offline_setups.kept(cloud.database, lock_id)
    if kept is None:
        return {
            "lock_id": lock_id,
            "status": "none",
            "rev": 0,
            "offline_setup": None,
            "retired_kids": [],
            "guess_chance": None,
            "is_guess_bound_met": True,
        }
    fields = {
        name: [{key: each[key] for key in each if key not in _SECRET[name]} for each in value]
        if name in _SECRET
        else value
        for name, value in kept.fields.items()
    }
    chance = _chance(kept.decoded(lock_id), cloud.wall())
    is_applied = offline_setups.reported_rev(cloud.database, lock_id) == kept.rev
    return {
        "lock_id": lock_id,
        "status": "applied" if is_applied else "pending",
        "rev": kept.rev,
        "offline_setup": {**fields, "journal_epoch": kept.journal_epoch},
        "retired_kids": [kid for kid, _ in offline_kids.retired(cloud.database, lock_id)],
        "guess_chance": chance,
        "is_guess_bound_met": chance <= GUESS_BOUND,
    }


def _chance(setup: OfflineSetup, wall: float) -> float:
    form = setup.format()
    keys = [key.accepted() for key in setup.keys]
    return guess_chance(form, setup.first_use(), keys, form.slot_at(wall))
