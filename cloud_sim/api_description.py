"""The OpenAPI 3.1 document of the device-cloud API: its routes, what they take and what they answer."""

from collections.abc import Iterable, Mapping
from typing import Any

from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from agent.core.access_code import Kind
from agent.core.modes import Mode
from agent.core.schedule_fields import MAX_HOLIDAYS, MAX_WEEKLY
from cloud_sim import (
    api_actions,
    api_fields,
    api_keys,
    api_offline_rotation,
    api_rules,
    api_webhooks,
    guide_events,
    offline_issuing,
)

Schema = Mapping[str, Any]
VERBS = ("get", "post", "patch", "put", "delete")
WITHOUT_TOKEN = ("/health", "/device-cloud/health", "/device-cloud/openapi.json", "/enrolments")
FAILURES = {
    "400": "Something about the request is wrong, and named",
    "401": "No token, or a wrong one",
    "403": "The invitation is not worth an enrolment",
    "404": "There is no such thing",
    "405": "Not with this verb",
    "409": "Not now: the digits are taken, the lock is full or not connected",
    "413": "The body is too large",
    "415": "The body is not JSON",
    "500": "A bug, or the storage failed",
}

_TEXT: Schema = {"type": "string"}
_ID: Schema = {"type": "string", "format": "uuid"}
_FLAG: Schema = {"type": "boolean"}
_WHOLE: Schema = {"type": "integer"}
_TIME: Schema = {"type": "string", "format": "date-time"}
_NAME: Schema = {
    "type": "string",
    "minLength": 1,
    "maxLength": api_fields.NAME_LIMIT,
    "pattern": api_fields.NAME_PATTERN,
}


def _whole(most: int, least: int = 1) -> Schema:
    return {"type": "integer", "minimum": least, "maximum": most}


def _maybe(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": sorted(properties)}


def _list(items: Schema, least: int = 0, most: int | None = None) -> Schema:
    return {
        "type": "array",
        "items": items,
        "minItems": least,
        **({} if most is None else {"maxItems": most}),
    }


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


CODE_FIELDS: Mapping[str, Schema] = {
    "name": _NAME,
    "person_id": _NAME,
    "code": {"type": "string", "pattern": "^[0-9]{4,8}$"},
    "starts_at": _TIME,
    "ends_at": _TIME,
    "is_one_time_use": _FLAG,
    "works_without_clock": _FLAG,
    "kind": {"type": "string", "enum": [kind.value for kind in Kind]},
    "max_uses": _whole(api_rules.MOST_USES),
    "enabled": _FLAG,
    "extended_release": _FLAG,
    "expires_after_first_use_s": _whole(api_rules.LONGEST_S),
    "first_use_within_s": _whole(api_rules.LONGEST_S),
    "weekly": _list({"type": "object"}, 1, MAX_WEEKLY),
    "zone": _TEXT,
    "holidays": _list({"type": "object"}, 1, MAX_HOLIDAYS),
}
"""What a code may be asked to be."""
OFFLINE_CODE_FIELDS: Mapping[str, Schema] = {
    "is_offline_access_code": _FLAG,
    "max_time_rounding": {"enum": list(offline_issuing.ROUNDINGS_S)},
}
"""What a new code may be besides."""
ACTION_FIELDS: Mapping[str, Schema] = {
    "action": {"type": "string", "enum": list(api_actions.ARGUMENTS)},
    "custom_id": {"type": "string", "maxLength": api_actions.CUSTOM_ID_LIMIT},
    "for_s": {"type": "number", "minimum": 1, "maximum": 60},
    "length_class": {"type": "string", "enum": ["short", "long"]},
    "mode": {"type": "string", "enum": [mode.value for mode in Mode]},
}
MODE_SCHEDULE_FIELDS: Mapping[str, Schema] = {
    name: CODE_FIELDS[name] for name in ("weekly", "zone", "holidays")
}
OFFLINE_SETUP_FIELDS: Mapping[str, Schema] = {
    "device_id": _ID,
    "digits": _whole(10, 8),
    "phase_s": {"enum": [0, 900, 1800, 2700]},
    "first_use_within_h": _whole(72),
    "tolerance_s": _whole(1800, 0),
    "journal_epoch": _TEXT,
    **{name: _list({"type": "object"}) for name in ("keys", "denied", "technicians")},
}
OFFLINE_ROTATION_FIELDS: Mapping[str, Schema] = {
    "issuer": _whole(255, 0),
    "when": {"enum": list(api_offline_rotation.WHEN)},
    "at": _TIME,
    "revoke_used": _FLAG,
}
WEBHOOK_FIELDS: Mapping[str, Schema] = {
    "url": {"type": "string", "format": "uri", "maxLength": api_webhooks.URL_LIMIT},
    "events": _list({"enum": [*guide_events.EVENT_TYPES, "*"]}, 1),
}
INVITATION_FIELDS: Mapping[str, Schema] = {"name": _NAME, "device_id": _ID}
BODIES: Mapping[str, tuple[Mapping[str, Schema], tuple[str, ...]]] = {
    "post /device-cloud/locks/{lock_id}/access_codes": ({**CODE_FIELDS, **OFFLINE_CODE_FIELDS}, ()),
    "patch /device-cloud/access_codes/{access_code_id}": (CODE_FIELDS, ()),
    "post /device-cloud/locks/{lock_id}/actions": (ACTION_FIELDS, ("action",)),
    "post /device-cloud/keys/rotations": ({"key": {"enum": list(api_keys.PURPOSES)}}, ("key",)),
    "post /device-cloud/keys/revocations": ({"kid": _TEXT}, ("kid",)),
    "put /device-cloud/locks/{lock_id}/mode_schedule": (MODE_SCHEDULE_FIELDS, ("zone",)),
    "put /device-cloud/locks/{lock_id}/offline_setup": (OFFLINE_SETUP_FIELDS, ()),
    "post /device-cloud/locks/{lock_id}/offline_cancellation": ({"before": _TIME, "kid": _whole(255, 0)}, ()),
    "post /device-cloud/locks/{lock_id}/offline_rotations": (OFFLINE_ROTATION_FIELDS, ()),
    "post /device-cloud/restorations": ({"unused": {"enum": list(api_offline_rotation.UNUSED)}}, ()),
    "post /device-cloud/invitations": (INVITATION_FIELDS, ()),
    "post /device-cloud/webhooks": (WEBHOOK_FIELDS, ("url",)),
}
"""By call: the fields of its body, and those that must be there."""
PAGING: Mapping[str, Schema] = {"after": _whole(2**53, 0), "limit": _whole(1000)}
QUERIES: Mapping[str, Mapping[str, Schema]] = {
    "get /device-cloud/access_codes": {"lock_id": _TEXT},
    "get /device-cloud/locks/{lock_id}/events": PAGING,
    "get /device-cloud/locks/{lock_id}/duress_events": PAGING,
}
CREATED = (
    "post /device-cloud/locks/{lock_id}/access_codes",
    "post /device-cloud/invitations",
    "post /device-cloud/webhooks",
)
"""Answered with 201."""
_WISH_STATUS: Schema = {"type": "string", "enum": ["none", "pending", "applied", "refused"]}
_OK: Schema = {"const": True}
_EVENTS: Schema = _list(
    _object(event_id=_ID, event_type=_TEXT, lock_id=_ID, occurred_at=_TIME, sequence=_WHOLE)
)
_HEALTH = _object(ok=_OK, broker_connected=_FLAG)
_KEY_RENEWAL: Schema = _object(
    status={"type": "string", "enum": ["none", "waiting", "refused", "accepted", "done"]},
    **dict.fromkeys(("reason", "asked_at", "ended_at"), _maybe(_TEXT)),
)
ANSWERS: Mapping[str, Schema] = {
    "post /device-cloud/locks/{lock_id}/retirement": _object(ok={"const": True}, lock_id=_ID, had_keys=_FLAG),
    "post /device-cloud/locks/{lock_id}/key_renewal": _object(
        ok={"const": True},
        lock_id=_ID,
        keys=_object(identity=_TEXT, sealing=_TEXT),
        key_renewal=_KEY_RENEWAL,
    ),
    "post /device-cloud/locks/{lock_id}/set_epoch": _object(
        ok={"const": True}, lock_id=_ID, set_epoch=_WHOLE, rev=_WHOLE
    ),
    "get /device-cloud/keys": _ref("keys"),
    "post /device-cloud/keys/rotations": _ref("keys"),
    "post /device-cloud/keys/revocations": _ref("keys"),
    "get /health": _HEALTH,
    "get /device-cloud/health": _HEALTH,
    "get /device-cloud/openapi.json": _object(openapi=_TEXT, paths={"type": "object"}),
    "get /device-cloud/locks": _object(locks=_list(_ref("lock"))),
    "get /device-cloud/locks/{lock_id}": _ref("lock"),
    "get /device-cloud/locks/{lock_id}/access_codes": _object(access_codes=_list(_ref("access_code"))),
    "post /device-cloud/locks/{lock_id}/access_codes": _ref("access_code"),
    "get /device-cloud/access_codes": _object(access_codes=_list(_ref("access_code"))),
    "get /device-cloud/access_codes/{access_code_id}": _ref("access_code"),
    "patch /device-cloud/access_codes/{access_code_id}": _ref("access_code"),
    "delete /device-cloud/access_codes/{access_code_id}": _object(ok=_OK, access_code_id=_ID, status=_TEXT),
    "get /device-cloud/locks/{lock_id}/events": _object(events=_EVENTS),
    "get /device-cloud/locks/{lock_id}/duress_events": _object(duress_events=_list({"type": "object"})),
    "post /device-cloud/invitations": _object(device_id=_ID, invitation=_TEXT),
    "get /device-cloud/refused_messages": _object(refused_messages=_list({"type": "object"})),
    "post /device-cloud/locks/{lock_id}/actions": _ref("action"),
    "get /device-cloud/locks/{lock_id}/actions/{action_id}": _ref("action"),
    **{
        f"{verb} /device-cloud/locks/{{lock_id}}/mode_schedule": _ref("mode_schedule")
        for verb in ("get", "put", "delete")
    },
    **{
        f"{verb} /device-cloud/locks/{{lock_id}}/offline_setup": _ref("offline_setup")
        for verb in ("get", "put")
    },
    "post /device-cloud/locks/{lock_id}/offline_cancellation": _object(
        code=_TEXT,
        kid=_WHOLE,
        hits=_list(_ID),
        spares=_list(_ID),
        **dict.fromkeys(("ends_codes_before", "valid_from", "valid_until"), _TIME),
    ),
    "post /device-cloud/locks/{lock_id}/offline_rotations": _object(
        lock_id=_ID,
        issuer=_WHOLE,
        kid=_WHOLE,
        former_kids=_list(_WHOLE),
        starts_from=_TIME,
        ended_access_code_ids=_list(_ID),
        issuer_file=_maybe({"type": "object"}),
        rev=_WHOLE,
        status=_WISH_STATUS,
        guess_chance={"type": "number"},
        is_guess_bound_met=_FLAG,
    ),
    "post /device-cloud/restorations": _object(
        ok=_OK, locks=_list(_object(lock_id=_ID, kid=_maybe(_WHOLE), message=_maybe(_TEXT)))
    ),
    "get /device-cloud/people/{person}/export": _object(
        person=_TEXT, access_codes=_list(_ref("access_code"))
    ),
    "get /device-cloud/webhooks": _object(webhooks=_list(_ref("webhook"))),
    "post /device-cloud/webhooks": _ref("webhook"),
    "delete /device-cloud/webhooks/{webhook_id}": _object(ok=_OK, webhook_id=_ID),
    "delete /device-cloud/people/{person}": _object(ok=_OK, access_codes=_WHOLE, events=_WHOLE),
}
SCHEMAS: Mapping[str, Schema] = {
    "lock": _object(
        lock_id=_ID,
        name=_maybe(_TEXT),
        created_at=_TIME,
        enrolled=_FLAG,
        key_renewal=_KEY_RENEWAL,
        online=_FLAG,
        last_seen_at=_maybe(_TIME),
        device_time=_maybe(_TIME),
        applied_rev=_WHOLE,
        head_rev=_WHOLE,
        desired=_object(set_epoch=_WHOLE, rev=_WHOLE, count=_WHOLE),
        reported=_maybe({"type": "object"}),
        settings=_object(wanted=_maybe({"type": "object"}), status=_WISH_STATUS, reason=_maybe(_TEXT)),
    ),
    "access_code": _object(
        access_code_id=_ID,
        lock_id=_ID,
        owner_id=_ID,
        created_at=_TIME,
        is_managed=_FLAG,
        status={"type": "string", "enum": ["pending", "active", "ended"]},
        state={"type": "string", "enum": ["setting", "set", "unset", "removing", "unknown"]},
        errors=_list(_object(error_code=_TEXT, message=_TEXT)),
        uses=_WHOLE,
        **{name: _maybe(_TEXT) for name in ("name", "person_id", "code", "starts_at", "ends_at", "zone")},
        **dict.fromkeys(
            (
                *("is_offline_access_code", "is_one_time_use", "works_without_clock", "enabled"),
                "extended_release",
            ),
            _FLAG,
        ),
    ),
    "action": _object(
        action_id=_ID,
        custom_id=_maybe(_TEXT),
        lock_id=_ID,
        action=_TEXT,
        status={"type": "string", "enum": ["pending", "success", "failed"]},
        message=_TEXT,
        created_at=_TIME,
        answered_at=_maybe(_TIME),
    ),
    "keys": _object(
        signing=_TEXT,
        sealing=_TEXT,
        former_signing=_list(_object(kid=_TEXT, until=_TIME, is_revoked=_FLAG)),
        former_sealing=_list(_TEXT),
        locks_with_an_older_key=_WHOLE,
    ),
    "mode_schedule": _object(
        lock_id=_ID,
        mode_schedule=_maybe({"type": "object"}),
        status=_WISH_STATUS,
        reason=_maybe(_TEXT),
        changed_at=_maybe(_TIME),
    ),
    "offline_setup": _object(
        lock_id=_ID,
        status=_WISH_STATUS,
        rev=_WHOLE,
        offline_setup=_maybe({"type": "object"}),
        retired_kids=_list(_WHOLE),
        guess_chance=_maybe({"type": "number"}),
        is_guess_bound_met=_FLAG,
    ),
    "webhook": _object(
        webhook_id=_ID, status={"const": "active"}, url=_TEXT, events=_list(_TEXT), secret=_TEXT
    ),
    "failure": _object(
        ok={"const": False}, error_id=_TEXT, error_message=_TEXT, error_code=_TEXT, message=_TEXT
    ),
}


class Description(HTTPEndpoint):
    """`/openapi.json`."""

    async def get(self, request: Request) -> Response:
        """This description, without a token."""
        return JSONResponse(description(request.app.routes))


def calls(routes: Iterable[BaseRoute], prefix: str = "") -> Iterable[tuple[str, str, type[HTTPEndpoint]]]:
    """(verb, path, endpoint) of everything that is there."""
    for route in routes:
        if isinstance(route, Mount):
            yield from calls(route.routes, prefix + route.path)
        elif isinstance(route, Route) and isinstance(route.endpoint, type):
            path = prefix + route.path.replace(":path}", "}")
            yield from ((verb, path, route.endpoint) for verb in VERBS if hasattr(route.endpoint, verb))


def description(routes: Iterable[BaseRoute]) -> dict[str, Any]:
    """The document of these routes; enrolment, which is between locks and the cloud, is left out."""
    paths: dict[str, dict[str, Any]] = {}
    for verb, path, endpoint in calls(routes):
        if f"{verb} {path}" in ANSWERS:
            paths.setdefault(path, {})[verb] = _operation(verb, path, getattr(endpoint, verb).__doc__ or "")
    return {
        "openapi": "3.1.0",
        "info": {"title": "Device cloud", "version": "1", "description": "docs/device-cloud.md explains it."},
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": dict(SCHEMAS),
            "responses": {status: _answer(text, _ref("failure")) for status, text in FAILURES.items()},
        },
    }


def _operation(verb: str, path: str, says: str) -> dict[str, Any]:
    call = f"{verb} {path}"
    status = "201" if call in CREATED else "200"
    named = [part.strip("{}") for part in path.split("/") if part.startswith("{")]
    parameters = [{"name": name, "in": "path", "required": True, "schema": _TEXT} for name in named]
    parameters += [
        {"name": name, "in": "query", "required": schema == _TEXT, "schema": schema}
        for name, schema in QUERIES.get(call, {}).items()
    ]
    return {
        "summary": says.partition("\n")[0],
        "parameters": parameters,
        **({"security": []} if path in WITHOUT_TOKEN else {}),
        **({"requestBody": _body(*BODIES[call])} if call in BODIES else {}),
        "responses": {
            status: _answer("Done, or on its way", ANSWERS[call]),
            **{status: {"$ref": f"#/components/responses/{status}"} for status in FAILURES},
        },
    }


def _body(fields: Mapping[str, Schema], needed: tuple[str, ...]) -> dict[str, Any]:
    """Null for a field that may be left out is the same as leaving it out, or takes away what was there."""
    properties = {name: schema if name in needed else _maybe(schema) for name, schema in fields.items()}
    schema = {
        "type": "object",
        "properties": properties,
        "required": list(needed),
        "additionalProperties": False,
    }
    return {"required": bool(needed), "content": {"application/json": {"schema": schema}}}


def _answer(text: str, schema: Schema) -> dict[str, Any]:
    return {"description": text, "content": {"application/json": {"schema": schema}}}
