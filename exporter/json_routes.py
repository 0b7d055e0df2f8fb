"""What routes that take and give JSON have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from flask import Response, request

from exporter.types import Refused

_JSON = "application/json"
_encode = msgspec.json.Encoder().encode


def refusal_of_request(allowed: Callable[[str], bool], body_bytes: int, token: str) -> Response | None:
    """The answer to a request that may not be read; None: it may. `token` names the token that is needed."""
    refused = refusal_of_caller(allowed, token)
    if refused is not None:
        return refused
    if request.mimetype != _JSON or request.headers.get("Content-Encoding", "identity") != "identity":
        return reply(415, {"error": f"the body is not plain {_JSON}"})
    if (request.content_length or 0) > body_bytes:
        return reply(413, {"error": f"the body is larger than {body_bytes} bytes"})
    return None


def refusal_of_caller(allowed: Callable[[str], bool], token: str) -> Response | None:
    """Return the answer to a caller who does not show the token; None if the token is right."""
    if allowed(request.headers.get("Authorization", "")):
        return None
    response = reply(401, {"error": f"the {token} token is missing or wrong"})
    response.headers["WWW-Authenticate"] = "Bearer"
    return response


def bad_body(error: Refused) -> Response:
    """The answer to a body that cannot be used: it names the field."""
    field = error.field or "body"
    return reply(400, {"error": f"{field}: {error}", "field": field, "reason": error.reason})


def reply(status: int, document: dict[str, Any]) -> Response:
    """A JSON document."""
    return Response(_encode(document), status, content_type=_JSON)
