"""W3C trace context: where this request stands, as the `traceparent` header says it to the next process.

https://www.w3.org/TR/trace-context/#traceparent-header
"""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from contextvars import ContextVar, Token
from dataclasses import dataclass
from typing import Self

from exporter.client.ids import ids

_VERSION_00 = 55
"""Characters of a header; later versions may add fields behind them."""

_HEADER = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-[\x20-\x7e]*)?", re.ASCII)
_ID = re.compile(r"[0-9a-f]{32}", re.ASCII)
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16


@dataclass(frozen=True, slots=True)
class TraceParent:
    """A trace and the span in it that is the parent of what comes next, in lower-case hexadecimal digits."""

    trace_id: str
    span_id: str
    sampled: bool = True

    @classmethod
    def parse(cls, header: str | None) -> Self | None:
        """What a header says; None for one that the standard calls invalid."""
        if type(header) is not str or not (found := _HEADER.fullmatch(header)):
            return None
        version, trace_id, span_id, flags = found.groups()
        if version == "ff" or (version == "00" and len(header) != _VERSION_00):
            return None
        if trace_id == _NO_TRACE or span_id == _NO_SPAN:
            return None
        return cls(trace_id, span_id, bool(int(flags, 16) & 1))

    def __str__(self) -> str:
        """The header."""
        return f"00-{self.trace_id}-{self.span_id}-{self.sampled:02x}"


current: ContextVar[TraceParent | None] = ContextVar("exai_traceparent", default=None)
"""Where the running code stands, None outside of any trace."""


def stand_at(parent: TraceParent | None) -> Token[TraceParent | None] | None:
    """Says where the running code stands; what it returns is for `stand_back`."""
    return current.set(parent) if parent else None


def stand_back(before: Token[TraceParent | None] | None) -> None:
    """Says that the running code stands where it stood before."""
    if before:
        with suppress(ValueError):  # What is given up may be closed in another context than it was begun in.
            current.reset(before)


def new_trace_id() -> str:
    """Sixteen bytes."""
    return ids.hexadecimal(32)


def new_span_id() -> str:
    """Eight bytes."""
    return ids.hexadecimal(16)


def as_trace_id(name: str) -> str:
    """A trace id for any name of a request: its own digits where it is one (a UUID is), else always the same hash."""
    digits = name.replace("-", "").lower()
    if _ID.fullmatch(digits) and digits != _NO_TRACE:
        return digits
    return hashlib.blake2b(name.encode(errors="replace"), digest_size=16).hexdigest()
