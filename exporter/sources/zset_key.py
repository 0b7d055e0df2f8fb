"""Reads what is new in one sorted set, oldest first, and hands it over with the position behind it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from redis import Redis

from exporter import conventions as series
from exporter.sources.zset_memory import Head, KeyMemory, digest, part, second_of
from exporter.sources.zset_ranges import ENDLESS, Range, changed, count_before, count_between, members
from exporter.types import Batch, Clock, Intake, Member, Move, Refused, Rejection, Tally

SOURCE = "redis_zset"
_KEY = re.compile(r"connection_monitor:(.+):events")
_DAY_S = 86_400
"""How much of what it finds a gateway counts when it starts."""

Decode = Callable[[bytes, float], Member]


class _Fresh(NamedTuple):
    second: int
    mark: bytes
    score: float
    member: bytes


class KeyReader:
    """One sorted set, and how far it has been read."""

    def __init__(
        self,
        client: Redis,
        key: str,
        memory: KeyMemory,
        *,
        decode: Decode,
        clock: Clock,
        monotonic: Clock,
        look_back_s: float,
    ) -> None:
        self.memory = memory
        self._client = client
        self._key = key
        self._decode = decode
        self._clock = clock
        self._monotonic = monotonic
        self._look_back_s = look_back_s
        self._changed_at = monotonic()

    def read(self, intake: Intake, card: int, *, restarted: bool) -> None:
        """Hands over what has come since the last time; the key has `card` members now."""
        memory, now = self.memory, self._clock()
        self._changed_at = self._monotonic()
        # Where the clock was ahead once, what it settled too early is settled again.
        memory.head.settled = min(memory.head.settled, second_of(now) + 1)
        shrunk = memory.last_card is not None and card < memory.last_card
        start = second_of(memory.head.watermark - self._look_back_s)
        # What is old in a key that began anew has no history that it could be late to.
        intake.submit(self._counted_late(start, may_be_late=not (restarted or shrunk)))
        if restarted or shrunk or memory.last_card is None:
            memory.doubt()
        newest = memory.head.watermark
        for wanted in changed(self._client, self._key, memory, start, second_of(now)):
            reached = self._read_range(intake, wanted)
            if wanted.high != ENDLESS:
                newest = max(newest, reached)
                intake.submit(self._moved_on(min(float(wanted.low), now)))
        intake.submit(self._moved_on(min(newest, now)))
        memory.last_card = card

    def rest(self, intake: Intake) -> None:
        """Settle what the key holds once nothing has come for a whole look-back, by a clock that nobody sets.

        The watermark stays: a gateway whose clock is slow is not late when it goes on.
        """
        until = second_of(self.memory.head.watermark) + 1
        if self._monotonic() - self._changed_at > self._look_back_s and self.memory.unsettled(until) is not None:
            missing_before = self.memory.head.totals.missing
            self.memory.settle(until, self._day_before(until))
            intake.submit(self._claim(missing_before, {}))

    def _counted_late(self, start: int, *, may_be_late: bool) -> Batch:
        head = self.memory.head
        older = count_before(self._client, self._key, start)
        late, head.older = older - head.older, older
        if late > 0 and may_be_late:
            # What is late is told as late, and not as missing as well.
            head.totals.arrived_unread(late)
        tally: Tally = (series.SOURCE_LATE, (SOURCE,), late)
        move = {part(self._key): self.memory.head_bytes()}
        return Batch(SOURCE, (), move, self._clock(), tallies=[tally] if late > 0 and may_be_late else ())

    def _read_range(self, intake: Intake, wanted: Range) -> float:
        """Hands over the range's new members, notes how many there are, and returns the highest score."""
        counted: dict[int, set[bytes]] = {}
        held: dict[int, set[bytes]] = {}
        highest = float(wanted.low)
        for page in members(self._client, self._key, wanted):
            fresh: list[_Fresh] = []
            for member, score in page:
                second, mark = second_of(score), digest(member)
                if second not in held:
                    held[second], counted[second] = set(), self.memory.digests(second)
                held[second].add(mark)
                if mark not in counted[second]:
                    counted[second].add(mark)
                    fresh.append(_Fresh(second, mark, score, member))
            if fresh:
                intake.submit(self._batch(fresh))
            highest = page[-1][1]
        self.memory.held.update({second: len(marks) for second, marks in held.items()})
        return highest

    def _batch(self, fresh: list[_Fresh]) -> Batch:
        memory, now = self.memory, self._clock()
        events: list[Any] = []
        rejections: list[Rejection] = []
        for index, new in enumerate(fresh):
            try:
                found = self._decode(new.member, now)
            except Refused as error:
                rejections.append(error.at(index, new.member))
                found = Member((), 0)
            events += found.events
            memory.remember(new.second, new.mark, new.score, found.total)
        # Sorted by kind, the fold takes them in few runs.
        events.sort(key=lambda event: type(event).__name__)
        seconds = {new.second for new in fresh}
        move = {part(self._key, second): bytes(memory.slices[second]) for second in seconds}
        return Batch(SOURCE, events, move, now, rejections, size=sum(len(new.member) for new in fresh))

    def _moved_on(self, watermark: float) -> Batch:
        """The batch that moves the watermark on, with what has been left behind for good."""
        head = self.memory.head
        head.watermark = max(head.watermark, watermark)
        missing_before = head.totals.missing
        before = second_of(head.watermark - self._look_back_s)
        behind = self.memory.leave_behind(before, self._day_before(before))
        return self._claim(missing_before, {part(self._key, second): None for second in behind})

    def _day_before(self, before: int) -> int:
        """Return how many members the set holds of the day before the first that is to be settled."""
        first = self.memory.unsettled(before)
        return 0 if first is None else count_between(self._client, self._key, first - _DAY_S, first)

    def _claim(self, missing_before: int, forgotten: Move) -> Batch:
        """Return the batch that claims what is missing now and was not before."""
        head = self.memory.head
        missing = head.totals.missing - missing_before
        move: Move = {**forgotten, part(self._key): self.memory.head_bytes()}
        tally: Tally = (series.SOURCE_MISSING, (SOURCE, connection_type(self._key)), missing)
        return Batch(SOURCE, (), move, self._clock(), tallies=[tally] if missing else ())


def first_memory(client: Redis, key: str, start: int, look_back_s: float) -> KeyMemory:
    """The memory of a key that is met for the first time, to be read from that second on."""
    return KeyMemory(Head(start + look_back_s, count_before(client, key, start)), {})


def connection_type(key: str) -> str:
    """The type that a key of events belongs to."""
    found = _KEY.fullmatch(key)
    return found.group(1) if found else series.UNKNOWN
