"""A client of the Seam API that sends exactly what a test says."""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from tests.cloud.site import Answer, CloudProcess


@dataclass(frozen=True, slots=True)
class Raw:
    """`base_url` ends in /seam."""

    base_url: str
    key: str | None = field(repr=False)

    def send(
        self, verb: str, path: str, body: bytes | None = None, content_type: str = "application/json"
    ) -> Answer:
        """One request as it stands."""
        headers = {"Content-Type": content_type} if body is not None else {}
        if self.key is not None:
            headers["Authorization"] = f"Bearer {self.key}"
        request = urllib.request.Request(self.base_url + path, body, headers, method=verb)
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return Answer(response.status, json.loads(response.read()), dict(response.headers))
        except urllib.error.HTTPError as error:
            return Answer(error.code, json.loads(error.read()), dict(error.headers))

    def call(self, verb: str, path: str, **fields: Any) -> Answer:
        """In the query for GET and DELETE, as JSON for the others: as SDKs do."""
        if verb in ("GET", "DELETE"):
            query = urlencode({**fields, "_strict": "true"}, doseq=True)
            return self.send(verb, f"{path}?{query}")
        return self.send(verb, path, json.dumps(fields).encode())

    def post(self, path: str, **fields: Any) -> Answer:
        return self.call("POST", path, **fields)


def raw_client(cloud: CloudProcess) -> Raw:
    """A client with the key of that cloud."""
    root = cloud.base_url.removesuffix("/device-cloud")
    return Raw(f"{root}/seam", cloud.state.seam_api_key.read_text().strip())
