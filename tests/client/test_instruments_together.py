"""All instruments of an application at once: what is left when it ends, and what a prefork server's workers tell."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from exporter.client.call_index import CallIndex
from exporter.client.in_flight import InFlight
from exporter.client.model_calls import ModelCalls
from exporter.client.predictions import Predictions
from exporter.client.process_gauges import ProcessGauges
from exporter.client.request_tracer import RequestTracer
from exporter.client.semaphore_tracker import SemaphoreTracker
from exporter.client.snapshots import Snapshots
from exporter.client.timeouts import TimeoutClient
from exporter.client.trackers import SessionTracker
from exporter.client.websocket_tracker import WebSocketTracker
from exporter.client.wsgi import WsgiMiddleware
from tests.client.doubles import Memory, child_succeeds, fork
from tests.servers import ROOT
from tests.timeouts.doubles import Estimator, Gateway, counter, served, timeouts_app
from tests.timeouts.moonshot import moonshot

INTERRUPTED: dict[str, tuple[Callable[[], Any], Callable[[Any], object]]] = {
    "sessions": (SessionTracker, lambda sessions: sessions.opened("a")),
    "semaphores": (SemaphoreTracker, lambda semaphores: semaphores.leaked()),
    "sockets": (WebSocketTracker, lambda sockets: sockets.opened(8079)),
    "in flight": (InFlight, lambda in_flight: in_flight.entered("tool")),
    "predictions": (
        lambda: Predictions(Memory(), "shop"),
        lambda predictions: predictions.record_prediction("x", 1, 2),
    ),
    "call index": (CallIndex, lambda calls: calls.next("conversation")),
    "outbox": (lambda: TimeoutClient().transport, lambda transport: transport.put({})),
}
"""How each instrument with a lock is made, and used."""


class Application:
    """One that uses everything."""

    def __init__(self, url: str) -> None:
        self.client = TimeoutClient(url)
        self.sessions = SessionTracker()
        self.tracer = RequestTracer(self.client)
        self.predictions = Predictions(self.client, "shop")
        self.create = ModelCalls(self.client).wrap(lambda **_: None)
        self.wsgi = WsgiMiddleware(self._serve, self.client, "shop")
        self.snapshots = Snapshots(self.client, self.sessions, self.tracer.in_flight, ProcessGauges("shop"))

    def serve(self) -> None:
        """One request."""
        self.wsgi({"REQUEST_METHOD": "GET"}, lambda *_: None)

    def close(self) -> bool:
        """Whether everything has been pushed."""
        self.snapshots.close()
        pushed = self.client.flush()
        self.client.close()
        return pushed

    def _serve(self, _: dict[str, Any], start_response: Any) -> list[bytes]:
        with self.tracer.trace("order"), self.tracer.span("ai_api"):
            self.create(model="kimi-k2")
        self.predictions.record_prediction("result", 1, 2)
        self.sessions.message(f"session of {os.getpid()}")
        start_response("200 OK", [])
        return [b""]


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with moonshot() as provider, served(timeouts_app(Estimator(), counter(provider))) as gateway:
        yield gateway


def test_no_thread_and_no_socket_is_left_behind() -> None:
    with moonshot() as provider:
        # In a process of its own, so that no server of the test is among its threads and sockets.
        program = (
            "from tests.client.doubles import left\n"
            "from tests.client.test_instruments_together import Application\n"
            "before = left()\n"
            f"application = Application({provider.url!r})\n"
            "application.serve()\n"
            "assert left()[0] > before[0]\n"
            "application.close()\n"
            "assert left() == before, left()\n"
        )
        subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, timeout=60)


def test_the_workers_of_a_prefork_server_tell_their_own(gateway: Gateway) -> None:
    application = Application(gateway.url)
    workers = []
    for _ in range(2):
        child = fork()
        if child == 0:
            application.serve()
            os._exit(0 if application.close() else 1)
        workers.append(child)
    assert all(map(child_succeeds, workers))
    assert application.close()
    for kind in ("http", "trace", "duration", "prediction"):
        assert [event["kind"] for event in gateway.events].count(kind) == 2
    sessions = {
        event["instance"].rpartition(":")[2]: event["values"]["active_sessions"]
        for event in gateway.events
        if event.get("subject") == "session"
    }
    assert sessions == {str(os.getpid()): 0, **{str(worker): 1 for worker in workers}}


def test_the_end_of_a_program_pushes_what_is_left(gateway: Gateway) -> None:
    program = (
        "from tests.client.test_instruments_together import Application\n"
        f"application = Application({gateway.url!r})\n"
        "application.serve()\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, timeout=60)
    kinds = {event["kind"] for event in gateway.events}
    assert kinds == {"http", "trace", "duration", "prediction", "gauge"}


def test_an_application_that_has_ended_still_serves(gateway: Gateway) -> None:
    application = Application(gateway.url)
    application.close()
    before = len(gateway.events), threading.active_count()
    application.serve()
    assert (len(gateway.events), threading.active_count()) == before


@pytest.mark.parametrize(("make", "use"), INTERRUPTED.values(), ids=INTERRUPTED)
def test_a_signal_handler_may_use_the_instrument_that_it_interrupts(
    make: Callable[[], Any], use: Callable[[Any], object]
) -> None:
    instrument = make()

    def interrupted() -> None:
        with instrument._lock:
            use(instrument)

    thread = threading.Thread(target=interrupted, daemon=True)
    thread.start()
    thread.join(30)
    assert not thread.is_alive()
