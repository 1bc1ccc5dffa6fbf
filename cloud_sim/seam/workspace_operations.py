"""`/workspaces/get`, `/workspaces/list` and `/health`."""

from typing import Any

from cloud_sim.seam import shapes
from cloud_sim.seam.dispatch import Call, operation
from cloud_sim.seam.workspace import workspace_id


def health(_call: Call) -> dict[str, Any]:
    """The API answers."""
    return {}


def get(call: Call) -> dict[str, Any]:
    """The one workspace."""
    return {"workspace": _workspace(call)}


def list_all(call: Call) -> dict[str, Any]:
    """The one workspace, in a list."""
    return {"workspaces": [_workspace(call)]}


def _workspace(call: Call) -> dict[str, Any]:
    return {
        "workspace_id": workspace_id(call.database),
        "name": "Locks of this cloud",
        "company_name": "Locks of this cloud",
        "connect_partner_name": None,
        "connect_webview_customization": {},
        "organization_id": None,
        "is_sandbox": False,
        "is_suspended": False,
        "is_publishable_key_auth_enabled": False,
    }


WORKSPACE_OPERATIONS = (
    operation("/workspaces/get", "GET POST", get, answers=shapes.WORKSPACE),
    operation("/workspaces/list", "GET POST", list_all, answers=shapes.WORKSPACES),
    operation("/health", "GET POST", health, is_open=True),
    operation("/health/get_health", "GET POST", health, is_open=True),
)
