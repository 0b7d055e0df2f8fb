"""Reading a sorted set by ranges of scores: which have changed, and their members page by page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from redis import Redis

from exporter.sources.zset_memory import KeyMemory, second_of

PAGE = 500
"""Members of one read."""

_SMALL = 64
"""A changed range of so few members is read whole."""

_ENDLESS = float("inf")


class Range(NamedTuple):
    """Scores in [low, high); an endless one includes infinity."""

    low: int
    high: float

    @property
    def bounds(self) -> tuple[str, str]:
        """As Redis writes them."""
        return str(self.low), "+inf" if self.high == _ENDLESS else f"({self.high:.0f}"

    def halves(self) -> tuple[Range, Range]:
        """The range cut in two."""
        middle = self.low + int(self.high - self.low) // 2
        return Range(self.low, middle), Range(middle, self.high)


def pipelined(client: Redis, commands: Iterable[tuple[Any, ...]]) -> list[Any]:
    """The answers to several commands of one round trip."""
    pipeline: Any = client.pipeline(transaction=False)
    for command in commands:
        pipeline.execute_command(*command)
    answers: list[Any] = pipeline.execute()
    return answers


def changed(client: Redis, key: str, memory: KeyMemory, start: int, now: int, *, compare: bool) -> list[Range]:
    """The ranges from `start` on that hold another number of members than were seen, oldest first.

    What lies in the future is one range. With `compare`, every range that holds any.
    """
    ranges = [Range(start, now + 1), Range(now + 1, _ENDLESS)]
    found: list[Range] = []
    while ranges:
        counts = pipelined(client, (("ZCOUNT", key, *candidate.bounds) for candidate in ranges))
        halves: list[Range] = []
        for candidate, count in zip(ranges, counts, strict=True):
            known = memory.known(candidate.low, second_of(candidate.high))
            if not count or (count == known and not compare):
                continue
            if _is_readable(candidate, count, known):
                found.append(candidate)
            else:
                halves += candidate.halves()
        ranges = halves
    return sorted(found)


def _is_readable(candidate: Range, count: int, known: int) -> bool:
    if candidate.high == _ENDLESS or candidate.high - candidate.low <= 1:
        return True
    return count <= (_SMALL if known else PAGE)


def members(client: Redis, key: str, wanted: Range) -> Iterator[list[tuple[bytes, float]]]:
    """The (member, score) pairs of a range, a page at a time; one that is added meanwhile may shift a page,
    so that a member is seen twice, but none is passed over."""
    offset = 0
    while True:
        page: Any = client.zrangebyscore(key, *wanted.bounds, start=offset, num=PAGE, withscores=True)
        if page:
            yield page
        if len(page) < PAGE:
            return
        offset += PAGE
