"""Which event ids have been counted within the last hour, whichever source brought them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

WINDOW_S = 3600.0
MOST = 1_000_000
SLICE_S = 10.0
SLICE_IDS = 10_000
"""Ids are forgotten by slices of that length, or of so many ids."""


class Repeats:
    """Remembers at most a million ids for an hour.

    In memory an id is its 64-bit hash (two different ids of one hour meet once in 10^7 such hours); on
    disk it is the text, since Python salts its hashes anew in every process.
    """

    def __init__(self) -> None:
        self.unsaved: list[str] = []
        self._known: set[int] = set()
        self._slices: deque[tuple[float, list[int]]] = deque()

    def without(self, events: list[Any], now: float) -> list[Any]:
        """The events whose id has not come before; events without an id always count."""
        self._forget(now)
        return [event for event in events if event.event_id is None or self._is_new(event.event_id, now)]

    def restore(self, ids: Iterable[str], then: float) -> None:
        """Takes back ids that were counted at that Unix time; older ones first."""
        for event_id in ids:
            self._remember(hash(event_id), then)

    def _is_new(self, event_id: str, now: float) -> bool:
        digest = hash(event_id)
        if digest in self._known:
            return False
        self._remember(digest, now)
        self.unsaved.append(event_id)
        return True

    def _remember(self, digest: int, now: float) -> None:
        if not self._slices or now - self._slices[-1][0] >= SLICE_S or len(self._slices[-1][1]) >= SLICE_IDS:
            self._slices.append((now, []))
            if len(self._known) >= MOST:
                self._forget_oldest()
        self._slices[-1][1].append(digest)
        self._known.add(digest)

    def _forget(self, now: float) -> None:
        while self._slices and now - self._slices[0][0] > WINDOW_S + SLICE_S:
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        self._known.difference_update(self._slices.popleft()[1])
