"""Who takes events in a test, and what the exporter would say of them."""

from __future__ import annotations

import json
import os
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from exporter.decode.canonical import decode


class Memory:
    """Keeps the events."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def record(self, event: Mapping[str, Any]) -> None:
        """Keeps one."""
        self.events.append(dict(event))

    def only(self) -> dict[str, Any]:
        """The one event that was recorded; AssertionError if the exporter would refuse it, or there are others."""
        assert len(self.events) == 1
        return self.taken()[0]

    def taken(self) -> list[dict[str, Any]]:
        """All events; AssertionError if the exporter would refuse one."""
        decoded = decode(json.dumps(self.events, allow_nan=False).encode(), time.time())
        assert not decoded.rejections
        return self.events


class Later(Memory):
    """Has an event made when it is asked for what it has."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: list[Callable[[], Mapping[str, Any]]] = []

    def record_later(self, make: Callable[[], Mapping[str, Any]]) -> None:
        """Keeps who makes one."""
        self._waiting.append(make)

    def taken(self) -> list[dict[str, Any]]:
        """Makes what waits."""
        self.events += [dict(make()) for make in self._waiting]
        self._waiting.clear()
        return super().taken()


class Broken:
    """A recorder that breaks the promise that it does not raise."""

    def record(self, _: Mapping[str, Any]) -> None:
        """Raises."""
        raise RuntimeError("the recorder is broken")


def fork() -> int:
    """As os.fork, without later Pythons' warning that there are threads: that is what is tested."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def child_succeeds(pid: int) -> bool:
    """Whether a forked child has ended well."""
    return os.waitpid(pid, 0)[1] == 0


def left() -> tuple[set[str], set[str]]:
    """The threads of this process, and what files and sockets it has open."""
    files = set()
    for link in Path("/proc/self/fd").iterdir():
        try:
            files.add(f"{link.name} {os.readlink(link)}")
        except OSError:
            continue  # The directory's own.
    return {thread.name for thread in threading.enumerate()}, files
