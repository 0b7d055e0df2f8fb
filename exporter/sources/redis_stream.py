"""A Redis Stream that applications write canonical events to: XADD <stream> * event '{"kind": …}'.

The position is the checkpointed id and nothing else. On every start the group is set back to what was
handed over, so that Redis delivers again what a crash lost; XACK follows the checkpoint's commit. One
stream is one shard: consumers of several exporters never claim each other's entries.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Event as Flag
from typing import Any

from redis import Redis
from redis.exceptions import ResponseError

from exporter import conventions as series
from exporter.sources.contents import no_entries
from exporter.types import Batch, Clock, Decoded, Intake, Move, Refused, Rejection, SourceHealth, Tally

_FIELD = b"event"
_CONSUMER = "exporter"
_PAGE = 500
_BLOCK_MS = 1000
_ID = "id"
_READ = "read"
_BEGINNING = b"0-0"

Entry = tuple[bytes, dict[bytes, bytes] | None]


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
        self._last = _BEGINNING
        self._read = 0
        self._saved = b""
        self._acknowledged = b""

    def committed(self, position: Move) -> None:
        """Lets the entries up to the saved id be acknowledged."""
        self._saved = position.get(_ID) or self._saved

    def run(self, intake: Intake, health: SourceHealth, stop: Flag) -> None:
        """Reads until it is told to stop."""
        self.resume(intake)
        while not stop.is_set():
            if self.poll(intake):
                never_written = self._last == _BEGINNING
                health.read_to_end(no_entries(self._client, self._stream) if never_written else "")

    def resume(self, intake: Intake) -> None:
        """Takes up the position, and sets the group to it."""
        position = intake.position(self.name)
        self._last = position.get(_ID, _BEGINNING)
        # Nothing was submitted before the first start: what the position says then is on disk.
        self._saved = self._saved or self._last
        self._acknowledged = b""
        self._join()
        self._read = int(position[_READ]) if _READ in position else self._trimmed_before()

    def poll(self, intake: Intake) -> bool:
        """Hands over the next entries, waiting a second for some; says whether the end was reached."""
        entries = self._next()
        if entries:
            self._last = entries[-1][0]
            self._read += len(entries)
            intake.submit(self._batch(entries))
        at_end = len(entries) < _PAGE
        if at_end:
            self._count_trimmed(intake)
        self._acknowledge()
        return at_end

    def _join(self) -> None:
        try:
            self._client.xgroup_create(self._stream, self._group, id=self._last, mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise
            self._client.xgroup_setid(self._stream, self._group, id=self._last)

    def _next(self) -> list[Entry]:
        answer: Any = self._client.xreadgroup(self._group, _CONSUMER, {self._stream: ">"}, count=_PAGE, block=_BLOCK_MS)
        return answer[0][1] if answer else []

    def _batch(self, entries: list[Entry]) -> Batch:
        now = self._clock()
        events: list[Any] = []
        rejections: list[Rejection] = []
        size = 0
        for index, (_, fields) in enumerate(entries):
            body = (fields or {}).get(_FIELD, b"")
            size += len(body)
            try:
                decoded = self._decode(body, now)
            except Refused as error:
                rejections.append(error.at(index, body))
                continue
            events += decoded.events
            rejections += decoded.rejections
        return Batch(self.name, events, {_ID: self._last, **self._read_so_far()}, now, rejections, size=size)

    def _read_so_far(self) -> dict[str, bytes]:
        return {_READ: str(self._read).encode()}

    def _trimmed_before(self) -> int:
        """Entries that were gone before the first contact: nobody waited for them."""
        info: dict[str, Any] = self._client.xinfo_stream(self._stream)
        return int(info.get("entries-added", info["length"])) - int(info["length"])

    def _count_trimmed(self, intake: Intake) -> None:
        """Counts what was added but never read, once nothing lies behind the last entry that was."""
        info: dict[str, Any] = self._client.xinfo_stream(self._stream)
        added = int(info.get("entries-added", self._read))
        if added == self._read or info["last-generated-id"] != self._last:
            return
        tally: Tally = (series.SOURCE_MISSING, (self.name, series.UNKNOWN), added - self._read)
        # A stream that lost its data counts from the beginning.
        tallies = [tally] if added > self._read else []
        self._read = added
        intake.submit(Batch(self.name, (), self._read_so_far(), self._clock(), tallies=tallies))

    def _acknowledge(self) -> None:
        """Acknowledges what is on disk, what an earlier process left over too."""
        saved = self._saved
        while saved != self._acknowledged:
            pending = self._client.xpending_range(self._stream, self._group, min="-", max=saved, count=_PAGE)
            if pending:
                self._client.xack(self._stream, self._group, *[entry["message_id"] for entry in pending])
            if len(pending) < _PAGE:
                self._acknowledged = saved
