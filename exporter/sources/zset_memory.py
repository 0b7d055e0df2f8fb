"""What has been seen of one sorted set: the digests inside the look-back, second by second.

A slice is one second of scores. Its members are kept as 20-byte records (digest, score, the writer's own
total), so a slice is one row of the position and a million members are 20 MB.
"""

from __future__ import annotations

import hashlib
import struct
from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate
from math import floor, isinf

import msgspec

from exporter.sources.writer_totals import WriterTotals

_RECORD = struct.Struct("<8sdI")
_LARGEST_TOTAL = 2**32 - 1
_NEVER = 2**40
"""The second of scores that no clock will reach, infinity included."""


def digest(member: bytes) -> bytes:
    """Eight bytes that stand for the member, in this process and the next."""
    return hashlib.blake2b(member, digest_size=8).digest()


def second_of(score: float) -> int:
    """The slice that a score belongs to."""
    if isinf(score) or abs(score) > _NEVER:
        return _NEVER if score > 0 else -_NEVER
    return floor(score)


class Head(msgspec.Struct):
    """The scalars of the position: the watermark (Unix seconds), and how many members lie before the slices."""

    watermark: float
    older: int = 0
    totals: WriterTotals = msgspec.field(default_factory=WriterTotals)


class KeyMemory:
    """The position in one sorted set; `last_card` is the size it had when it was last looked at."""

    def __init__(self, head: Head, slices: dict[int, bytearray]) -> None:
        self.head = head
        self.slices = slices
        self.last_card: int | None = None
        self._seconds: list[int] = []
        self._counts: list[int] = [0]
        self.index()

    def index(self) -> None:
        """Makes `known` see the slices as they are now."""
        self._seconds = sorted(self.slices)
        sizes = (len(self.slices[second]) // _RECORD.size for second in self._seconds)
        self._counts = [0, *accumulate(sizes)]

    def known(self, start: int, end: int) -> int:
        """How many members were seen with a score in [start, end)."""
        return self._counts[bisect_left(self._seconds, end)] - self._counts[bisect_left(self._seconds, start)]

    def digests(self, second: int) -> set[bytes]:
        """The members of a slice that were seen."""
        return {record[0] for record in _RECORD.iter_unpack(self.slices.get(second, b""))}

    def remember(self, second: int, mark: bytes, score: float, total: int) -> None:
        """Adds a member to its slice."""
        self.slices.setdefault(second, bytearray()).extend(_RECORD.pack(mark, score, min(total, _LARGEST_TOTAL)))

    def leave_behind(self, before: int) -> Iterator[int]:
        """Forgets the slices before that second, oldest first, and yields them; their members are settled."""
        for second in sorted(second for second in self.slices if second < before):
            records = sorted(_RECORD.iter_unpack(self.slices.pop(second)), key=lambda record: record[1])
            self.head.older += len(records)
            self.head.totals.settle(total for _, _, total in records)
            yield second
        self.index()
