"""The HTTP API's keys: which ones the cloud speaks with, and replacing them."""

from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cloud_sim import answers, api_fields, key_renewals, key_rotation, retirement, wanted_renewals
from cloud_sim.api_context import cloud_of, lock_row
from cloud_sim.api_errors import ApiError

PURPOSES = ("signing", "sealing")


class Keys(HTTPEndpoint):
    """`/keys`."""

    async def get(self, request: Request) -> Response:
        """The names of the cloud's keys, and how many locks do not have the newest yet."""
        return _shown(request)


class KeyRotations(HTTPEndpoint):
    """`/keys/rotations`."""

    async def post(self, request: Request) -> Response:
        """Replace a key: every lock is told, by the one of before."""
        cloud = cloud_of(request)
        purpose = (await api_fields.read_object(request, ("key",))).get("key")
        if purpose not in PURPOSES:
            raise ApiError(400, "INVALID_KEY", f"key must be one of {', '.join(PURPOSES)}")
        key_rotation.replace(cloud.database, cloud.downlink, purpose, cloud.wall())
        return _shown(request)


class KeyRevocations(HTTPEndpoint):
    """`/keys/revocations`."""

    async def post(self, request: Request) -> Response:
        """End the time in which a former signing key still counts."""
        cloud = cloud_of(request)
        kid = (await api_fields.read_object(request, ("kid",))).get("kid")
        try:
            key_rotation.revoke(cloud.database, cloud.downlink, str(kid))
        except key_rotation.UnknownKey:
            message = "no former signing key has this name; GET /device-cloud/keys lists them"
            raise ApiError(404, "KEY_NOT_FOUND", message) from None
        return _shown(request)


class LockRetirement(HTTPEndpoint):
    """`/locks/<lock_id>/retirement`."""

    async def post(self, request: Request) -> Response:
        """Take a lock out of service that was wiped, stolen or broken: its keys count no more."""
        cloud, lock_id = cloud_of(request), lock_row(request)["lock_id"]
        had_keys = retirement.retire(cloud.database, cloud.downlink, lock_id, "operator", cloud.wall())
        return JSONResponse({"ok": True, "lock_id": lock_id, "had_keys": had_keys})


class LockKeyRenewal(HTTPEndpoint):
    """`/locks/<lock_id>/key_renewal`."""

    async def post(self, request: Request) -> Response:
        """Have a lock replace its own keys, now or when it is there; again, it is asked again."""
        cloud, row = cloud_of(request), lock_row(request)
        lock_id = row["lock_id"]
        if not wanted_renewals.want(cloud.database, lock_id, cloud.wall()):
            message = "this lock has no keys that could be renewed; invite it and enrol it"
            raise ApiError(409, "LOCK_NOT_ENROLLED", message)
        key_renewals.ask(cloud.database, cloud.downlink, lock_id, cloud.wall(), at_once=True)
        shown = answers.lock(cloud.database, row, cloud.wall())
        return JSONResponse(
            {"ok": True, "lock_id": lock_id, "keys": shown["keys"], "key_renewal": shown["key_renewal"]}
        )


class LockSetEpoch(HTTPEndpoint):
    """`/locks/<lock_id>/set_epoch`."""

    async def post(self, request: Request) -> Response:
        """Void every code set that was ever signed for a lock; the one that is wanted is told anew."""
        cloud, lock_id = cloud_of(request), lock_row(request)["lock_id"]
        set_epoch, rev = cloud.downlink.void_sets(lock_id)
        return JSONResponse({"ok": True, "lock_id": lock_id, "set_epoch": set_epoch, "rev": rev})


ROUTES = [
    Route("/locks/{lock_id}/set_epoch", LockSetEpoch),
    Route("/locks/{lock_id}/retirement", LockRetirement),
    Route("/locks/{lock_id}/key_renewal", LockKeyRenewal),
    Route("/keys", Keys),
    Route("/keys/rotations", KeyRotations),
    Route("/keys/revocations", KeyRevocations),
]


def _shown(request: Request) -> Response:
    cloud = cloud_of(request)
    return JSONResponse(key_rotation.shown(cloud.database, cloud.downlink.keyring))
