"""The HTTP API's access codes: creating, listing, changing and deleting them."""

import sqlite3
from typing import TYPE_CHECKING, Any

from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agent.commands import IDS_AT_ONCE
from cloud_sim import (
    access_codes,
    answers,
    api_bulk_codes,
    api_fields,
    api_offline_codes,
    code_constraints,
    code_updates,
    commands,
    locks,
    offline_answers,
    offline_codes,
    reported,
    unmanaged_codes,
)
from cloud_sim.access_codes import Full, NewAccessCode, Refused, Taken
from cloud_sim.api_changes import changed_columns
from cloud_sim.api_context import cloud_of, existing_lock, lock_row
from cloud_sim.api_errors import ApiError

if TYPE_CHECKING:
    from cloud_sim.device_cloud_api import Cloud


class LockAccessCodes(HTTPEndpoint):
    """`/locks/<lock_id>/access_codes`."""

    async def get(self, request: Request) -> Response:
        """The codes of a lock."""
        return _codes_of(cloud_of(request), lock_row(request)["lock_id"])

    async def post(self, request: Request) -> Response:
        """Create a code, or with `access_codes` many. It is `pending` until the lock holds it."""
        cloud = cloud_of(request)
        lock_id = lock_row(request)["lock_id"]
        fields = await api_fields.read_large_object(
            request,
            api_bulk_codes.CREATE,
            api_bulk_codes.BODY_LIMIT_BYTES,
            (*api_fields.ACCESS_CODE_FIELDS, *api_offline_codes.FIELDS),
        )
        if api_offline_codes.is_asked_for(fields):
            return JSONResponse(api_offline_codes.create(cloud, lock_id, fields), 201)

        def check(wanted: NewAccessCode) -> None:
            if wanted.code is not None:
                _check_taken_by_lock(cloud, lock_id, wanted.code)

        if api_bulk_codes.is_bulk(fields):
            return _create_all(cloud, lock_id, api_bulk_codes.new_codes(fields, cloud.wall(), check))
        wanted = api_fields.new_access_code(fields, cloud.wall())
        check(wanted)
        capacity = reported.evidence(cloud.database, lock_id, cloud.wall()).capacity
        created = access_codes.create(cloud.database, lock_id, wanted, cloud.wall(), capacity)
        if not isinstance(created, str):
            raise _refusal(created)
        _tell(cloud, lock_id)
        return JSONResponse(_shown(cloud, created), 201)

    async def delete(self, request: Request) -> Response:
        """Ask for many codes to be removed, each as its own DELETE would."""
        cloud = cloud_of(request)
        lock_id = lock_row(request)["lock_id"]
        fields = await api_fields.read_large_object(
            request, api_bulk_codes.DELETE, api_bulk_codes.BODY_LIMIT_BYTES
        )
        rows = api_bulk_codes.rows_to_delete(cloud, lock_id, fields)
        _delete(cloud, lock_id, rows)
        ids = [row["access_code_id"] for row in rows]
        return JSONResponse({"ok": True, "access_code_ids": ids, "status": "pending"})


class AccessCodes(HTTPEndpoint):
    """`/access_codes?lock_id=`."""

    async def get(self, request: Request) -> Response:
        """The codes of a lock, as the older guide asks for them."""
        lock_id = request.query_params.get("lock_id")
        if not lock_id:
            raise ApiError(400, "INVALID_QUERY", "say which lock: /access_codes?lock_id=<lock_id>")
        cloud = cloud_of(request)
        return _codes_of(cloud, existing_lock(cloud, lock_id)["lock_id"])


class AccessCode(HTTPEndpoint):
    """`/access_codes/<access_code_id>`."""

    async def get(self, request: Request) -> Response:
        """One code, bare."""
        cloud = cloud_of(request)
        issued = _issued(cloud, request)
        if issued is not None:
            return JSONResponse(_shown_offline(cloud, issued["lock_id"], [issued])[0])
        return JSONResponse(_shown(cloud, request.path_params["access_code_id"]))

    async def patch(self, request: Request) -> Response:
        """Change what the body names, and nothing else; null takes a rule away."""
        cloud = cloud_of(request)
        fields = await api_fields.read_object(request, api_fields.ACCESS_CODE_FIELDS)
        if _issued(cloud, request) is not None:
            api_offline_codes.refuse_change()
        row = _code_row(cloud, request.path_params["access_code_id"])
        if row["deleted_ms"] is not None:
            raise ApiError(404, "ACCESS_CODE_NOT_FOUND", "this access code is deleted; create a new one")
        if not row["is_managed"]:
            message = "this access code was made at the door; convert it at the Seam API before changing it"
            raise ApiError(409, "NOT_MANAGED", message)
        changed = changed_columns(row, fields, cloud.wall())
        if changed["code"] != row["code"]:
            _check_taken_by_lock(cloud, row["lock_id"], changed["code"])
        with cloud.database.transaction():
            refused = code_updates.update(cloud.database, row, changed, cloud.wall())
            if refused is not None:
                raise _taken(refused)
        _tell(cloud, row["lock_id"])
        return JSONResponse(_shown(cloud, row["access_code_id"]))

    async def delete(self, request: Request) -> Response:
        """Ask for a code to be removed; listed as `removing` until the lock confirms. Again is harmless. An
        offline code is revoked."""
        cloud = cloud_of(request)
        await api_fields.read_body(request)
        issued = _issued(cloud, request)
        if issued is not None:
            api_offline_codes.revoke(cloud, issued)
            return JSONResponse({"ok": True, "access_code_id": issued["access_code_id"], "status": "pending"})
        row = _code_row(cloud, request.path_params["access_code_id"])
        _delete(cloud, row["lock_id"], [row])
        return JSONResponse({"ok": True, "access_code_id": row["access_code_id"], "status": "pending"})


ROUTES = (
    Route("/locks/{lock_id}/access_codes", LockAccessCodes),
    Route("/access_codes", AccessCodes),
    Route("/access_codes/{access_code_id}", AccessCode),
)


def _check_taken_by_lock(cloud: "Cloud", lock_id: str, digits: str) -> None:
    """Refuse now what the lock would refuse later, as far as it has said what it takes."""
    problem = code_constraints.problem(cloud.database, lock_id, digits)
    if problem is not None:
        limits = code_constraints.of_lock(cloud.database, lock_id)
        message = (
            f"the lock does not take this code ({problem.value}): {answers.error_text(problem.value)};"
            f" lengths {list(limits.code_lengths)}, digits {limits.digits}, or leave code out to be given one"
        )
        raise ApiError(400, "CODE_CONSTRAINTS_VIOLATED", message, details={"constraint": problem.value})


def _create_all(cloud: "Cloud", lock_id: str, wanted: list[NewAccessCode]) -> Response:
    capacity = reported.evidence(cloud.database, lock_id, cloud.wall()).capacity
    with cloud.database.transaction():
        created = access_codes.add_all(cloud.database, lock_id, wanted, cloud.wall(), capacity)
    if isinstance(created, Refused):
        raise api_bulk_codes.refusal(created, _refusal)
    _tell(cloud, lock_id)
    return JSONResponse({"access_codes": [_shown(cloud, each) for each in created]}, 201)


def _delete(cloud: "Cloud", lock_id: str, rows: list[dict[str, Any]]) -> None:
    """Delete codes of a lock, and have it refuse them before it has heard of the new set."""
    try:
        access_codes.delete_all(cloud.database, lock_id, rows, cloud.wall())
    except sqlite3.Error as error:  # the older guide names this failure
        message = "Unexpected Server Error: the cloud's storage failed and nothing was removed; try again"
        raise ApiError(500, "ACCESS_CODE_REMOVAL_FAILED", message) from error
    _tell(cloud, lock_id)
    in_set = [row["access_code_id"] for row in rows if row["is_in_set"]]
    for ids in api_bulk_codes.batches(in_set, IDS_AT_ONCE):
        commands.revoke(cloud.database, cloud.downlink, lock_id, ids, cloud.wall())
    unmanaged_codes.have_deleted(cloud.database, cloud.downlink, lock_id, cloud.wall())


def _refusal(why: Taken | Full) -> ApiError:
    if isinstance(why, Full):
        message = f"the lock holds {why.capacity} codes and is full; delete one first"
        return ApiError(409, "NO_SPACE", message)
    return _taken(why)


def _taken(taken: Taken) -> ApiError:
    message = (
        f"access code {taken.access_code_id} of this lock has these digits and has not ended;"
        " choose others, or leave code out to be given some"
    )
    return ApiError(409, "PIN_CONFLICT", message, details={"access_code_id": taken.access_code_id})


def _code_row(cloud: "Cloud", access_code_id: str) -> dict[str, Any]:
    row = access_codes.find(cloud.database, access_code_id)
    if row is None:
        message = "there is no access code with this id; it was never created, or is deleted"
        raise ApiError(404, "ACCESS_CODE_NOT_FOUND", message)
    return row


def _shown(cloud: "Cloud", access_code_id: str) -> dict[str, Any]:
    row = _code_row(cloud, access_code_id)
    proof = reported.evidence(cloud.database, row["lock_id"], cloud.wall())
    return answers.access_code(row, proof, cloud.database.owner_id, cloud.wall())


def _codes_of(cloud: "Cloud", lock_id: str) -> Response:
    proof = reported.evidence(cloud.database, lock_id, cloud.wall())
    owner_id = cloud.database.owner_id
    rows = access_codes.of_lock(cloud.database, lock_id)
    shown = [answers.access_code(row, proof, owner_id, cloud.wall()) for row in rows]
    shown += _shown_offline(cloud, lock_id, offline_codes.of_lock(cloud.database, lock_id))
    return JSONResponse({"access_codes": shown})


def _issued(cloud: "Cloud", request: Request) -> dict[str, Any] | None:
    """The offline code in the path, if it is one."""
    return offline_codes.find(cloud.database, request.path_params["access_code_id"])


def _shown_offline(cloud: "Cloud", lock_id: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    known, owner_id = offline_codes.knowledge(cloud.database, lock_id), cloud.database.owner_id
    return [offline_answers.shown(row, known, owner_id, cloud.wall()) for row in rows]


def _tell(cloud: "Cloud", lock_id: str) -> None:
    """A lock without keys cannot be told yet; it is when it enrols."""
    if lock_id in locks.enrolled_lock_ids(cloud.database):
        cloud.downlink.manifest(lock_id)
