"""The HTTP API's people: all that is kept of one, and how it is erased."""

from typing import TYPE_CHECKING, Any

from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cloud_sim import answers, api_fields, locks, offline_answers, offline_codes, people, reported
from cloud_sim.api_context import cloud_of
from cloud_sim.api_errors import ApiError

if TYPE_CHECKING:
    from cloud_sim.device_cloud_api import Cloud


class PersonExport(HTTPEndpoint):
    """`/people/<name or person_id>/export`."""

    async def get(self, request: Request) -> Response:
        """Codes, events, and rows of journals about them."""
        cloud, person = cloud_of(request), request.path_params["person"]
        codes = people.codes_of(cloud.database, person)
        offline = offline_codes.of_person(cloud.database, person)
        ids = {row["access_code_id"] for row in (*codes, *offline)}
        told = people.told_of(cloud.database, person, ids)
        if not ids and not told:
            message = "nothing is kept of anybody with this name or person_id; capitals and spaces count"
            raise ApiError(404, "PERSON_NOT_FOUND", message)
        exported = {
            "person": person,
            "access_codes": [
                *(_shown(cloud, row) for row in codes),
                *(_shown_offline(cloud, row) for row in offline),
            ],
            "events": people.events_of(cloud.database, ids),
            "seam_events": told,
            "journal_rows": people.journal_rows_of(cloud.database, ids),
        }
        return JSONResponse(exported)


class Person(HTTPEndpoint):
    """`/people/<name or person_id>`."""

    async def delete(self, request: Request) -> Response:
        """Erase a person. Again is harmless, and finishes what was cut short."""
        cloud = cloud_of(request)
        await api_fields.read_body(request)
        erased = people.erase(cloud.database, request.path_params["person"], cloud.wall())
        for lock_id in erased.lock_ids.intersection(locks.enrolled_lock_ids(cloud.database)):
            cloud.downlink.manifest(lock_id)
        return JSONResponse({"ok": True, "access_codes": erased.access_codes, "events": erased.events})


def _shown(cloud: "Cloud", row: dict[str, object]) -> dict[str, object]:
    proof = reported.evidence(cloud.database, str(row["lock_id"]), cloud.wall())
    return answers.access_code(row, proof, cloud.database.owner_id, cloud.wall())


def _shown_offline(cloud: "Cloud", row: dict[str, Any]) -> dict[str, Any]:
    known = offline_codes.knowledge(cloud.database, row["lock_id"])
    return offline_answers.shown(row, known, cloud.database.owner_id, cloud.wall())


ROUTES = (
    Route("/people/{person:path}/export", PersonExport),
    Route("/people/{person:path}", Person),
)
