"""Keeps a source running: what it raises marks it down and backs off, and touches nobody else."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from threading import Event as Flag
from threading import Thread

import structlog
from tenacity import (
    RetryCallState,
    RetryError,
    Retrying,
    sleep_using_event,
    stop_any,
    stop_when_event_set,
    wait_exponential_jitter,
)
from tenacity.stop import stop_base

from exporter.sources.failures import in_words
from exporter.types import Intake, Source, SourceHealth

log = structlog.get_logger()

LONGEST_BACK_OFF_S = 15.0
_SHORTEST_BACK_OFF_S = 0.2


class _When(stop_base):
    """A tenacity stop condition."""

    def __init__(self, condition: Callable[[], bool]) -> None:
        self._condition = condition

    def __call__(self, retry_state: RetryCallState) -> bool:  # noqa: ARG002 - tenacity names it
        return self._condition()


class Runner:
    """One source in its thread."""

    def __init__(self, source: Source, intake: Intake, health: SourceHealth) -> None:
        self.source = source
        self._intake = intake
        self._health = health
        self._stop = Flag()
        self._answered = False
        self._until_it_answered = Retrying(
            wait=wait_exponential_jitter(multiplier=_SHORTEST_BACK_OFF_S, max=LONGEST_BACK_OFF_S, jitter=0.2),
            sleep=sleep_using_event(self._stop),
            stop=stop_any(stop_when_event_set(self._stop), _When(lambda: self._answered)),
            after=self._report,
        )
        self._thread = Thread(target=self._run, name=source.name)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Asks the source to end and waits for it."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            # A source that had answered before it failed starts over with a short wait.
            with suppress(RetryError):
                self._until_it_answered(self.source.run, self._intake, self._health, self._stop)
            self._stop.wait(_SHORTEST_BACK_OFF_S)

    def _report(self, state: RetryCallState) -> None:
        self._answered = self._health.up
        failure = state.outcome.exception() if state.outcome else None
        error = in_words(failure) if failure else ""
        self._health.failed(error)
        log.warning("source failed", source=self.source.name, error=error, attempt=state.attempt_number)
