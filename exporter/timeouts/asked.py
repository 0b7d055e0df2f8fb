"""Reads the body of POST /api/v1/timeout/estimate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from exporter.calls import USUAL_REQUEST_TYPE
from exporter.conventions import is_printable
from exporter.decode.validate import refusal
from exporter.events import Count
from exporter.timeout_settings import Quantile
from exporter.timeouts.service import EstimateRequest
from exporter.types import Refused

MOST_MESSAGES = 10_000
DEEPEST = 16
"""Lists and objects within each other in a message."""

_Name = Annotated[str, Meta(min_length=1, max_length=128)]


class _Asked(Struct):
    model: _Name
    messages: Annotated[list[dict[str, Any]], Meta(max_length=MOST_MESSAGES)] | None = None
    request_type: _Name | None = None
    prompt_tokens: Count | None = None
    max_tokens: Count | None = None
    quantile: Quantile | None = None


_decoder = msgspec.json.Decoder(_Asked)


def read_request(body: bytes) -> EstimateRequest:
    """What the body asks; fields that we do not know are left out.

    Raises:
        Refused: it cannot be used; names the field, none where the body as a whole is meant.
    """
    try:
        asked = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise refusal(error) from None
    _check_name("model", asked.model)
    if asked.request_type is not None:
        _check_name("request_type", asked.request_type)
    for place, message in enumerate(asked.messages or ()):
        _check_message(f"messages[{place}]", message)
    return EstimateRequest(
        model=asked.model,
        messages=asked.messages,
        request_type=asked.request_type or USUAL_REQUEST_TYPE,
        prompt_tokens=asked.prompt_tokens,
        max_tokens=asked.max_tokens,
        quantile=asked.quantile,
    )


def _check_name(field: str, name: str) -> None:
    if not is_printable(name) or not name.strip():
        raise Refused(field, "invalid", "not printable characters")


def _check_message(field: str, message: Mapping[str, Any]) -> None:
    content = message.get("content")
    if not isinstance(content, str | list | None):
        raise Refused(f"{field}.content", "wrong_type", "neither a string nor a list of parts")
    for place, part in enumerate(content if isinstance(content, list) else ()):
        if not isinstance(part, str | dict):
            raise Refused(f"{field}.content[{place}]", "wrong_type", "neither a string nor an object")
    if _is_deeper(message, DEEPEST):
        raise Refused(field, "too_deep", "nested too deeply")


def _is_deeper(value: Any, levels: int) -> bool:
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list):
        return False
    return levels == 0 or any(_is_deeper(item, levels - 1) for item in value)
