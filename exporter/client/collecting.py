"""Collects what a semantic cache does, and sends it in the background."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

from exporter.client.cache_targets import Operation, Target
from exporter.client.delivery import Sent
from exporter.client.transport import Transport, close_all
from exporter.types import Clock

_LONGEST_LABEL, _LONGEST_KEY, _LONGEST_MESSAGE, _LONGEST_METADATA = 128, 512, 2000, 4096


class CacheCollector:
    """Collects from any thread for the given targets; sends `batch_size` at once, or what `flush_interval_s` brought.

    `capacity` operations wait for each target at most. Nothing is raised into who records.
    """

    def __init__(
        self,
        targets: Sequence[Target],
        *,
        enabled: bool = True,
        batch_size: int = 100,
        flush_interval_s: float = 60.0,
        capacity: int = 10_000,
        clock: Clock = time.time,
    ) -> None:
        self.enabled = enabled
        self._clock = clock
        self._targets = targets
        self._transports = [
            Transport(target.delivery, capacity=capacity, at_once=batch_size, every_s=flush_interval_s)
            for target in targets
        ]

    def start(self) -> None:
        """Takes operations; needed only after `stop`."""
        for transport in self._transports:
            transport.open()

    def stop(self, within_s: float = 2.0) -> None:
        """Sends what is left, for so many seconds at most; the rest, and what is recorded later, is dropped."""
        close_all(self._transports, within_s)

    def flush(self, within_s: float = 5.0) -> bool:
        """Sends everything recorded so far; False when that takes longer."""
        ends = time.monotonic() + within_s
        for transport in self._transports:
            transport.hurry()
        return all(transport.flush(max(0.0, ends - time.monotonic())) for transport in self._transports)

    def record(
        self,
        operation: str,
        cache_key: str | None,
        implementation: str,
        response_time_ms: float | None = None,
        cache_size: int | None = None,
        *,
        similarity: float | None = None,
        error_type: str | None = None,
        error_message: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Records a hit, miss, set, evict or error; `cache_size` is in entries, `similarity` 0…1.

        What is too long is cut, metadata of more than 4,096 characters are left out.
        """
        if not self.enabled:
            return
        told = Operation(
            operation=operation,
            implementation=_cut(implementation, _LONGEST_LABEL) or "",
            timestamp=round(self._clock(), 6),
            event_id=uuid.uuid4().hex,
            cache_key=_cut(cache_key, _LONGEST_KEY),
            response_time_ms=_number(float, response_time_ms),
            cache_size=_number(int, cache_size),
            similarity=_number(float, similarity),
            error_type=_cut(error_type, _LONGEST_LABEL),
            error_message=_cut(error_message, _LONGEST_MESSAGE),
            metadata=_plain(metadata),
        )
        for target, transport in zip(self._targets, self._transports, strict=True):
            transport.put(target.shape(told))

    def statistics(self) -> dict[str, Sent]:
        """What became of the operations, by target."""
        pairs = zip(self._targets, self._transports, strict=True)
        return {target.name: transport.tally() for target, transport in pairs}

    def get_stats(self) -> dict[str, int]:
        """Operations collected, and those sent, failed (refused), dropped and buffered, which count for each target."""
        tallies = list(self.statistics().values())
        sums = {
            "sent": sum(tally.taken for tally in tallies),
            "failed": sum(tally.refused for tally in tallies),
            "dropped": sum(tally.dropped for tally in tallies),
            "buffered": sum(tally.waiting for tally in tallies),
        }
        return {"collected": sum(sums.values()) // max(1, len(tallies)), **sums}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self.stop)


def _cut(text: object, most: int) -> str | None:
    if text is None:
        return None
    try:
        return str(text)[:most]
    except Exception:
        return type(text).__name__


def _number(kind: Callable[[Any], Any], value: Any) -> Any:
    """The value as a plain number; what is none is left for the server to refuse."""
    try:
        return None if value is None else kind(value)
    except Exception:
        return value


def _plain(metadata: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Metadata as JSON can hold them."""
    if not metadata:
        return None
    try:
        written = json.dumps(dict(metadata), default=str, allow_nan=False)
        return json.loads(written) if len(written) <= _LONGEST_METADATA else None
    except Exception:
        return None
