"""A Redis Stream that applications write canonical events to: XADD <stream> * event '{"kind": …}'.

The position is the checkpointed id and nothing else. On every start the group is set back to what was
handed over, so that Redis delivers again what a crash lost; XACK follows the checkpoint's commit. One
stream is one shard: consumers of several exporters never claim each other's entries.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from threading import Event as Flag
from threading import Lock
from typing import Any

from redis import Redis
from redis.exceptions import ResponseError

from exporter import conventions as series
from exporter.types import Batch, Clock, Decoded, Intake, Move, Refused, SourceHealth, Tally

_FIELD = b"event"
_CONSUMER = "exporter"
_PAGE = 500
_BLOCK_MS = 1000
_ID = "id"
_READ = "read"
_BEGINNING = b"0-0"


class RedisStream:
    """Reads one stream through a consumer group."""

    name = "redis_stream"

    def __init__(
        self,
        client: Redis,
        *,
        stream: str,
        group: str,
        decode: Callable[[bytes, float], Decoded],
        clock: Clock,
    ) -> None:
        self._client = client
        self._stream = stream
        self._group = group
        self._decode = decode
        self._clock = clock
        self._unacknowledged: deque[bytes] = deque()
        self._committed: deque[bytes] = deque()
        self._lock = Lock()

    def committed(self, position: Move) -> None:
        """Lets the entries up to the saved id be acknowledged."""
        saved = position.get(_ID)
        if saved is not None:
            with self._lock:
                while self._unacknowledged and entry_order(self._unacknowledged[0]) <= entry_order(saved):
                    self._committed.append(self._unacknowledged.popleft())

    def run(self, intake: Intake, health: SourceHealth, stop: Flag) -> None:
        """Reads until it is told to stop."""
        position = intake.position(self.name)
        last, read = position.get(_ID, _BEGINNING), int(position.get(_READ, b"0"))
        read = self._begin(intake, last, read)
        while not stop.is_set():
            entries = self._next()
            if entries:
                read += len(entries)
                with self._lock:
                    self._unacknowledged.extend(entry for entry, _ in entries)
                intake.submit(self._batch(entries, read))
            if len(entries) < _PAGE:
                health.read_to_end()
            self._acknowledge()

    def _begin(self, intake: Intake, last: bytes, read: int) -> int:
        """Sets the group to the last id, counts what was trimmed past it, and returns the entries read so far."""
        try:
            self._client.xgroup_create(self._stream, self._group, id=last, mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise
            self._client.xgroup_setid(self._stream, self._group, id=last)
        self._acknowledge_left_over(last)
        added, remaining = self._added_and_remaining(last)
        lost = added - remaining - read
        if last != _BEGINNING and lost > 0:
            tally: Tally = (series.SOURCE_MISSING, (self.name, series.UNKNOWN), lost)
            intake.submit(Batch(self.name, received=self._clock(), tallies=(tally,)))
        return added - remaining

    def _added_and_remaining(self, last: bytes) -> tuple[int, int]:
        """How many entries were ever added, and how many of them lie behind the id."""
        info: dict[str, Any] = self._client.xinfo_stream(self._stream)
        added = int(info["entries-added"])
        first = info["first-entry"]
        if first is None:
            return added, 0
        if entry_order(first[0]) > entry_order(last):
            return added, int(info["length"])
        return added, self._count_behind(last)

    def _count_behind(self, last: bytes) -> int:
        count, cursor = 0, last
        while page := self._page_behind(cursor):
            count, cursor = count + len(page), page[-1][0]
        return count

    def _page_behind(self, entry: bytes) -> list[tuple[bytes, Any]]:
        page: Any = self._client.xrange(self._stream, min=b"(" + entry, count=_PAGE)
        return page  # type: ignore[no-any-return]

    def _acknowledge_left_over(self, last: bytes) -> None:
        """What was checkpointed but not acknowledged before a crash."""
        with self._lock:
            self._unacknowledged.clear()
        while pending := self._client.xpending_range(self._stream, self._group, min="-", max=last, count=_PAGE):
            self._client.xack(self._stream, self._group, *[entry["message_id"] for entry in pending])

    def _next(self) -> list[tuple[bytes, dict[bytes, bytes] | None]]:
        answer: Any = self._client.xreadgroup(self._group, _CONSUMER, {self._stream: ">"}, count=_PAGE, block=_BLOCK_MS)
        return answer[0][1] if answer else []

    def _batch(self, entries: list[tuple[bytes, dict[bytes, bytes] | None]], read: int) -> Batch:
        now = self._clock()
        events: list[Any] = []
        rejected: Counter[str] = Counter()
        for _, fields in entries:
            try:
                decoded = self._decode((fields or {}).get(_FIELD, b""), now)
            except Refused as error:
                rejected[error.reason] += 1
                continue
            events += decoded.events
            rejected.update(decoded.rejected)
        move = {_ID: entries[-1][0], _READ: str(read).encode()}
        return Batch(self.name, events, move, now, rejected)

    def _acknowledge(self) -> None:
        with self._lock:
            done = [self._committed.popleft() for _ in range(len(self._committed))]
        for start in range(0, len(done), _PAGE):
            self._client.xack(self._stream, self._group, *done[start : start + _PAGE])


def entry_order(entry: bytes) -> tuple[int, int]:
    """An entry's id as a pair that compares as Redis orders entries."""
    milliseconds, _, sequence = entry.partition(b"-")
    return int(milliseconds), int(sequence or b"0")
