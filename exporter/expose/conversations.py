"""POST /api/v1/conversations/delete: what the exporter itself holds of one conversation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, NamedTuple

import msgspec
from flask import Flask, Response, request
from msgspec import Meta, Struct

from exporter.decode.validate import refusal
from exporter.json_routes import bad_body, refusal_of_request, reply
from exporter.pseudonyms import pseudonym
from exporter.types import StoreFull

PATH = "/api/v1/conversations/delete"


class Deleted(NamedTuple):
    """How many events were deleted: recent ones in memory, and those on disk that PostgreSQL does not have yet."""

    recent_events: int
    spooled_events: int


class _Conversation(Struct, forbid_unknown_fields=True):
    conversation: Annotated[str, Meta(min_length=1)]
    """Its id, plain or hashed."""


_decoder = msgspec.json.Decoder(_Conversation)

Delete = Callable[[str], Deleted]
"""Takes the pseudonym of a conversation."""


def add_conversations(app: Flask, delete: Delete, may_administer: Callable[[str], bool], body_bytes: int) -> None:
    """Add the route; `may_administer` judges the Authorization header."""

    @app.post(PATH)
    def delete_conversation() -> Response:
        refused = refusal_of_request(may_administer, body_bytes, "admin")
        if refused is not None:
            return refused
        try:
            conversation = pseudonym(_decoder.decode(request.get_data(cache=False)).conversation)
            deleted = delete(conversation)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            return bad_body(refusal(error))
        except StoreFull as error:
            return reply(503, {"error": str(error)})
        return reply(200, {"conversation": conversation, **deleted._asdict()})
