"""The first contact folds up to a day of history, and shows none of it before it shows all."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from exporter import conventions as series
from exporter.app import App
from exporter.state_dir import STORE
from exporter.types import Batch
from tests.servers import wait_until
from tests.sources.gateway import DAY, NOW, Clock, Gateway, Tail
from tests.sources.served import make_settings, running, sample

EVENTS = "exai_connection_events_total"


def fill_a_day(gateway: Gateway, *kinds: str) -> None:
    for kind in kinds:
        gateway.add(*(NOW - DAY + 60 + 24 * number for number in range(3500)), kind=kind)


@contextmanager
def after_each_batch(app: App, look: Callable[[Batch], None]) -> Iterator[None]:
    """Runs something in the source's thread behind each batch that it submits."""
    submit = app.loop.submit

    def submit_and_look(batch: Batch) -> None:
        submit(batch)
        look(batch)

    app.loop.submit = submit_and_look  # type: ignore[method-assign]
    yield


def test_history_of_a_day_counts_and_what_is_older_does_not(gateway: Gateway, tail: Tail) -> None:
    fill_a_day(gateway, "redis")
    gateway.add(NOW - DAY - 10, NOW - 2 * DAY)
    assert (tail.poll().counted, tail.ledger.late) == (3500, 0)


def test_a_scrape_during_the_first_contact_shows_nothing_of_it(
    client: Redis, gateway: Gateway, clock: Clock, tmp_path: Path
) -> None:
    fill_a_day(gateway, "redis", "kimi")
    app = App(make_settings(client, tmp_path), clock)
    seen: list[float | None] = []
    waiting: list[list[str]] = []

    def look(_: Batch) -> None:
        if app.loop.holding:
            waiting.append(app.waiting_for())
            seen.append(sample(app, EVENTS))

    with after_each_batch(app, look), running(app):
        wait_until(lambda: not app.waiting_for(), what="ready")
        assert sample(app, EVENTS) == 7000
    assert seen.count(None) > 10
    assert set(seen) <= {None, 7000}
    assert all(waiting)


def test_events_that_are_pushed_meanwhile_are_acknowledged(
    client: Redis, gateway: Gateway, clock: Clock, tmp_path: Path
) -> None:
    fill_a_day(gateway, "redis")
    app = App(make_settings(client, tmp_path), clock)
    answers: list[int] = []

    def look(batch: Batch) -> None:
        if batch.catching_up and not answers:
            event = {"connection_type": "glm", "direction": "send", "timestamp": NOW}
            answers.append(app.wsgi().test_client().post("/api/v1/events", json=event).status_code)

    with after_each_batch(app, look), running(app):
        wait_until(lambda: not app.waiting_for(), what="ready")
        assert answers == [202]
        assert sample(app, EVENTS, connection_type="glm") == 1


@pytest.mark.parametrize("met_before", [False, True])
def test_a_kill_in_the_middle_of_a_first_contact_shows_nothing_of_it_either(
    client: Redis, gateway: Gateway, clock: Clock, tmp_path: Path, met_before: bool
) -> None:
    """Also where it is the first contact with a new type, long after the first one with Redis."""
    settings = make_settings(client, tmp_path / "first", checkpoint_interval_s=0.05)
    if met_before:
        with running(App(settings, clock)) as app:
            wait_until(lambda: not app.waiting_for(), what="the first contact with an empty Redis")
    fill_a_day(gateway, "kimi")
    app = App(settings, clock)
    killed = tmp_path / "killed"
    batches = 0

    def look(_: Batch) -> None:
        nonlocal batches
        batches += 1
        if batches == 12:
            wait_until(lambda: app.loop.holding, what="the fold has begun the first contact")
            save(app, clock)
            image(settings.state_path, killed)

    with after_each_batch(app, look), running(app):
        wait_until(lambda: sample(app, EVENTS) == 3500, what="the whole first contact")

    seen: list[float | None] = []
    app = App(make_settings(client, killed), clock)
    assert app.loop.holding

    def look_again(_: Batch) -> None:
        if app.loop.holding:
            seen.append(sample(app, EVENTS))

    with after_each_batch(app, look_again), running(app):
        wait_until(lambda: not app.waiting_for(), what="ready after the kill")
        assert sample(app, EVENTS) == 3500
    assert None in seen
    assert set(seen) <= {None, 3500}


def save(app: App, clock: Clock) -> None:
    """Waits for a checkpoint of everything that was submitted so far."""
    for _ in range(2):
        before = app.journal.health.saved_at
        clock.now += 0.1
        wait_until(lambda before=before: app.journal.health.saved_at > before, what="a checkpoint")


def image(state_dir: Path, copy: Path) -> None:
    """The store as a kill -9 would leave it now."""
    copy.mkdir()
    source, target = sqlite3.connect(state_dir / STORE), sqlite3.connect(copy / STORE)
    source.backup(target)
    source.close()
    target.close()


def test_a_first_contact_that_failed_ends_with_the_next_whole_poll(gateway: Gateway, tail: Tail) -> None:
    tail.poll()
    gateway.add(*(NOW - 3000 + number for number in range(3000)), kind="claude")
    tail.crash(after=4)
    assert tail.ledger.holding
    tail.source.resume(tail.ledger)
    tail.poll()
    assert not tail.ledger.holding
    assert tail.ledger.counted == 3000


def test_a_new_type_is_hidden_until_it_is_whole(gateway: Gateway, tail: Tail) -> None:
    gateway.add(NOW - 1)
    tail.poll()
    gateway.add(*(NOW - 900 + number for number in range(800)), kind="claude")
    known = len(tail.ledger.batches)
    tail.poll()
    marks: list[Any] = [batch.catching_up for batch in tail.ledger.batches[known:]]
    brought = [bool(batch.events) for batch in tail.ledger.batches[known:]]
    assert marks.index(True) < brought.index(True)
    assert marks.index(False) > len(brought) - 1 - brought[::-1].index(True)
    assert tail.ledger.total(series.CONNECTION_EVENTS, connection_type="claude") == 800
