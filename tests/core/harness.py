"""An exporter inside the test's process, and plain views of its state and of what it shows."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from werkzeug.test import TestResponse

from exporter.app import App
from exporter.decode.canonical import decode
from exporter.expose.exposition import Format
from exporter.expose.pages import joined
from exporter.expose.scrape import pages
from exporter.fold.apply import Fold
from exporter.fold.children import Gauge, Histogram
from exporter.fold.state import State
from exporter.settings import Settings
from exporter.types import Batch
from tests.servers import wait_until

EVENTS = "/api/v1/events"
JSON, NDJSON = "application/json", "application/x-ndjson"

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]
"""A sample's value by its name and labels."""


@dataclass(frozen=True, slots=True)
class Running:
    """A started exporter and a client that speaks to it without a socket."""

    app: App
    client: FlaskClient

    def push(self, events: Any, headers: Mapping[str, str] | None = None) -> TestResponse:
        """Posts events: bytes as they are, anything else as JSON."""
        body = events if isinstance(events, bytes) else json.dumps(events).encode()
        return self.client.post(EVENTS, data=body, headers={"Content-Type": JSON, **(headers or {})})

    def samples(self) -> Samples:
        """What a scrape shows."""
        reply = self.client.get("/metrics")
        assert reply.status_code == 200, reply.text
        return samples(reply.text)

    def value(self, name: str, **labels: str) -> float:
        """The sum of the shown samples that have these labels, 0 where there is none."""
        return total(self.samples(), name, **labels)


@contextmanager
def running(
    state_dir: Path, clock: Callable[[], float] = time.time, *, stop: bool = True, **settings: Any
) -> Iterator[Running]:
    """An exporter on `state_dir` until the block ends."""
    app = App(msgspec.convert({"state_dir": str(state_dir), **settings}, Settings), clock)
    app.start()
    if settings.get("checkpoint_interval_s", 1) >= 300:
        wait_until(lambda: app.journal.health.took_s, what="the first checkpoint, the last for five minutes")
    try:
        yield Running(app, app.wsgi().test_client())
    finally:
        if stop:
            app.stop()


def samples(text: str) -> Samples:
    """The samples of an exposition in Prometheus' text format."""
    families = text_string_to_metric_families(text)
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def total(found: Samples, name: str, **labels: str) -> float:
    """The sum of the samples of that name that have these labels."""
    wanted = set(labels.items())
    return sum(value for (known, held), value in found.items() if known == name and wanted <= held)


def folded(
    events: Sequence[dict[str, Any]], fold: Fold | None = None, received: float | None = None, source: str = "http"
) -> Fold:
    """A fold of wire events, which must all be good."""
    now = time.time() if received is None else received
    found = decode(json.dumps(events).encode(), now)
    assert not found.rejections, found.rejections
    fold = fold or Fold(State())
    fold.apply(Batch(source, found.events, received=now))
    return fold


def view(state: State) -> dict[tuple[str, tuple[str, ...]], Any]:
    """Every child's content: a number, a histogram's sum and counts, a gauge's value and readings."""
    found: dict[tuple[str, tuple[str, ...]], Any] = {}
    for family, children in state.each():
        for child in children:
            content: Any = child.value
            if isinstance(child, Histogram):
                content = (child.value, tuple(child.counts))
            elif isinstance(child, Gauge):
                content = (child.value, dict(child.readings))
            found[family.name, child.labels] = content
    return found


def shown(state: State, form: Format = Format.TEXT) -> str:
    """The text of all folded families."""
    state.place_new()
    work = pages(form)(state)
    while True:
        try:
            next(work)
        except StopIteration as end:
            return joined(end.value).decode()
