"""How a batch of events reaches its server, and what the server says became of them."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from exporter.client.http_peer import Answered, AwayError, HttpPeer
from exporter.client.receiver import Sent

__all__ = ["EVENTS_PATH", "Delivery", "Sent", "WriteBatch", "as_array"]

log = logging.getLogger(__name__)

EVENTS_PATH = "/api/v1/events"

WriteBatch = Callable[[str, Sequence[bytes]], bytes]
"""Makes the body of a push from its idempotency key and its events, each written as JSON."""

_LIMIT_S = 10.0
_TRY_AGAIN = {401, 403, 404, 408, 421, 429}
"""Among them what a token, a host name or a path answers that is not set up yet."""


def as_array(_key: str, events: Sequence[bytes]) -> bytes:
    """The batch that the exporter takes."""
    return b"[" + b",".join(events) + b"]"


@dataclass(frozen=True, slots=True)
class Delivery:
    """Where batches go, and in what shape. What the server does not take is logged once for each status."""

    peer: HttpPeer
    path: str = EVENTS_PATH
    write: WriteBatch = as_array
    _told: set[int] = field(default_factory=set, init=False, compare=False)

    def deliver(self, events: Sequence[bytes], key: str) -> Sent | None:
        """Pushes a batch once; None while there is reason to try the same again."""
        try:
            answer = self.peer.post(self.path, self.write(key, events), _LIMIT_S, {"Idempotency-Key": key})
        except AwayError:
            return None
        refused = min(len(events), _rejected(answer)) if answer.status < 300 else len(events)
        if refused:
            self._tell(answer)
        if answer.status in _TRY_AGAIN or answer.status >= 500:
            return None
        return Sent(taken=len(events) - refused, refused=refused)

    def hang_up(self) -> None:
        """Closes the connections that are kept."""
        self.peer.hang_up()

    def _tell(self, answer: Answered) -> None:
        if answer.status not in self._told:
            self._told.add(answer.status)
            log.warning("%s does not take all events: HTTP %d %.300r", self.path, answer.status, answer.body)


def _rejected(answer: Answered) -> int:
    try:
        return max(0, int(json.loads(answer.body)["rejected"]))
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
        return 0
