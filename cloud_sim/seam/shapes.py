"""The shapes of what the Seam API answers, as JSON Schema: the keys that SDKs rely on, and their types.

An object may have more keys than are named here, as more properties come with time."""

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]


def _object(required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None) -> Schema:
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": sorted(required),
    }


def _list_of(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _nullable(schema: Schema) -> Schema:
    return {**schema, "type": [schema["type"], "null"]}


_TEXT: Schema = {"type": "string"}
_ID: Schema = {"type": "string", "format": "uuid"}
_TIME: Schema = {
    "type": "string",
    "format": "date-time",
    "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$",
}
_FLAG: Schema = {"type": "boolean"}
_WHOLE: Schema = {"type": "integer"}
_ANY_OBJECT: Schema = {"type": "object"}
_DIGITS: Schema = {"type": "string", "pattern": "^[0-9]{4,12}$"}
_CODE_TYPE: Schema = {"type": "string", "enum": ["ongoing", "time_bound"]}

_ISSUE_OF_CODE = _object(
    {"message": _TEXT},
    {
        "error_code": _TEXT,
        "warning_code": _TEXT,
        "created_at": _TIME,
        "is_access_code_error": _FLAG,
        "is_device_error": _FLAG,
        "unmanaged_access_code_id": _ID,
        "change_type": _TEXT,
        "modified_fields": _list_of(_ANY_OBJECT),
    },
)
_ERROR = {**_ISSUE_OF_CODE, "required": ["error_code", "message"]}
_WARNING = {**_ISSUE_OF_CODE, "required": ["message", "warning_code"]}

_OF_EVERY_CODE: Mapping[str, Schema] = {
    "access_code_id": _ID,
    "device_id": _ID,
    "workspace_id": _ID,
    "name": _nullable(_TEXT),
    "code": _nullable(_DIGITS),
    "type": _CODE_TYPE,
    "starts_at": _nullable(_TIME),
    "ends_at": _nullable(_TIME),
    "created_at": _TIME,
    "errors": _list_of(_ERROR),
    "warnings": _list_of(_WARNING),
}

SCHEMAS: Mapping[str, Schema] = {
    "access_code": _object(
        {
            **_OF_EVERY_CODE,
            "status": {"type": "string", "enum": ["setting", "set", "unset", "removing", "unknown"]},
            "is_managed": {"const": True},
            "common_code_key": _nullable(_TEXT),
            "is_backup_access_code_available": _FLAG,
            "is_external_modification_allowed": _FLAG,
            "is_offline_access_code": _FLAG,
            "is_one_time_use": _FLAG,
            "pending_mutations": _list_of(
                _object(
                    {"mutation_code": _TEXT, "message": _TEXT, "created_at": _TIME},
                    {"from": _ANY_OBJECT, "to": _ANY_OBJECT},
                )
            ),
        },
        {
            "is_backup": _FLAG,
            "pulled_backup_access_code_id": _nullable(_ID),
            "is_scheduled_on_device": _FLAG,
            "is_waiting_for_code_assignment": _FLAG,
            "appearance": _nullable(_object({"name": _TEXT})),
        },
    ),
    "unmanaged_access_code": _object(
        {
            **_OF_EVERY_CODE,
            "status": {"type": "string", "enum": ["set", "unset"]},
            "is_managed": {"const": False},
        },
        {"cannot_be_managed": {"const": True}},
    ),
    "generated_code": _object({"device_id": _ID, "code": _DIGITS}),
    "action_attempt": _object(
        {
            "action_attempt_id": _ID,
            "action_type": _TEXT,
            "status": {"type": "string", "enum": ["pending", "success", "error"]},
            "result": _nullable(_ANY_OBJECT),
            "error": _nullable(_object({"type": _TEXT, "message": _TEXT})),
        }
    ),
    "device": _object(
        {
            "device_id": _ID,
            "device_type": _TEXT,
            "display_name": _TEXT,
            "capabilities_supported": _list_of(_TEXT),
            "properties": _object(
                {
                    "online": _FLAG,
                    "name": _TEXT,
                    "appearance": _object({"name": _TEXT}),
                    "manufacturer": _TEXT,
                    "model": _ANY_OBJECT,
                    "supported_code_lengths": _list_of(_WHOLE),
                    "code_constraints": _list_of(_object({"constraint_type": _TEXT})),
                    "supports_backup_access_code_pool": _FLAG,
                    "backup_access_code_pool_enabled": _FLAG,
                    "has_native_entry_events": _FLAG,
                    "auto_lock_enabled": _FLAG,
                },
                {
                    "locked": _FLAG,
                    "door_open": _FLAG,
                    "auto_lock_delay_seconds": {"type": "number"},
                    "max_active_codes_supported": _WHOLE,
                },
            ),
            "connected_account_id": _ID,
            "workspace_id": _ID,
            "errors": _list_of(_ERROR),
            "warnings": _list_of(_WARNING),
            "created_at": _TIME,
            "is_managed": _FLAG,
            "custom_metadata": {
                "type": "object",
                "additionalProperties": {"type": ["string", "boolean"]},
            },
            "space_ids": _list_of(_ID),
        },
        {
            f"can_{what}": _FLAG
            for what in (
                "program_online_access_codes",
                "program_offline_access_codes",
                "unlock_with_code",
                "remotely_lock",
                "remotely_unlock",
                "configure_auto_lock",
                "simulate_connection",
                "simulate_disconnection",
                "simulate_removal",
            )
        },
    ),
    "event": _object(
        {
            "event_id": _ID,
            "event_type": _TEXT,
            "workspace_id": _ID,
            "created_at": _TIME,
            "occurred_at": _TIME,
        },
        {"connected_account_id": _ID, "device_id": _ID, "access_code_id": _ID},
    ),
    "webhook": _object({"webhook_id": _ID, "url": _TEXT, "event_types": _list_of(_TEXT), "secret": _TEXT}),
    "workspace": _object({"workspace_id": _ID, "name": _TEXT, "is_sandbox": _FLAG}, {"company_name": _TEXT}),
    "timeline_event": _object(
        {
            "timeline_event_id": _ID,
            "event_type": _TEXT,
            "occurred_at": _TIME,
            "description": _TEXT,
            "actor": _object(
                {"type": {"type": "string", "enum": ["api_key", "console_user", "system", "external"]}}
            ),
        },
        {"details": _ANY_OBJECT, "related_resource_ids": _ANY_OBJECT},
    ),
    "timeline_pages": _object(
        {"has_more": _FLAG, "next_cursor": _nullable(_TIME), "prev_cursor": _nullable(_TIME)}
    ),
    "pagination": _object(
        {
            "next_page_cursor": _nullable(_TEXT),
            "has_next_page": _FLAG,
            "next_page_url": _nullable(_TEXT),
        }
    ),
    "failure": _object(
        {
            "ok": {"const": False},
            "error": _object(
                {"type": {"type": "string", "pattern": "^[a-z_]+$"}, "message": _TEXT},
                {"data": _ANY_OBJECT, "validation_errors": _ANY_OBJECT},
            ),
        }
    ),
}
"""By the name that the API's description gives them."""

NOTHING: Mapping[str, Schema] = {}
"""`ok` alone."""
CODE = {"access_code": _ref("access_code")}
CODES = {"access_codes": _list_of(_ref("access_code"))}
BACKUP_CODE = {"backup_access_code": _ref("access_code")}
GENERATED_CODE = {"generated_code": _ref("generated_code")}
UNMANAGED_CODE = {"access_code": _ref("unmanaged_access_code")}
UNMANAGED_CODES = {"access_codes": _list_of(_ref("unmanaged_access_code"))}
ATTEMPT = {"action_attempt": _ref("action_attempt")}
DEVICE = {"device": _ref("device")}
DEVICES = {"devices": _list_of(_ref("device"))}
LOCK = {"lock": _ref("device")}
LOCKS = {"locks": _list_of(_ref("device"))}
EVENT = {"event": _ref("event")}
EVENTS = {"events": _list_of(_ref("event"))}
WEBHOOK = {"webhook": _ref("webhook")}
WEBHOOKS = {"webhooks": _list_of(_ref("webhook"))}
WORKSPACE = {"workspace": _ref("workspace")}
WORKSPACES = {"workspaces": _list_of(_ref("workspace"))}
TIMELINE = {
    "timeline_events": _list_of(_ref("timeline_event")),
    "pagination": _ref("timeline_pages"),
}
PAGES = {"pagination": _ref("pagination")}


def success(answers: Mapping[str, Schema]) -> Schema:
    """The whole body of an answer with these keys."""
    return _object({**answers, "ok": {"const": True}})
