"""One run of the demo, in real time."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from exporter.demo.incidents import Schedule
from exporter.demo.outlets import Outlets
from exporter.demo.progress import Progress
from exporter.demo.rhythm import steady
from exporter.demo.traffic import Rhythm, Traffic

_STEP_S = 0.1
_GRACE_S = 5.0


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the demo, which ends when `stop` is set or `for_s` seconds have passed."""

    outlets: Outlets
    schedule: Schedule
    told: Progress
    stop: threading.Event
    for_s: float | None = None
    rhythm: Rhythm = steady
    clock: Callable[[], float] = time.time

    def play(self, rng: Random, rate: float) -> None:
        """Simulate in real time, and hand every event on as it happens."""
        self.outlets.start()
        try:
            self._play(rng, rate)
        finally:
            self.outlets.close(_GRACE_S)
            self.told.end()

    def _play(self, rng: Random, rate: float) -> None:
        started = self.clock()
        traffic = Traffic(rng, started, rate, self.schedule.conditions, self.rhythm)
        elapsed_s = 0.0
        while not self.stop.is_set() and (self.for_s is None or elapsed_s < self.for_s):
            for event in traffic.until(started + elapsed_s):
                self.outlets.take(event)
            self.told.tell(elapsed_s, self.schedule.at(elapsed_s), self.outlets.tallies())
            self.stop.wait(_STEP_S)
            elapsed_s = self.clock() - started


def stop_on_signals() -> threading.Event:
    """A flag that SIGTERM and SIGINT set, in place of ending the process."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop
