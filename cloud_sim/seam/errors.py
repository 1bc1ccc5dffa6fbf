"""The failures of the Seam API, in the envelope that its SDKs read."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import JSONResponse, Response


@dataclass(slots=True)
class SeamError(Exception):
    """A request that is refused; nothing was changed. `message` names what is wrong and how to mend it,
    and never holds digits of a code."""

    status: int
    error_type: str
    message: str
    data: dict[str, Any] = field(default_factory=dict)
    validation_errors: dict[str, Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def response(self) -> Response:
        """The envelope; SDKs make SeamHttpApiError or SeamHttpInvalidInputError of it."""
        error: dict[str, Any] = {"type": self.error_type, "message": self.message}
        if self.data:
            error["data"] = self.data
        if self.validation_errors is not None:
            error["validation_errors"] = self.validation_errors
        return respond({"error": error, "ok": False}, self.status, self.headers)


def respond(
    body: dict[str, Any] | None, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """An answer under an id of its own, which SDKs show as the request id. `body` None: none."""
    every = {"seam-request-id": str(uuid.uuid4()), **(headers or {})}
    return Response(None, status, every) if body is None else JSONResponse(body, status, every)


def invalid_input(issues: Mapping[str, str]) -> SeamError:
    """400 for one or more fields: name -> what is wrong; "" for what is wrong of the whole.

    A field that is missing has the issue "Required"."""
    texts = [_sentence(name, issue) for name, issue in issues.items()]
    message = texts[0] if len(texts) == 1 else f"{len(texts)} Input Errors: {', '.join(texts)}"
    validation: dict[str, Any] = {"_errors": [issues[""]] if "" in issues else []}
    validation |= {name: {"_errors": [issue]} for name, issue in issues.items() if name}
    return SeamError(400, "invalid_input", message, validation_errors=validation)


def _sentence(name: str, issue: str) -> str:
    if not name:
        return issue
    return f"{name} is required" if issue == "Required" else f'{issue} for "{name}"'
