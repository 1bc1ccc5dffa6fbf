"""Posts one event to one endpoint, on a thread of its own so that nobody waits for a slow one."""

import asyncio
import http.client
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Post:
    """What to send where. `timeout_s` is for connecting and for each wait for bytes."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    timeout_s: float


async def post(message: Post) -> str | None:
    """Send it; None when the endpoint took it (2xx), else why not. Never raises.

    No redirect is followed and no proxy used: it goes to the address that somebody registered."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[str | None] = loop.create_future()

    def work() -> None:
        failure = _send(message)
        try:
            loop.call_soon_threadsafe(_settle, answer, failure)
        except RuntimeError:  # the loop closed meanwhile: the event is sent again after the next start
            return

    # Daemonic: a cloud that ends does not wait for endpoints.
    threading.Thread(target=work, name="webhook", daemon=True).start()
    return await answer


def _settle(answer: asyncio.Future[str | None], failure: str | None) -> None:
    if not answer.done():
        answer.set_result(failure)


def _send(message: Post) -> str | None:
    try:
        parts = urlsplit(message.url)
        connection = _connection(parts.scheme, parts.hostname or "", parts.port, message.timeout_s)
        try:
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("POST", target, message.body, dict(message.headers))
            status = connection.getresponse().status
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, ValueError) as error:
        return f"{type(error).__name__}: {error}"
    return None if 200 <= status < 300 else f"it answered {status}"


def _connection(scheme: str, host: str, port: int | None, timeout_s: float) -> http.client.HTTPConnection:
    if scheme == "https":
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(host, port, timeout=timeout_s, context=context)
    return http.client.HTTPConnection(host, port, timeout=timeout_s)
