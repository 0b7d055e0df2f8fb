"""Reading a sorted set by ranges of scores: which have changed, and their members page by page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from redis import Redis

from exporter.sources.zset_memory import KeyMemory

PAGE = 500
"""Members of one read."""

_SMALL = 64
"""A changed range of so few members is read whole."""

ENDLESS = float("inf")
_DAY = 86_400


class Range(NamedTuple):
    """Scores in [low, high); an endless one includes infinity."""

    low: int
    high: float

    @property
    def bounds(self) -> tuple[str, str]:
        """As Redis writes them."""
        return str(self.low), "+inf" if self.high == ENDLESS else f"({self.high:.0f}"

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


def count_before(client: Redis, key: str, start: int) -> int:
    """How many members have a score below that second."""
    return int(pipelined(client, [("ZCOUNT", key, "-inf", f"({start}")])[0])


def count_between(client: Redis, key: str, start: int, end: int) -> int:
    """Return how many members have a score in [start, end)."""
    return int(pipelined(client, [("ZCOUNT", key, start, f"({end}")])[0])


def changed(client: Redis, key: str, memory: KeyMemory, start: int, now: int) -> list[Range]:
    """The ranges from `start` on that hold another number of members than is known, oldest first.

    What lies more than a day in the future is one range.
    """
    # A clock that was set back must not make what has been left behind look like the future.
    future = max(start, now + 1)
    ranges = [Range(start, future), Range(future, future + _DAY), Range(future + _DAY, ENDLESS)]
    found: list[Range] = []
    while ranges:
        counts = pipelined(client, (("ZCOUNT", key, *candidate.bounds) for candidate in ranges))
        halves: list[Range] = []
        for candidate, count in zip(ranges, counts, strict=True):
            known = memory.known(*candidate)
            if not count or count == known:
                continue
            if _is_readable(candidate, count, known):
                found.append(candidate)
            else:
                halves += candidate.halves()
        ranges = halves
    return sorted(found)


def _is_readable(candidate: Range, count: int, known: int) -> bool:
    if candidate.high == ENDLESS or candidate.high - candidate.low <= 1:
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
