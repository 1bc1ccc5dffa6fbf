"""The OpenAPI 3.1 document of the Seam API, made from the operations that answer requests."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from cloud_sim.seam import shapes
from cloud_sim.seam.parameters import Parameter

if TYPE_CHECKING:
    from cloud_sim.seam.dispatch import Operation

PATH = "/openapi.json"
IN_QUERY = ("GET", "DELETE")
"""Verbs whose fields SDKs send in the query; with the others they are a JSON body."""
FAILURES = {
    "400": "A field is missing, wrong, or contradicts another; or the locks cannot do it",
    "401": "No API key, or a wrong one",
    "404": "There is no such thing",
    "405": "This operation does not have this verb",
    "409": "The digits belong to another code of the device",
    "413": "The body is too large",
    "429": "Too many requests of this kind about one device; Retry-After says when the next may come",
    "500": "A bug; the cloud's log says more",
}


def description(operations: Iterable["Operation"], url: str) -> dict[str, Any]:
    """The document, for the API at `url`, absolute or from the root of the host."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Seam-compatible API of the cloud simulator",
            "version": "1",
            "description": "Where the seam SDKs operate locks; docs/seam-api.md explains every operation.",
        },
        "servers": [{"url": url}],
        "security": [{"api_key": []}],
        "paths": {one.path: _path(one) for one in operations},
        "components": {
            "securitySchemes": {"api_key": {"type": "http", "scheme": "bearer"}},
            "schemas": dict(shapes.SCHEMAS),
            "responses": {status: _failure(text) for status, text in FAILURES.items()},
        },
    }


def _path(operation: "Operation") -> dict[str, Any]:
    return {verb.lower(): _operation(operation, verb) for verb in sorted(operation.verbs)}


def _operation(operation: "Operation", verb: str) -> dict[str, Any]:
    name = operation.path.strip("/").replace("/", "_")
    return {
        "operationId": f"{name}_{verb.lower()}",
        "tags": [operation.path.split("/")[1]],
        **({"security": []} if operation.is_open else {}),
        **(_query(operation) if verb in IN_QUERY else _body(operation)),
        "responses": {
            "200": {
                "description": "Done, or on its way",
                "headers": _HEADERS,
                "content": {"application/json": {"schema": shapes.success(operation.answers)}},
            },
            **{status: {"$ref": f"#/components/responses/{status}"} for status in FAILURES},
        },
    }


def _query(operation: "Operation") -> dict[str, Any]:
    """Lists repeat their name."""
    return {
        "parameters": [
            {
                "name": one.name,
                "in": "query",
                "required": one.is_required,
                "schema": one.kind.schema,
                **({"style": "deepObject"} if one.kind.schema["type"] == "object" else {}),
            }
            for one in operation.declared
        ]
    }


def _body(operation: "Operation") -> dict[str, Any]:
    needed = [one.name for one in operation.declared if one.is_required]
    schema = {
        "type": "object",
        "properties": {one.name: _field(one) for one in operation.declared},
        **({"required": needed} if needed else {}),
    }
    return {"requestBody": {"required": bool(needed), "content": {"application/json": {"schema": schema}}}}


def _field(parameter: Parameter) -> Mapping[str, Any]:
    """Null for an optional field is the same as leaving it out, or clears what was there."""
    if parameter.is_required:
        return parameter.kind.schema
    return {"anyOf": [parameter.kind.schema, {"type": "null"}]}


def _failure(text: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/failure"}
    return {"description": text, "headers": _HEADERS, "content": {"application/json": {"schema": schema}}}


_HEADERS = {"seam-request-id": {"required": True, "schema": {"type": "string", "format": "uuid"}}}
