"""Pushes and checkpoints reach the disk in order, once, and through a restart."""

from __future__ import annotations

import json
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from exporter import state_dir as wiring
from exporter.decode.canonical import decode
from exporter.fold.apply import Fold
from exporter.fold.checkpoint import read_positions, restore
from exporter.fold.journal import Journal
from exporter.fold.loop import Loop
from exporter.fold.state import State
from exporter.fold.store import open_store
from exporter.types import Batch
from tests.core.examples import T, minimal
from tests.core.harness import Running, folded, running, view
from tests.servers import wait_until

EVENT = minimal("connection", data_size_bytes=10)
NAME = "exai_connection_events_total"


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[sqlite3.Connection]:
    """Every connection that an application opens."""
    opened: list[sqlite3.Connection] = []

    def opening(path: Path) -> sqlite3.Connection:
        opened.append(open_store(path))
        return opened[-1]

    monkeypatch.setattr(wiring, "open_store", opening)
    return opened


@pytest.fixture
def killed(tmp_path: Path) -> Iterator[Callable[[Running], Path]]:
    """Copies the state of a running exporter, as a kill -9 would leave it."""

    def copy(exporter: Running) -> Path:
        target = tmp_path / f"after-kill-{time.monotonic_ns()}"
        shutil.copytree(exporter.app.settings.state_path, target)
        return target

    return copy


def test_the_connection_of_the_application_waits_for_the_disk(
    tmp_path: Path, connections: list[sqlite3.Connection]
) -> None:
    with running(tmp_path):
        (connection,) = connections
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_what_was_acknowledged_is_counted_after_a_kill(tmp_path: Path, killed: Any) -> None:
    with running(tmp_path / "state", checkpoint_interval_s=300) as exporter:
        for _ in range(5):
            assert exporter.push([EVENT, {"kind": "nope"}]).status_code == 202
        state = killed(exporter)
    for _ in range(2):
        with running(state) as again:
            assert again.value(NAME) == 5
            assert again.value("exai_connection_bytes_total") == 50
            assert again.value("exai_exporter_events_rejected_total", reason="unknown_kind") == 5


def test_a_good_end_and_a_new_start_change_nothing(tmp_path: Path) -> None:
    with running(tmp_path) as exporter:
        exporter.push([EVENT])
    with running(tmp_path) as exporter:
        exporter.push([EVENT])
        assert exporter.value(NAME) == 2
    with running(tmp_path) as exporter:
        assert exporter.value(NAME) == 2


def test_tighter_limits_never_refuse_what_was_acknowledged(tmp_path: Path, killed: Any) -> None:
    with running(tmp_path / "state", checkpoint_interval_s=300) as exporter:
        assert exporter.push([EVENT] * 20).status_code == 202
        state = killed(exporter)
    with running(state, limits={"batch_events": 10}) as again:
        assert again.value(NAME) == 20


def test_rows_that_were_folded_leave_the_journal(tmp_path: Path, connections: list[sqlite3.Connection]) -> None:
    with running(tmp_path, checkpoint_interval_s=0.05) as exporter:
        for _ in range(30):
            exporter.push([EVENT])
        rows = lambda: connections[0].execute("SELECT count(*) FROM pushed").fetchone()[0]  # noqa: E731
        wait_until(lambda: rows() == 0, what="an empty journal")
        assert exporter.value(NAME) == 30


def test_pushes_by_many_at_once_all_count(tmp_path: Path) -> None:
    with running(tmp_path) as exporter:
        client = exporter.app.wsgi()

        def push() -> None:
            mine = Running(exporter.app, client.test_client())
            for _ in range(20):
                assert mine.push([EVENT] * 10).status_code == 202

        threads = [threading.Thread(target=push) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert exporter.value(NAME) == 1600


def test_the_last_checkpoint_never_replaces_one_that_is_not_written_yet(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    loop = Loop(Fold(State()), time.time, {}, checkpoint_interval_s=0.05)
    journal = Journal(store, time.time, loop.submit, lambda _: None, 0)
    saved: list[Any] = []
    loop.saver = journal
    hand_over = journal.save
    journal.save = lambda snapshot: (saved.append(snapshot), hand_over(snapshot))[0]  # type: ignore[method-assign]
    loop.start()
    for number in (1, 2):
        events = folded_events(connection_type=f"type-{number}")
        loop.submit(Batch("redis_zset", events, {"part": str(number).encode()}, T))
        wait_until(lambda: any(snapshot.values for snapshot in saved), what="a checkpoint")
    loop.stop()
    journal.start()
    journal.stop()
    again = Fold(State())
    restore(store, again)
    assert {labels[0]: value for (name, labels), value in view(again.state).items() if name == NAME} == {
        "type-1": 1,
        "type-2": 1,
    }
    assert read_positions(store)["redis_zset"]["part"] == b"2"
    store.close()


def folded_events(**fields: Any) -> list[Any]:
    """Decoded connection events."""
    return list(decode(json.dumps([{**EVENT, **fields}]).encode(), time.time()).events)


def test_a_sum_past_64_bits_stops_neither_the_journal_nor_the_next_start(tmp_path: Path, killed: Any) -> None:
    greedy = [minimal("duration", prompt_tokens=2**53)] * 3000
    with running(tmp_path / "state", checkpoint_interval_s=0.05) as exporter:
        assert exporter.push(greedy).status_code == 202
        before = exporter.app.journal.health.saved_at
        wait_until(lambda: exporter.app.journal.health.saved_at > before + 0.2, what="two more checkpoints")
        assert exporter.push([EVENT]).status_code == 202
        state = killed(exporter)
    with running(state) as again:
        assert again.value(NAME) == 1
        assert again.value("gen_ai_client_token_usage_count") == 3000


def test_the_fold_of_a_replay_is_the_fold_of_the_first_time(tmp_path: Path, killed: Any) -> None:
    events = [minimal("http", event_id=f"id-{number % 7}") for number in range(20)]
    with running(tmp_path / "state", checkpoint_interval_s=300) as exporter:
        exporter.push(events)
        exporter.push(events)
        before = {key: value for key, value in exporter.samples().items() if key[0].startswith("exai_http")}
        state = killed(exporter)
    with running(state) as again:
        after = {key: value for key, value in again.samples().items() if key[0].startswith("exai_http")}
    assert after == before
    assert folded(events).state is not None


def test_whatever_a_checkpoint_raises_the_journal_lives_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("a defect of ours")

    with running(tmp_path, checkpoint_interval_s=0.05) as exporter:
        with monkeypatch.context() as patch:
            patch.setattr("exporter.fold.journal.write", broken)
            wait_until(lambda: exporter.app.journal.health.failing, what="a checkpoint that fails")
            assert exporter.push([EVENT]).status_code == 503
        wait_until(lambda: not exporter.app.journal.health.failing, what="a checkpoint that works")
        assert exporter.push([EVENT]).status_code == 202
        assert exporter.value(NAME) == 1


def holding(directory: Path, mark: bytes) -> list[str]:
    """The files of a state directory that hold the mark."""
    return [path.name for path in directory.iterdir() if path.is_file() and mark in path.read_bytes()]


def test_the_body_of_a_push_leaves_the_disk_once_it_is_folded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporter.fold.journal.ERASED_EVERY_S", 0)
    mark = "a-prompt-that-nothing-keeps"
    with running(tmp_path, checkpoint_interval_s=0.05) as exporter:
        for size in (1, 1000, 100_000):
            exporter.push([minimal("connection", metadata={"prompt": mark * size})])
        assert exporter.value(NAME) == 3
        wait_until(lambda: not holding(tmp_path, mark.encode()), what="the body is gone")


def test_the_body_of_a_push_leaves_the_disk_when_the_exporter_stops(tmp_path: Path) -> None:
    mark = "a-prompt-that-nothing-keeps"
    with running(tmp_path, checkpoint_interval_s=300) as exporter:
        exporter.push([minimal("connection", metadata={"prompt": mark})])
        assert holding(tmp_path, mark.encode())
    assert not holding(tmp_path, mark.encode())


def test_a_state_of_an_older_version_loses_what_it_had_deleted(tmp_path: Path) -> None:
    with running(tmp_path):
        pass
    with closing(sqlite3.connect(tmp_path / "exporter.sqlite3", isolation_level=None)) as old:
        old.execute("PRAGMA secure_delete = OFF")
        old.execute("INSERT INTO pushed VALUES (1, 0, 0, ?)", (b"deleted-by-0.1" * 1000,))
        old.execute("DELETE FROM pushed")
        old.execute("PRAGMA user_version = 2")
    assert holding(tmp_path, b"deleted-by-0.1")
    with running(tmp_path):
        pass
    assert not holding(tmp_path, b"deleted-by-0.1")
