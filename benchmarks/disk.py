"""The disk that a durable figure is for, and how long its fsync takes while the figure is measured."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

_WRITTEN_BYTES = 32 * 1024
"""About a commit of one batch of 100 events."""

_EVERY_S = 0.2


def name(directory: Path) -> str:
    """The device and the file system that the directory lies on."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    above = {str(directory), *map(str, directory.parents)}
    device, _, kind, *_ = max((mount for mount in mounts if mount[1] in above), key=lambda mount: len(mount[1]))
    return f"{device}, {kind}"


@contextmanager
def fsync_times(directory: Path) -> Iterator[list[float]]:
    """Until the block ends, times (ms) a write and fsync now and then, beside whatever else goes on."""
    took_ms: list[float] = []
    stop = Event()
    thread = Thread(target=_probe, args=(directory / "fsync-probe", took_ms, stop))
    thread.start()
    try:
        yield took_ms
    finally:
        stop.set()
        thread.join()


def _probe(path: Path, took_ms: list[float], stop: Event) -> None:
    file = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
    try:
        while not took_ms or not stop.wait(_EVERY_S):
            began = time.perf_counter()
            os.write(file, bytes(_WRITTEN_BYTES))
            os.fsync(file)
            took_ms.append((time.perf_counter() - began) * 1000)
    finally:
        os.close(file)
