"""The API's description as a fuzzer reads it, with ids in it that exist."""

import json
from typing import Any

from tests.seam.raw import Raw

UNKNOWN = "e3e70682-c209-4cac-a29f-6fbed82c07cd"
_ANY_ID = {"type": "string", "format": "uuid"}


def described(raw: Raw, known: dict[str, str]) -> dict[str, Any]:
    """The document of a running cloud. Fields in `known` (name -> id) are that id or one of nobody:
    by chance a fuzzer would never find what there is."""
    document = raw.send("GET", "/openapi.json").body
    for operations in document["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                parameter["schema"] = _with_known(parameter["schema"], parameter["name"], known)
            for content in operation.get("requestBody", {}).get("content", {}).values():
                fields = content["schema"]["properties"]
                fields.update({name: _with_known(one, name, known) for name, one in fields.items()})
    return dict(document)


def _with_known(schema: dict[str, Any], name: str, known: dict[str, str]) -> dict[str, Any]:
    if name.removesuffix("s") not in known:
        return schema
    some = {"type": "string", "enum": [known[name.removesuffix("s")], UNKNOWN]}
    return dict(json.loads(json.dumps(schema).replace(json.dumps(_ANY_ID), json.dumps(some))))
