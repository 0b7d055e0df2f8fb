"""Events pushed over HTTP: POST /api/v1/events.

A body is decoded first, so that the reply can name every bad event; then it is journalled with its reply,
and only when that is on disk is it acknowledged and handed to the fold.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable
from threading import Event as Flag

import msgspec

from exporter.types import (
    Batch,
    Clock,
    Decoded,
    Intake,
    KeyReused,
    Move,
    Push,
    PushedBody,
    Refused,
    Reply,
    SourceHealth,
    StoreFull,
)

Decode = Callable[[bytes, float, bool], Decoded]
"""Decodes a body that arrived at that Unix time, and is NDJSON or not; raises Refused for the whole."""

MOST_MEMBERS = 100
"""Members of one gzip body."""

LONGEST_KEY = 256
"""Characters of an idempotency key."""

MOST_ERRORS_NAMED = 100
"""Rejections that one reply lists; the others are counted."""

_JSON, _NDJSON = "application/json", "application/x-ndjson"
_ACKNOWLEDGED_WITHIN_S = 30.0
_encode = msgspec.json.Encoder().encode


class HttpPush:
    """The intake for pushed events."""

    name = "http"

    def __init__(
        self,
        *,
        decode: Decode,
        append: Callable[[Push, float], bytes],
        submit: Callable[[Batch], None],
        takes_pushes: Callable[[], bool],
        clock: Clock,
        inflated_bytes: int,
    ) -> None:
        self._decode = decode
        self._append = append
        self._submit = submit
        self._takes_pushes = takes_pushes
        self._clock = clock
        self._inflated_bytes = inflated_bytes

    def run(self, _: Intake, health: SourceHealth, stop: Flag) -> None:
        """Is up as long as the store takes writes."""
        while not stop.is_set():
            if not self._takes_pushes():
                raise StoreFull("the store takes no writes now")
            health.read_to_end()
            stop.wait(1.0)

    def committed(self, position: Move) -> None:
        """The journal deletes what is folded by itself."""

    def take(self, request: PushedBody) -> Reply:
        """Answers 202 once what is good is durable, 4xx for what cannot be taken, 503 if nothing can."""
        now = self._clock()
        try:
            body, ndjson = self._open(request)
            decoded = self._decode(body, now, ndjson)
        except Refused as error:
            self._submit(Batch(self.name, received=now, rejections=[error.at(0, request.body)]))
            return Reply(_STATUS.get(error.reason, 400), _encode({"error": str(error), "reason": error.reason}))
        return self._keep(request, body, ndjson, decoded, now)

    def _keep(self, request: PushedBody, body: bytes, ndjson: bool, decoded: Decoded, now: float) -> Reply:
        reply = _report(decoded)
        batch = Batch(self.name, decoded.events, received=now, rejections=decoded.rejections, size=len(body))
        if not decoded.events:
            self._submit(batch)
            return Reply(400 if decoded.rejections else 202, reply)
        digest = hashlib.blake2b(body, digest_size=16).digest() if request.key else b""
        try:
            push = Push(body, ndjson, batch, reply, request.key, digest)
            return Reply(202, self._append(push, _ACKNOWLEDGED_WITHIN_S))
        except KeyReused:
            return Reply(422, _encode({"error": "Idempotency-Key came before with another body"}))
        except (StoreFull, TimeoutError):
            return Reply(503, _encode({"error": "the store takes no writes now"}), (("Retry-After", "5"),))

    def _open(self, request: PushedBody) -> tuple[bytes, bool]:
        media = request.content_type.partition(";")[0].strip().lower()
        if media not in (_JSON, _NDJSON):
            raise Refused("Content-Type", "media_type", f"Content-Type is neither {_JSON} nor {_NDJSON}")
        if request.key is not None and not (0 < len(request.key) <= LONGEST_KEY and request.key.isprintable()):
            raise Refused("Idempotency-Key", "bad_key", f"Idempotency-Key is not 1 to {LONGEST_KEY} characters")
        encoding = request.content_encoding.strip().lower()
        if encoding not in ("", "identity", "gzip"):
            raise Refused("Content-Encoding", "content_encoding", "Content-Encoding is not gzip")
        body = inflate(request.body, self._inflated_bytes) if encoding == "gzip" else request.body
        return body, media == _NDJSON


_STATUS = {"media_type": 415, "content_encoding": 415, "too_large": 413, "too_many": 413}


def inflate(body: bytes, most: int) -> bytes:
    """Inflates one or more gzip members, never past `most` bytes.

    Raises:
        Refused: it is larger, cut off, or not gzip.
    """
    inflated = bytearray()
    rest = body
    try:
        for _ in range(MOST_MEMBERS):
            if not rest:
                break
            member = zlib.decompressobj(zlib.MAX_WBITS | 16)
            inflated += member.decompress(rest, most - len(inflated) + 1)
            if len(inflated) > most:
                raise Refused("", "too_large", f"the body inflates past {most} bytes")
            if not member.eof:
                raise Refused("", "malformed", "the gzip body is cut off")
            rest = member.unused_data
    except zlib.error as error:
        raise Refused("", "malformed", f"the body is not gzip: {error}") from error
    if rest or not body:
        raise Refused("", "malformed", "the body is no gzip, or of too many members")
    return bytes(inflated)


def _report(decoded: Decoded) -> bytes:
    errors = [
        {"index": each.index, "field": each.field, "reason": each.reason, "message": each.message}
        for each in decoded.rejections[:MOST_ERRORS_NAMED]
    ]
    return _encode({"accepted": decoded.accepted, "rejected": len(decoded.rejections), "errors": errors})
