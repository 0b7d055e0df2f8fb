"""The outcome of the operation that a connection event ends."""

from __future__ import annotations

from typing import Literal

from exporter.events import REFUSED_DIRECTIONS

Outcome = Literal["ok", "error", "refused"]

_NEVER_AN_OPERATION = frozenset(("duration_recorded",))
"""The gateway writes such an event besides the one of the call itself."""

_ENDS_AN_OPERATION = frozenset(("receive", "success", "connect"))


def operation_outcome(direction: str, *, failed: bool, timed: bool) -> Outcome | None:
    """Return the outcome of the operation that the event ends, None if it ends none.

    `failed` events have direction `error` or an error text, `timed` ones a response time. A `send` without either
    begins an operation that another event ends.
    """
    if direction in _NEVER_AN_OPERATION:
        return None
    if direction in REFUSED_DIRECTIONS:
        return "refused"
    if failed:
        return "error"
    return "ok" if timed or direction in _ENDS_AN_OPERATION else None
