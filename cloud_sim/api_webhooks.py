"""The HTTP API's webhooks: who is told of the guide's events as they happen."""

from typing import Any

from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cloud_sim import api_fields, guide_events
from cloud_sim.api_context import cloud_of
from cloud_sim.api_errors import ApiError
from cloud_sim.seam import webhooks

FIELDS = ("url", "events")
MOST_WEBHOOKS = 50
"""Each may hold a thread for as long as its endpoint does not answer."""
URL_LIMIT = 2000


class Webhooks(HTTPEndpoint):
    """`/webhooks`."""

    async def get(self, request: Request) -> Response:
        """All webhooks of this API."""
        found = webhooks.every(cloud_of(request).database, guide_events.FACE)
        return JSONResponse({"webhooks": [_shown(each) for each in found]})

    async def post(self, request: Request) -> Response:
        """Tell a URL of events from now on."""
        cloud = cloud_of(request)
        fields = await api_fields.read_object(request, FIELDS)
        url, events = _url(fields.get("url")), _events(fields.get("events"))
        with cloud.database.transaction():
            if len(webhooks.every(cloud.database, guide_events.FACE)) >= MOST_WEBHOOKS:
                message = f"there are {MOST_WEBHOOKS} webhooks, no more are possible; delete one first"
                raise ApiError(409, "TOO_MANY_WEBHOOKS", message)
            guide_events.begin(cloud.database)
            webhook_id = webhooks.create(cloud.database, url, events, cloud.wall(), guide_events.FACE)
        made = webhooks.find(cloud.database, webhook_id, guide_events.FACE) or {}
        return JSONResponse(_shown(made), 201)


class Webhook(HTTPEndpoint):
    """`/webhooks/<webhook_id>`."""

    async def delete(self, request: Request) -> Response:
        """Tell it no more; a delivery under way may still arrive."""
        cloud, webhook_id = cloud_of(request), request.path_params["webhook_id"]
        await api_fields.read_body(request)
        if webhooks.find(cloud.database, webhook_id, guide_events.FACE) is None:
            message = "there is no webhook with this id; GET /device-cloud/webhooks lists all"
            raise ApiError(404, "WEBHOOK_NOT_FOUND", message)
        webhooks.delete(cloud.database, webhook_id)
        return JSONResponse({"ok": True, "webhook_id": webhook_id})


ROUTES = (Route("/webhooks", Webhooks), Route("/webhooks/{webhook_id}", Webhook))


def _shown(webhook: dict[str, Any]) -> dict[str, Any]:
    return {
        "webhook_id": webhook["webhook_id"],
        "status": "active",
        "url": webhook["url"],
        "events": webhook["event_types"],
        "secret": webhook["secret"],
    }


def _url(url: object) -> str:
    if isinstance(url, str) and len(url) <= URL_LIMIT and webhooks.is_sound_url(url):
        return url
    message = (
        f"url must be http:// or https:// with a host, without a password, of at most {URL_LIMIT} characters"
    )
    raise ApiError(400, "INVALID_URL", message)


def _events(events: object) -> list[str]:
    if events is None:
        return [webhooks.EVERYTHING]
    known = (*guide_events.EVENT_TYPES, webhooks.EVERYTHING)
    if isinstance(events, list) and events and all(each in known for each in events):
        return list(dict.fromkeys(events))
    raise ApiError(400, "INVALID_EVENTS", f"events must be a list of these: {', '.join(known)}")
