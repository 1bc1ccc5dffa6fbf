"""`/webhooks/create`, `get`, `list`, `update` and `delete`."""

from typing import Any

from cloud_sim.seam import shapes, webhooks
from cloud_sim.seam.dispatch import Call, operation
from cloud_sim.seam.errors import SeamError, invalid_input
from cloud_sim.seam.parameters import UUID, Parameter, many, required, text

MOST_WEBHOOKS = 50
"""Each may hold a thread for as long as its endpoint does not answer."""
URL_LIMIT = 2000


def create(call: Call) -> dict[str, Any]:
    """Tell a URL of every event from now on."""
    url = call.given["url"]
    _check_url(url)
    if len(webhooks.every(call.database)) >= MOST_WEBHOOKS:
        message = f"there are {MOST_WEBHOOKS} webhooks, no more are possible; delete one first"
        raise SeamError(400, "too_many_webhooks", message)
    event_types = _event_types(call) or [webhooks.EVERYTHING]
    webhook_id = webhooks.create(call.database, url, event_types, call.wall)
    return {"webhook": webhooks.find(call.database, webhook_id)}


def get(call: Call) -> dict[str, Any]:
    """One webhook with its secret."""
    return {"webhook": _existing(call)}


def list_all(call: Call) -> dict[str, Any]:
    """All webhooks, oldest first."""
    return {"webhooks": webhooks.every(call.database)}


def update(call: Call) -> dict[str, Any]:
    """Ask for other types of events."""
    webhook = _existing(call)
    event_types = _event_types(call)
    if not event_types:
        raise invalid_input({"event_types": "Must name at least one type; * is all"})
    webhooks.set_event_types(call.database, webhook["webhook_id"], event_types)
    return {"webhook": webhooks.find(call.database, webhook["webhook_id"])}


def delete(call: Call) -> dict[str, Any]:
    """Tell it no more."""
    webhooks.delete(call.database, _existing(call)["webhook_id"])
    return {}


def _existing(call: Call) -> dict[str, Any]:
    webhook = webhooks.find(call.database, call.given["webhook_id"])
    if webhook is None:
        raise SeamError(
            404, "webhook_not_found", "there is no webhook with this id; /webhooks/list lists all"
        )
    return webhook


def _event_types(call: Call) -> list[str]:
    return list(dict.fromkeys(call.given.get("event_types") or ()))


def _check_url(url: str) -> None:
    if not webhooks.is_sound_url(url):
        raise invalid_input({"url": "Invalid url: give http:// or https:// with a host, without a password"})


WEBHOOK_OPERATIONS = (
    operation(
        "/webhooks/create",
        "POST",
        create,
        required("url", text(1, URL_LIMIT)),
        Parameter("event_types", many(text(1, 200))),
        answers=shapes.WEBHOOK,
    ),
    operation("/webhooks/get", "GET POST", get, required("webhook_id", UUID), answers=shapes.WEBHOOK),
    operation("/webhooks/list", "GET POST", list_all, answers=shapes.WEBHOOKS),
    operation(
        "/webhooks/update",
        "POST PUT",
        update,
        required("webhook_id", UUID),
        required("event_types", many(text(1, 200))),
        answers=shapes.WEBHOOK,
    ),
    operation("/webhooks/delete", "POST DELETE", delete, required("webhook_id", UUID)),
)
