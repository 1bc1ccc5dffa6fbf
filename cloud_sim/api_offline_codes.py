"""The HTTP API's offline codes: issuing one, revoking one, and the code that cancels others at the door."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agent.offline_setup import SetupFault
from cloud_sim import (
    api_fields,
    commands,
    offline_answers,
    offline_codes,
    offline_issuing,
    offline_revocation,
)
from cloud_sim.answers import iso
from cloud_sim.api_context import cloud_of, lock_row
from cloud_sim.api_errors import ApiError
from cloud_sim.offline_issuing import NotIssued, WantedOfflineCode, Why

if TYPE_CHECKING:
    from cloud_sim.device_cloud_api import Cloud

FLAG = "is_offline_access_code"
FIELDS = (FLAG, "max_time_rounding")
"""What asks for an offline code, besides the fields of every code."""
_TAKEN = {*FIELDS, "name", "person_id", "starts_at", "ends_at", "is_one_time_use"}
_ERROR_IDS = {Why.NOT_SUPPORTED: "NO_OFFLINE_CODES", Why.NONE_LEFT: "NO_SPACE", Why.WINDOW: "INVALID_WINDOW"}


class OfflineCancellation(HTTPEndpoint):
    """`/locks/<lock_id>/offline_cancellation`."""

    async def post(self, request: Request) -> Response:
        """A code that ends, once typed at the door, the offline codes that start before a time."""
        cloud, lock_id = cloud_of(request), lock_row(request)["lock_id"]
        fields = await api_fields.read_object(request, ("before", "kid"))
        before = api_fields.time_of(fields, "before")
        at_s = cloud.wall() if before is None else before.timestamp()
        setup = offline_issuing.setup_of(cloud.database, lock_id)
        if setup is None or not offline_issuing.is_supported(setup):
            raise ApiError(409, "NO_OFFLINE_CODES", "this lock has no setup with a key of this cloud")
        kid = fields.get("kid")
        if kid is not None and (type(kid) is not int or not 0 <= kid <= 255):
            raise ApiError(400, "INVALID_FIELD", "kid must be a whole number from 0 to 255")
        found = offline_revocation.cancelling(cloud.database, setup, at_s, cloud.wall(), kid)
        if found is None:
            message = "no key of this lock may cancel then; see its offline_setup (policy, slots)"
            raise ApiError(409, "NO_OFFLINE_CODES", message)
        if found.until_s <= cloud.wall():
            message = (
                "a code that cancels is for 24 hours from its hour; give before within the last 24 hours"
            )
            raise ApiError(400, "INVALID_TIME", message)
        shown = {
            "code": found.code,
            "kid": found.kid,
            "ends_codes_before": iso(found.from_s),
            "valid_from": iso(found.from_s),
            "valid_until": iso(found.until_s),
            "hits": list(found.hits),
            "spares": list(found.spares),
        }
        return JSONResponse(shown, headers={"Cache-Control": "no-store"})


ROUTES = (Route("/locks/{lock_id}/offline_cancellation", OfflineCancellation),)


def is_asked_for(fields: Mapping[str, Any]) -> bool:
    """Whether the body of a new code asks for an offline one; ApiError where it says what only one has."""
    is_wanted = api_fields.flag_of(fields, FLAG)
    if not is_wanted and fields.get("max_time_rounding") is not None:
        raise ApiError(400, "INVALID_FIELD", f"max_time_rounding is for offline codes; add {FLAG}")
    return is_wanted


def create(cloud: "Cloud", lock_id: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Issue the code that a body asks for; as it is shown."""
    wanted = _wanted(fields)
    with cloud.database.transaction():
        issued = offline_issuing.issue_code(cloud.database, lock_id, wanted, cloud.wall())
    if isinstance(issued, NotIssued):
        about = f"{issued.field}: " if issued.field else ""
        status = 400 if issued.why is Why.WINDOW else 409
        raise ApiError(status, _ERROR_IDS[issued.why], about + issued.message)
    row = offline_codes.find(cloud.database, issued)
    if row is None:
        raise LookupError("the code that was just issued is not there")
    return offline_answers.shown(
        row, offline_codes.knowledge(cloud.database, lock_id), cloud.database.owner_id, cloud.wall()
    )


def _wanted(fields: Mapping[str, Any]) -> WantedOfflineCode:
    for name, value in fields.items():
        if name not in _TAKEN and value is not None:
            message = f"an offline code says its window and nothing else by its digits; leave {name} out"
            raise ApiError(400, "INVALID_FIELD", message)
    rounding = fields.get("max_time_rounding") or "1hour"
    if rounding not in offline_issuing.ROUNDINGS_S:
        listed = ", ".join(offline_issuing.ROUNDINGS_S)
        raise ApiError(400, "INVALID_FIELD", f"max_time_rounding must be one of {listed}")
    starts_at, ends_at = (api_fields.time_of(fields, name) for name in ("starts_at", "ends_at"))
    return WantedOfflineCode(
        name=api_fields.name_of(fields),
        person_id=api_fields.name_of(fields, "person_id"),
        starts_s=None if starts_at is None else starts_at.timestamp(),
        ends_s=None if ends_at is None else ends_at.timestamp(),
        is_one_time_use=api_fields.flag_of(fields, "is_one_time_use"),
        rounding_s=offline_issuing.ROUNDINGS_S[rounding],
    )


def refuse_change() -> NoReturn:
    """What a code says by its digits stays said."""
    message = "an offline code says its window by its digits, so it cannot be changed; create another one"
    raise ApiError(409, "OFFLINE_ACCESS_CODE", message)


def revoke(cloud: "Cloud", row: dict[str, Any]) -> None:
    """Have the lock refuse a code: by its next setup, and if it is connected and took it before, at once.
    What is over stays so."""
    known = offline_codes.knowledge(cloud.database, row["lock_id"])
    if not offline_codes.may_open(row, known, cloud.wall()):
        return
    try:
        with cloud.database.transaction():
            offline_revocation.revoke(cloud.database, row, cloud.wall())
    except SetupFault as fault:
        message = f"the lock cannot be told of so many revoked codes ({fault}); give it another key instead"
        raise ApiError(409, "NO_SPACE", message) from None
    cloud.downlink.offline_setup(row["lock_id"])
    ids = [row["access_code_id"]]
    commands.revoke(cloud.database, cloud.downlink, row["lock_id"], ids, cloud.wall())
