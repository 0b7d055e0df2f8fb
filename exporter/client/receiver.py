"""Who takes the batches of an outbox, and what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

Taken = TypeVar("Taken", contravariant=True)


@dataclass(slots=True)
class Sent:
    """What became of events: taken by the server, refused by it, or dropped here; `waiting` still do."""

    taken: int = 0
    refused: int = 0
    dropped: int = 0
    waiting: int = 0


class Receiver(Protocol[Taken]):
    """Where batches go."""

    def deliver(self, batch: Sequence[Taken], key: str) -> Sent | None:
        """Hands a batch over once; None while there is reason to try the same again. The key names the batch."""

    def hang_up(self) -> None:
        """Closes the connections that are kept."""
