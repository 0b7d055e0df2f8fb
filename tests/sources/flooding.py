"""A writer that drops what its queue cannot hold, as a gateway's ConnectionMonitor does."""

from __future__ import annotations

import time
from queue import Empty, Full, Queue
from threading import Lock, Thread

from exporter.sources.writer_runs import Point

BATCH = 100
"""Members that are written at once; the queue waits meanwhile."""


class FloodingWriter:
    """Counts under one lock and reads its total under it again, so threads repeat and skip totals."""

    def __init__(self, capacity: int, total: int = 0) -> None:
        self._queue: Queue[Point] = Queue(capacity)
        self._lock = Lock()
        self._total = total
        self._written: list[Point] = []

    def flood(self, threads: int, events: int) -> None:
        """Record events from that many threads at once, and write what the queue holds each time it is full."""
        writers = [Thread(target=self._record, args=(events,)) for _ in range(threads)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()

    def written(self) -> list[Point]:
        """Return the score and the total of each member, what still waits included."""
        self._write(self._queue.qsize())
        return self._written

    def _record(self, events: int) -> None:
        for number in range(events):
            at = time.time()
            with self._lock:
                self._total += 1
            with self._lock:
                total = self._total
            try:
                self._queue.put_nowait((at, total))
            except Full:
                # One event in a thousand finds that a batch was written meanwhile.
                if number % 1000 == 0:
                    self._write(BATCH)

    def _write(self, members: int) -> None:
        for _ in range(members):
            try:
                self._written.append(self._queue.get_nowait())
            except Empty:
                return
