"""A client of the Seam API that sends exactly what a test says, and takes no answer that is not described."""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from email.message import Message
from functools import cache
from typing import Any
from urllib.parse import urlencode

from jsonschema_rs import Validator, validator_for

from cloud_sim.seam import shapes
from cloud_sim.seam.description import PATH
from cloud_sim.seam.operations import OPERATIONS
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
                answer = _answer(response.status, response.read(), response.headers)
        except urllib.error.HTTPError as error:
            answer = _answer(error.code, error.read(), error.headers)
        if answer.body is not None and path != PATH:
            _shape(path.split("?")[0], answer.status).validate(answer.body)
        return answer

    def head(self, path: str) -> Answer:
        """What GET would answer, less its body."""
        return self.send("HEAD", path)

    def authorized_by(self, header: str) -> Answer:
        """A request with that for its Authorization."""
        request = urllib.request.Request(self.base_url + "/devices/list", headers={"Authorization": header})
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return _answer(response.status, response.read(), response.headers)
        except urllib.error.HTTPError as error:
            return _answer(error.code, error.read(), error.headers)

    def call(self, verb: str, path: str, **fields: Any) -> Answer:
        """In the query for GET and DELETE, as JSON for the others: as SDKs do."""
        if verb in ("GET", "DELETE"):
            query = urlencode({**fields, "_strict": "true"}, doseq=True)
            return self.send(verb, f"{path}?{query}")
        return self.send(verb, path, json.dumps(fields).encode())

    def post(self, path: str, **fields: Any) -> Answer:
        return self.call("POST", path, **fields)


def _answer(status: int, body: bytes, headers: Message) -> Answer:
    return Answer(status, json.loads(body) if body else None, dict(headers))


@cache
def _shape(path: str, status: int) -> Validator:
    """What the API's description says of such an answer."""
    by_path = {one.path: one for one in OPERATIONS}
    schema = shapes.success(by_path[path].answers) if status == 200 else shapes.SCHEMAS["failure"]
    return validator_for({**schema, "components": {"schemas": dict(shapes.SCHEMAS)}}, validate_formats=True)


def raw_client(cloud: CloudProcess) -> Raw:
    """A client with the key of that cloud."""
    root = cloud.base_url.removesuffix("/device-cloud")
    return Raw(f"{root}/seam", cloud.state.seam_api_key.read_text().strip())
