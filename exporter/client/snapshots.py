"""Sends what trackers measure as gauge events, from time to time and in the background."""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Protocol, Self

from exporter.client.forks import begin_in_every_process
from exporter.client.ids import process_name
from exporter.client.recorder import Recorder, harmless, nothing


class Gauges(Protocol):
    """Something that can be measured at any time."""

    subject: str

    def values(self) -> Mapping[str, Any]:
        """The values of a gauge event of that subject; none, if it is empty."""


class Snapshots:
    """Sends every tracker's values each `every_s` seconds, and once more when it is closed.

    A forked child sends its own, under the name of its own process.
    """

    def __init__(self, recorder: Recorder, *gauges: Gauges, every_s: float = 5.0) -> None:
        self._recorder, self._every_s = recorder, every_s
        self._gauges = list(gauges)
        self._closed = False
        begin_in_every_process(self)
        atexit.register(self.close)  # Later than the recorder's own end, hence called before it.

    def begin(self) -> None:
        """Starts the thread of this process."""
        self._stop = threading.Event()
        self._instance = process_name()
        self._thread = threading.Thread(target=self._run, args=(self._stop,), name="exai-snapshots", daemon=True)
        if not self._closed:
            with suppress(RuntimeError):  # An interpreter that is ending starts no thread.
                self._thread.start()

    def add(self, gauges: Gauges) -> None:
        """Sends these too."""
        self._gauges.append(gauges)

    def send(self) -> None:
        """Leaves every tracker's values to be pushed."""
        for gauges in list(self._gauges):
            self._send(gauges)

    def close(self) -> None:
        """Ends the thread, and sends a last time."""
        if self._closed:
            return
        self._closed = True
        atexit.unregister(self.close)
        self._stop.set()
        with suppress(RuntimeError):  # It may never have been started.
            self._thread.join()
        self.send()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self, stop: threading.Event) -> None:
        while not stop.wait(self._every_s):
            self.send()

    @harmless(nothing)
    def _send(self, gauges: Gauges) -> None:
        values = dict(gauges.values())
        if values:
            event = {"kind": "gauge", "subject": gauges.subject, "instance": self._instance, "timestamp": time.time()}
            self._recorder.record({**event, "values": values})
