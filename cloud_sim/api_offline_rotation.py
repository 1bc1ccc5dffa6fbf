"""The HTTP API's keys of offline codes: another key for an issuer, and what to do after a restore."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agent.offline_setup import SetupFault
from cloud_sim import api_fields, api_offline_setup, offline_rotation, restoration
from cloud_sim.answers import iso
from cloud_sim.api_context import cloud_of, lock_row
from cloud_sim.api_errors import ApiError
from cloud_sim.offline_codes import CLOUD_ISSUER
from cloud_sim.offline_rotation import NotRotated, Rotated, WantedRotation

if TYPE_CHECKING:
    from cloud_sim.device_cloud_api import Cloud

WHEN = ("scheduled", "now")
UNUSED = ("keep", "end")
_STATUS = {"NO_OFFLINE_CODES": 409, "INVALID_TIME": 400, "TOO_MANY_KEYS": 409}


class OfflineRotations(HTTPEndpoint):
    """`/locks/<lock_id>/offline_rotations`."""

    async def post(self, request: Request) -> Response:
        """Replace the key of an issuer. That of an issuer elsewhere is in this answer and nowhere else."""
        cloud, lock_id = cloud_of(request), lock_row(request)["lock_id"]
        wanted = _wanted(await api_fields.read_object(request, ("issuer", "when", "at", "revoke_used")))
        try:
            with cloud.database.transaction():
                done = offline_rotation.rotate(cloud.database, lock_id, wanted, cloud.wall())
        except SetupFault as fault:
            raise ApiError(409, "TOO_MANY_KEYS", str(fault)) from None
        if isinstance(done, NotRotated):
            raise ApiError(_STATUS[done.error], done.error, done.message)
        cloud.downlink.offline_setup(lock_id)
        return JSONResponse(_shown(cloud, lock_id, done), headers={"Cache-Control": "no-store"})


class Restorations(HTTPEndpoint):
    """`/restorations`."""

    async def post(self, request: Request) -> Response:
        """This cloud was restored from a backup: go on with a fresh key at every lock."""
        cloud = cloud_of(request)
        unused: Any = (await api_fields.read_object(request, ("unused",))).get("unused") or "keep"
        if unused not in UNUSED:
            raise ApiError(400, "INVALID_FIELD", f"unused must be one of {', '.join(UNUSED)}")
        done = restoration.of_all(cloud.database, unused, cloud.wall())
        for lock_id, one in done:
            if isinstance(one, Rotated):
                cloud.downlink.offline_setup(lock_id)
        return JSONResponse(outcome(done))


ROUTES = (
    Route("/locks/{lock_id}/offline_rotations", OfflineRotations),
    Route("/restorations", Restorations),
)


def _wanted(fields: Mapping[str, Any]) -> WantedRotation:
    issuer = fields.get("issuer")
    if issuer is None:
        issuer = CLOUD_ISSUER
    if type(issuer) is not int or not 0 <= issuer <= 255:
        raise ApiError(400, "INVALID_FIELD", "issuer must be a whole number from 0 to 255")
    when: Any = fields.get("when") or "scheduled"
    if when not in WHEN:
        raise ApiError(400, "INVALID_FIELD", f"when must be one of {', '.join(WHEN)}")
    at, revokes_used = api_fields.time_of(fields, "at"), api_fields.flag_of(fields, "revoke_used")
    if when == "now" and at is not None:
        raise ApiError(400, "INVALID_FIELD", "at is for a scheduled rotation; leave it out, or when")
    if when != "now" and revokes_used:
        raise ApiError(
            400, "INVALID_FIELD", "revoke_used is for a rotation now; a scheduled one ends no code"
        )
    at_s = None if at is None else at.timestamp()
    return WantedRotation(issuer=issuer, when=when, at_s=at_s, revokes_used=revokes_used)


def _shown(cloud: "Cloud", lock_id: str, done: Rotated) -> dict[str, Any]:
    setup = api_offline_setup.shown(cloud, lock_id)
    return {
        "lock_id": lock_id,
        "issuer": done.issuer,
        "kid": done.kid,
        "former_kids": list(done.former),
        "starts_from": iso(done.from_s),
        "ended_access_code_ids": list(done.ended),
        "issuer_file": None if done.handed is None else msgspec.to_builtins(done.handed),
        **{name: setup[name] for name in ("rev", "status", "guess_chance", "is_guess_bound_met")},
    }


def outcome(done: Iterable[tuple[str, Rotated | NotRotated]]) -> dict[str, Any]:
    """What became of each lock after a restore."""
    return {
        "ok": True,
        "locks": [
            {
                "lock_id": lock_id,
                "kid": one.kid if isinstance(one, Rotated) else None,
                "message": None if isinstance(one, Rotated) else one.message,
            }
            for lock_id, one in done
        ],
    }
