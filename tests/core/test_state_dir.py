"""One exporter a state directory, and a clear word where it cannot be used."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import pytest

from exporter.app import App
from exporter.settings import Settings
from exporter.state_dir import AlreadyRunning
from tests.core.harness import running
from tests.servers import LOOPBACK, ROOT, exporter_server, free_port


def serve(**environment: str) -> subprocess.CompletedProcess[str]:
    """An exporter that is expected to end by itself."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("EXAI_")}
    return subprocess.run(
        [sys.executable, "-m", "exporter", "serve"],
        env={**inherited, "EXAI_LISTEN": f"{LOOPBACK}:{free_port()}", "EXAI_ENV_FILE": os.devnull, **environment},
        cwd=ROOT, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip


def test_a_second_exporter_on_the_same_state_is_refused(tmp_path: Path) -> None:
    with exporter_server(tmp_path) as first:
        second = serve(EXAI_STATE_DIR=str(tmp_path / "state"))
        assert second.returncode == 1
        assert (
            second.stderr
            == f"Error: state_dir: another exporter uses {tmp_path / 'state'}. Stop it, or name another directory\n"
        )
        assert first.ready()


def test_the_lock_goes_with_the_process_however_it_ends(tmp_path: Path) -> None:
    with exporter_server(tmp_path) as server:
        server.kill()
        server.start()
        assert server.ready()


def test_a_stopped_exporter_gives_the_directory_back(tmp_path: Path) -> None:
    with running(tmp_path), pytest.raises(AlreadyRunning):
        App(Settings(state_dir=str(tmp_path)))
    with running(tmp_path):
        pass


def test_secrets_are_made_once_and_for_the_owner_alone(tmp_path: Path) -> None:
    names = ("push-token", "admin-token", "grafana-password")
    with running(tmp_path / "state"):
        made = {name: (tmp_path / "state" / name).read_text() for name in names}
    with running(tmp_path / "state"):
        pass
    for name in names:
        path = tmp_path / "state" / name
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.read_text() == made[name]
        assert len(made[name].strip()) >= 32
    assert len(set(made.values())) == 3
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700


def test_a_state_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = serve(EXAI_STATE_DIR=str(tmp_path / "file" / "state"))
    assert found.returncode == 1
    assert found.stderr.startswith("Error: state_dir: ")


def test_a_store_that_is_no_store_is_named(tmp_path: Path) -> None:
    (tmp_path / "exporter.sqlite3").write_bytes(b"not a database, but long enough to look at" * 100)
    found = serve(EXAI_STATE_DIR=str(tmp_path))
    assert found.returncode == 1
    assert found.stderr.startswith("Error: state_dir: ")


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with exporter_server(tmp_path) as first:
        found = serve(EXAI_STATE_DIR=str(tmp_path / "other"), EXAI_LISTEN=first.address)
    assert found.returncode == 1
    assert found.stderr.splitlines()[-1].startswith(f"Error: listen: {first.address}")


def test_a_token_file_that_is_missing_is_named(tmp_path: Path) -> None:
    found = serve(EXAI_STATE_DIR=str(tmp_path), EXAI_TOKEN_FILE=str(tmp_path / "nowhere"))
    assert (found.returncode, found.stderr.splitlines()[-1]) == (
        1, f"Error: token_file: {tmp_path / 'nowhere'} cannot be read: No such file or directory",
    )  # fmt: skip


def test_connections_that_others_leave_open_shut_out_nobody(tmp_path: Path) -> None:
    with exporter_server(tmp_path) as server, ExitStack() as idle:
        host, _, port = server.address.partition(":")
        for _ in range(150):
            idle.enter_context(socket.create_connection((host, int(port)), timeout=10))
        with urllib.request.urlopen(f"{server.url}/metrics", timeout=10) as reply:  # noqa: S310
            assert reply.status == 200
