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

from exporter.sources.writer_runs import Point
from exporter.sources.writer_totals import WriterTotals
from exporter.types import Position

_RECORD = struct.Struct("<8sdI")
_LARGEST_TOTAL = 2**32 - 1
_NEVER = 2**40
"""The second of scores that no clock will reach, infinity included."""

_HEAD = "head"


def digest(member: bytes) -> bytes:
    """Eight bytes that stand for the member, in this process and the next."""
    return hashlib.blake2b(member, digest_size=8).digest()


def second_of(score: float) -> int:
    """The slice that a score belongs to."""
    if isinf(score) or abs(score) > _NEVER:
        return _NEVER if score > 0 else -_NEVER
    return floor(score)


class Head(msgspec.Struct):
    """The scalars of the position: the watermark (Unix seconds), and how many members lie before the slices.

    The totals of all members before the second `settled` were settled, also where their slices are still kept.
    """

    watermark: float
    older: int = 0
    settled: int = -_NEVER
    totals: WriterTotals = msgspec.field(default_factory=WriterTotals)


class KeyMemory:
    """The position in one sorted set, and what Redis holds of it as far as this process has read.

    The slices tell which members were counted, `held` how many of a second Redis had when it was read: they
    differ after Redis lost data. `last_card` is the size at the last look; None: `held` knows nothing yet.
    """

    def __init__(self, head: Head, slices: dict[int, bytearray]) -> None:
        self.head = head
        self.slices = slices
        self.held: dict[int, int] = {}
        self.last_card: int | None = None
        self._seconds: list[int] = []
        self._counts: list[int] = [0]

    def head_bytes(self) -> bytes:
        """The head as the position keeps it."""
        return msgspec.json.encode(self.head)

    def index(self) -> None:
        """Makes `known` see `held` as it is now."""
        self._seconds = sorted(self.held)
        self._counts = [0, *accumulate(self.held[second] for second in self._seconds)]

    def doubt(self) -> None:
        """Forgets what Redis held, so that everything inside the look-back is read and compared again."""
        self.held.clear()
        self.index()

    def known(self, start: float, end: float) -> int:
        """How many members Redis held with a score in [start, end)."""
        return self._counts[bisect_left(self._seconds, end)] - self._counts[bisect_left(self._seconds, start)]

    def digests(self, second: int) -> set[bytes]:
        """The members of a slice that were seen."""
        return {record[0] for record in _RECORD.iter_unpack(self.slices.get(second, b""))}

    def remember(self, second: int, mark: bytes, score: float, total: int) -> None:
        """Add a member to its slice."""
        self.slices.setdefault(second, bytearray()).extend(_RECORD.pack(mark, score, min(total, _LARGEST_TOTAL)))
        if second < self.head.settled:
            # It may have been claimed as missing.
            self.head.totals.arrived_unread(1)

    def leave_behind(self, before: int, settled_before: int) -> list[int]:
        """Forget the slices before that second, oldest first, and return them; their members are settled.

        `settled_before` is how many members of the day before lie in the set.
        """
        self.settle(before, settled_before)
        behind = sorted(second for second in self.slices if second < before)
        for second in behind:
            self.head.older += self.held.pop(second, 0)
            del self.slices[second]
        self.index()
        return behind

    def settle(self, before: int, settled_before: int) -> None:
        """Settle the totals of the members before that second: none can come between them any more."""
        for second in sorted(second for second in self.slices if self.head.settled <= second < before):
            points = _points(self.slices[second])
            self.head.settled = second + 1
            self.head.totals.settle(points, self._coming, settled_before)
            settled_before += len(points)
        self.head.settled = max(self.head.settled, before)

    def unsettled(self, before: int) -> int | None:
        """Return the first second before that one whose members are not settled, if there is one."""
        return min((second for second in self.slices if self.head.settled <= second < before), default=None)

    def _coming(self) -> Iterator[Point]:
        for second in sorted(second for second in self.slices if second >= self.head.settled):
            yield from _points(self.slices[second])


def _points(records: bytearray) -> list[Point]:
    """Return the scores and totals of a slice, in the order of its scores."""
    return sorted(record[1:] for record in _RECORD.iter_unpack(records))


def part(key: str, second: int | None = None) -> str:
    """The part of the source's position that holds the key's head, or one of its slices."""
    return f"{key} {_HEAD if second is None else second}"


def memories(position: Position) -> Iterator[tuple[str, KeyMemory]]:
    """The memory of each key as the position has it."""
    slices: dict[str, dict[int, bytearray]] = {}
    heads: dict[str, Head] = {}
    for name, value in position.items():
        key, _, place = name.rpartition(" ")
        if place == _HEAD:
            heads[key] = msgspec.json.decode(value, type=Head)
        elif place.lstrip("-").isdigit():
            slices.setdefault(key, {})[int(place)] = bytearray(value)
    for key, head in heads.items():
        yield key, KeyMemory(head, slices.get(key, {}))
