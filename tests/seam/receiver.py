"""A real HTTP endpoint for webhooks, which fails as it is told."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from seam.seam_webhook import SeamWebhook


@dataclass(slots=True)
class Receiver:
    """What came in. `answers` are the statuses of the next requests; after them every one is 200."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    requests: list[tuple[dict[str, str], str]] = field(default_factory=list)
    """Headers and body of each request, in order."""

    @property
    def ids(self) -> list[str]:
        return [headers["svix-id"] for headers, _ in self.requests]

    def verified(self, secret: str) -> list[Any]:
        """Every request as the real SDK reads it; it raises for one that is not properly signed."""
        return [SeamWebhook(secret).verify(body, headers) for headers, body in self.requests]


@contextmanager
def listening(*answers: int) -> Iterator[Receiver]:
    """An endpoint on a free port."""
    receiver = Receiver(answers=list(answers))

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            receiver.requests.append(({key.lower(): value for key, value in self.headers.items()}, body))
            self.send_response(receiver.answers.pop(0) if receiver.answers else 200)
            self.send_header("Location", receiver.url + "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
            del format, args

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
