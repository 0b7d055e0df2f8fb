"""The fold's thread: scrapes and pushes wait for neither each other nor a source in trouble."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from exporter.events import ConnectionEvent
from exporter.expose.exposition import Format
from exporter.expose.pages import joined
from exporter.expose.scrape import pages
from exporter.fold.apply import Fold
from exporter.fold.loop import CATCHING_UP, Loop
from exporter.fold.state import State
from exporter.types import Batch
from tests.core.examples import T, minimal
from tests.core.harness import running, samples, total
from tests.core.test_journal import folded_events
from tests.servers import wait_until

NAME = "exai_connection_events_total"


@contextmanager
def looping(state: State | None = None, positions: Any = None) -> Iterator[Loop]:
    loop = Loop(Fold(state or State()), time.time, positions or {})
    loop.start()
    try:
        yield loop
    finally:
        loop.stop()


def scrape(loop: Loop) -> str:
    return joined(loop.ask(pages(Format.TEXT)).result(10).value).decode()


def test_what_was_submitted_is_in_the_next_scrape() -> None:
    with looping() as loop:
        for number in range(1, 20):
            loop.submit(Batch("http", folded_events(connection_type=f"type-{number % 5}"), received=T))
            assert total(samples(scrape(loop)), NAME) == number


def test_a_scrape_ends_however_fast_events_come() -> None:
    names = [(f"s{number % 100}", f"f{number // 100}") for number in range(20_000)]
    events = [ConnectionEvent("kimi", "send", T, script, function, 1, 3.0) for script, function in names]
    done = threading.Event()
    with looping(State({NAME: 100_000})) as loop:

        def flood() -> None:
            while not done.is_set():
                loop.submit(Batch("http", random.sample(events, 1000), received=T))

        threads = [threading.Thread(target=flood) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(3):
                scrape(loop)
        finally:
            done.set()
            for thread in threads:
                thread.join()


def test_a_first_contact_hides_what_it_brings_forth_until_it_ends() -> None:
    with looping() as loop:
        loop.submit(Batch("redis_zset", folded_events(), received=T, catching_up=True))
        assert NAME not in scrape(loop)
        loop.submit(Batch("redis_zset", folded_events(), received=T, catching_up=False))
        assert total(samples(scrape(loop)), NAME) == 2


def test_a_first_contact_hides_nothing_of_other_sources() -> None:
    with looping() as loop:
        loop.submit(Batch("redis_zset", folded_events(connection_type="kimi"), received=T, catching_up=True))
        loop.submit(Batch("http", folded_events(connection_type="glm"), received=T))
        found = samples(scrape(loop))
        assert total(found, NAME, connection_type="glm") == 1
        assert total(found, NAME, connection_type="kimi") == 0


def test_a_source_that_is_not_configured_any_more_holds_nothing_back(tmp_path: Path) -> None:
    with running(tmp_path) as exporter:
        exporter.app.loop.submit(Batch("redis_zset", (), {CATCHING_UP: b"1"}, T, catching_up=True))
    with running(tmp_path) as again:
        again.push([minimal("connection")])
        assert again.value(NAME) == 1
        assert "first contact" not in again.client.get("/readyz").text


def test_a_batch_that_cannot_be_folded_does_not_end_the_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    class Unheard:
        event_id = None

    with looping() as loop:
        loop.submit(Batch("http", [Unheard()], received=T))
        loop.submit(Batch("http", folded_events(), received=T))
        assert total(samples(scrape(loop)), NAME) == 1


def test_work_that_fails_tells_who_asked_and_nobody_else() -> None:
    def failing(_: State) -> Any:
        yield
        raise KeyError("mine")

    with looping() as loop:
        with pytest.raises(KeyError):
            loop.ask(failing).result(10)
        assert scrape(loop) is not None


def test_a_source_resumes_behind_what_it_has_submitted() -> None:
    with looping(positions={"a": {"x": b"1", "y": b"2"}}) as loop:
        loop.submit(Batch("a", (), {"x": b"3", "y": None, "z": b"4"}))
        assert loop.position("a") == {"x": b"3", "z": b"4"}
        assert loop.position("b") == {}


def test_a_clock_that_is_set_back_stops_no_checkpoint(tmp_path: Path) -> None:
    now = [time.time()]
    with running(tmp_path, lambda: now[0], checkpoint_interval_s=0.05) as exporter:
        wait_until(lambda: exporter.app.journal.health.took_s, what="a checkpoint")
        now[0] -= 3600
        health = exporter.app.journal.health
        wait_until(lambda: abs(health.saved_at - now[0]) < 60, what="a checkpoint by the new clock")
