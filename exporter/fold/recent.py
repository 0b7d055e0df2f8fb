"""The newest events and what became of each, in a bounded ring in memory.

Only the fold's thread may use it. Events are kept by reference: they are turned into JSON, and their secrets
masked, when they are read.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from math import inf
from typing import Any, NamedTuple

import msgspec

from exporter.events import Reading
from exporter.types import Batch

MOST_EVENTS = 10_000
MOST_BYTES = 32 * 1024 * 1024
MOST_UNREAD = 1000
"""Events that are kept while nobody reads: more would take the processor's cache from the fold."""

READ_LATELY_S = 60.0
"""Seconds after a reader came in which the ring keeps all it may."""

_OVERHEAD = 1000
"""Bytes of an event's object and of its fields' objects, their texts left out."""

_BYTES_A_CHARACTER = 4
"""Of a text in memory; in JSON a character takes at least one byte."""

_encode = msgspec.json.Encoder().encode


class Outcome(StrEnum):
    """The result of an event in the fold."""

    COUNTED = "counted"
    DUPLICATE = "duplicate"
    """Its `event_id` had come before."""
    COMPARED = "compared"
    """Another source counts this kind of event."""
    SUPERSEDED = "superseded"
    """The model's calls are counted from other events than this one (fold/call_selection.py)."""
    REJECTED = "rejected"
    """It is not a valid event."""
    FAILED = "failed"
    """It could not be folded, because of a defect of the exporter."""


class Run(NamedTuple):
    """Events of one batch that had the same outcome; for `REJECTED`, the rejections."""

    outcome: Outcome
    events: list[Any]


class Entry(NamedTuple):
    """One event of the ring. `received` is a Unix time."""

    sequence: int
    received: float
    source: str
    outcome: Outcome
    event: Any


class Entries(NamedTuple):
    """A page of entries, the number of entries missed before it, and the newest sequence number."""

    entries: list[Entry]
    missed: int
    newest: int


@dataclass(slots=True)
class _Arrival:
    """A batch in the ring; its weight stays until its last event is gone."""

    source: str
    received: float
    runs: deque[Run]
    last: int
    count: int
    weight: int

    def entries(self) -> Iterator[Entry]:
        sequence = self.last - self.count
        for outcome, events in self.runs:
            for event in events:
                sequence += 1
                if event is not None:
                    yield Entry(sequence, self.received, self.source, outcome, event)

    def delete(self, conversation: str) -> int:
        """Replace the events of a conversation by None, so that the others keep their numbers."""
        deleted = 0
        for _, events in self.runs:
            for place, event in enumerate(events):
                if getattr(event, "conversation_id", None) == conversation:
                    events[place] = None
                    deleted += 1
        return deleted

    def drop(self, count: int) -> None:
        """Drop the oldest events."""
        self.count -= count
        while count:
            oldest = self.runs[0].events
            if len(oldest) > count:
                del oldest[:count]
                return
            count -= len(oldest)
            self.runs.popleft()


class RecentEvents:
    """Keeps at most `most` events of at most `most_bytes` in total, each under a sequence number.

    While nobody reads, the newest `MOST_UNREAD` stay.

    The numbers start at 1 and have no gaps. `boot` is different in each process, because the numbers start again.
    """

    def __init__(self, most: int = MOST_EVENTS, most_bytes: int = MOST_BYTES) -> None:
        self.boot = secrets.token_hex(8)
        self.newest = 0
        self.read_at = -inf
        """Unix time at which a reader last came, set by whoever serves readers."""
        self._most = most
        self._most_bytes = most_bytes
        self._arrivals: deque[_Arrival] = deque()
        self._count = 0
        self._bytes = 0

    def append(self, batch: Batch, runs: Sequence[Run]) -> None:
        """Add a batch's events. The ring owns the lists from now on."""
        count = sum(len(run.events) for run in runs)
        self.newest += count
        weight = _weight(batch, runs, count)
        arrival = _Arrival(batch.source, batch.received, deque(runs), self.newest, count, weight)
        if weight > self._most_bytes:
            self._clear()
            _keep_newest(arrival, self._most_bytes)
        self._arrivals.append(arrival)
        self._count += arrival.count
        self._bytes += arrival.weight
        self._evict(batch.received)

    def after(self, sequence: int, limit: int) -> Entries:
        """Return the oldest entries that are newer than `sequence`, at most `limit`."""
        newer: list[_Arrival] = []
        for arrival in reversed(self._arrivals):
            if arrival.last <= sequence:
                break
            newer.append(arrival)
        entries = (entry for arrival in reversed(newer) for entry in arrival.entries() if entry.sequence > sequence)
        missed = max(0, self.newest - self._count - sequence)
        return Entries(list(islice(entries, limit)), missed, self.newest)

    def delete(self, conversation: str) -> int:
        """Delete the events of a conversation, and return how many there were. Their numbers are not used again."""
        return sum(arrival.delete(conversation) for arrival in self._arrivals)

    def _clear(self) -> None:
        self._arrivals.clear()
        self._count = self._bytes = 0

    def _evict(self, now: float) -> None:
        is_read = now - self.read_at < READ_LATELY_S
        most = self._most if is_read else min(self._most, MOST_UNREAD)
        while self._arrivals and (self._count > most or self._bytes > self._most_bytes):
            oldest = self._arrivals[0]
            excess = self._count - most
            if self._bytes <= self._most_bytes and excess < oldest.count:
                oldest.drop(excess)
                self._count -= excess
            else:
                self._arrivals.popleft()
                self._count -= oldest.count
                self._bytes -= oldest.weight


def _weight(batch: Batch, runs: Sequence[Run], count: int) -> int:
    """Return a number of bytes that the events do not exceed; no event is looked at where the batch knows its size."""
    size = batch.size or sum(len(_encode(run.events)) for run in runs)
    # A reading's fields have defaults that need memory and no byte of the body; encoded, they are all there.
    size += sum(len(_encode(run.events)) for run in runs if type(run.events[0]) is Reading)
    return count * _OVERHEAD + size * _BYTES_A_CHARACTER


def _keep_newest(arrival: _Arrival, most_bytes: int) -> None:
    """Reduce a batch that is too large by itself to its newest events, which are measured one by one."""
    weight = kept = 0
    for event in (event for run in reversed(arrival.runs) for event in reversed(run.events)):
        more = _OVERHEAD + len(_encode(event)) * _BYTES_A_CHARACTER
        if weight + more > most_bytes:
            break
        weight += more
        kept += 1
    arrival.drop(arrival.count - kept)
    arrival.weight = weight
