"""A full disk: pushes are asked to come again, nothing is lost, and all goes on once there is room."""

from __future__ import annotations

import json
import os
import resource
import sqlite3
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.core.examples import minimal
from tests.core.harness import EVENTS, Running, running, samples, total
from tests.core.test_journal import connections  # noqa: F401
from tests.servers import Server, exporter_server, wait_until

NAME = "exai_connection_events_total"
EVENT = minimal("connection", error="x" * 2000)
BATCH = json.dumps([EVENT] * 20).encode()


@contextmanager
def full(connection: sqlite3.Connection) -> Iterator[None]:
    """No page more for the database, as on a disk without room."""
    used = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {used}")
    yield
    connection.execute("PRAGMA max_page_count = 1073741823")


def push_until_full(exporter: Running) -> int:
    """How many batches were taken before the store was full."""
    for taken in range(1000):
        reply = exporter.push(BATCH, {"Idempotency-Key": f"before-{taken}"})
        if reply.status_code == 503:
            assert int(reply.headers["Retry-After"]) > 0
            assert "error" in reply.get_json()
            return taken
        assert reply.status_code == 202
    raise AssertionError("the store never filled up")


def test_the_share_of_the_disk_in_use_is_that_of_df(tmp_path: Path) -> None:
    with running(tmp_path) as exporter:
        shown = exporter.value("exai_exporter_disk_used_ratio")
    told = subprocess.run(["df", "--output=used,avail", tmp_path], capture_output=True, text=True, check=True).stdout
    used, available = map(int, told.splitlines()[1].split())
    assert shown == pytest.approx(used / (used + available), abs=0.01)


def test_a_full_disk_answers_503_and_loses_nothing(tmp_path: Path, connections: list[sqlite3.Connection]) -> None:  # noqa: F811
    with running(tmp_path, checkpoint_interval_s=300) as exporter:
        with full(connections[0]):
            taken = push_until_full(exporter)
            assert exporter.push(BATCH, {"Idempotency-Key": "again"}).status_code == 503
            assert exporter.value(NAME) == 20 * taken
            wait_until(lambda: not exporter.value("exai_exporter_source_up", source="http"), what="http marked down")
        assert exporter.push(BATCH, {"Idempotency-Key": "again"}).status_code == 202
        wait_until(lambda: exporter.value("exai_exporter_source_up", source="http"), what="http marked up")
        assert exporter.value(NAME) == 20 * (taken + 1)
    with running(tmp_path) as exporter:
        assert exporter.value(NAME) == 20 * (taken + 1)


def test_a_checkpoint_that_found_no_room_is_written_later(
    tmp_path: Path,
    connections: list[sqlite3.Connection],  # noqa: F811
) -> None:
    with running(tmp_path, checkpoint_interval_s=0.05) as exporter:
        health = exporter.app.journal.health
        with full(connections[0]):
            routes = [minimal("http", route=f"/{number}") for number in range(300)]
            while exporter.push(routes).status_code == 202:
                pass
            wait_until(lambda: health.failing, what="a checkpoint that fails")
            before = exporter.value("exai_http_requests_total")
        wait_until(lambda: not health.failing, what="a checkpoint that works")
    with running(tmp_path) as exporter:
        assert exporter.value("exai_http_requests_total") == before


def post(server: Server, key: str) -> int:
    request = urllib.request.Request(  # noqa: S310
        server.url + EVENTS, BATCH, {"Content-Type": "application/json", "Idempotency-Key": key}
    )
    try:
        with urllib.request.urlopen(request, timeout=35) as reply:  # noqa: S310
            return int(reply.status)
    except urllib.error.HTTPError as error:
        return error.code


def counted(server: Server) -> float:
    with urllib.request.urlopen(f"{server.url}/metrics", timeout=30) as reply:  # noqa: S310
        return total(samples(reply.read().decode()), NAME)


def limit_files(server: Server, size: int) -> None:
    """Lets no file of the exporter's process grow past `size`."""
    assert server.process is not None
    _, hard = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size, hard))


def test_an_exporter_whose_files_cannot_grow_recovers_and_survives_a_kill(tmp_path: Path) -> None:
    with exporter_server(tmp_path) as server:
        assert post(server, "first") == 202
        largest = max(path.stat().st_size for path in (tmp_path / "state").iterdir())
        limit_files(server, largest + 256 * 1024)
        taken = 1
        while (status := post(server, f"key-{taken}")) == 202:
            taken += 1
            assert taken < 5000
        assert status == 503
        assert counted(server) == 20 * taken
        limit_files(server, resource.RLIM_INFINITY)
        wait_until(lambda: post(server, f"key-{taken}") == 202, what="a push that is taken again")
        server.kill()
        server.start()
        assert counted(server) == 20 * (taken + 1)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small file system")
def test_a_file_system_without_room_answers_503_and_a_restart_on_it_still_serves(tmp_path: Path) -> None:
    import subprocess

    state = tmp_path / "state"
    state.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", state], check=False, capture_output=True)
    if mount.returncode:
        pytest.skip("this root may not mount")
    try:
        with exporter_server(tmp_path) as server:
            taken = 0
            while post(server, f"key-{taken}") == 202:
                taken += 1
                assert taken < 1000
            assert counted(server) == 20 * taken
            server.kill()
            server.start()
            assert counted(server) == 20 * taken
    finally:
        subprocess.run(["umount", "-l", state], check=True)
