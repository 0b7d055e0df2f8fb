"""What one moment of PostgreSQL saw: which transactions had ended, and which were still running.

A row counts when its transaction (`written_in`) is seen now and was not seen the last time. So a
transaction that commits late is neither missed nor waited for, however long it runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

FIRST_TRANSACTION = 3
LAST_TRANSACTION = 2**63 - 1
EVERYTHING = f"{LAST_TRANSACTION}:{LAST_TRANSACTION}:"
"""A snapshot that sees every transaction."""

_NEAR = 64
"""Late transactions so close to each other are looked up together."""


class Snapshot(NamedTuple):
    """PostgreSQL's `xmin:xmax:xip,…`: all below `oldest` have ended, none from `next` on has begun."""

    oldest: int
    next: int
    running: frozenset[int]

    @classmethod
    def parse(cls, text: str) -> Snapshot:
        """Reads the text of a pg_snapshot."""
        oldest, following, running = text.split(":")
        return cls(int(oldest), int(following), frozenset(map(int, filter(None, running.split(",")))))


class Span(NamedTuple):
    """Transactions from `low` on, `high` not among them."""

    low: int
    high: int


ALL = Span(FIRST_TRANSACTION, LAST_TRANSACTION)


def unseen(before: Snapshot, now: Snapshot) -> list[Span]:
    """Where to look for what is seen now and was not before, lowest first; some of what was seen may lie there too."""
    spans = list(_gathered(sorted(before.running - now.running)))
    return [*spans, Span(before.next, now.next)] if before.next < now.next else spans


def _gathered(late: Iterable[int]) -> Iterator[Span]:
    span: Span | None = None
    for number in late:
        if span and number - span.high < _NEAR:
            span = Span(span.low, number + 1)
            continue
        if span:
            yield span
        span = Span(number, number + 1)
    if span:
        yield span
