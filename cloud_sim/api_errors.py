"""The failures of the HTTP API, in the words of both guides for device clouds."""

from dataclasses import dataclass, field
from typing import Any

from starlette.responses import JSONResponse


@dataclass(slots=True)
class ApiError(Exception):
    """A request that is refused; nothing was changed. `message` names what is wrong and how to mend it,
    and never holds digits of a code."""

    status: int
    error_code: str
    message: str
    headers: dict[str, str] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)

    def response(self) -> JSONResponse:
        """The older guide reads error_id and error_message, its successor error_code and message."""
        body = {
            "ok": False,
            "error_id": self.error_code,
            "error_message": self.message,
            "error_code": self.error_code,
            "message": self.message,
            **self.details,
        }
        return JSONResponse(body, self.status, self.headers)
