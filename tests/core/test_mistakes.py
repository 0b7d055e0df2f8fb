"""Ten mistakes that people make in their first hour: each gets one sentence that says what is wrong and what to do."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import LOOPBACK, ROOT, exporter_server, free_port


def run(*arguments: str, cwd: Path, wrapped: tuple[str, ...] = (), **variables: str) -> str:
    """Run a command that must fail, and return its last line."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("EXAI_")}
    env |= {"PYTHONPATH": str(ROOT), "EXAI_STATE_DIR": str(cwd / "state"), **variables}
    command = (*wrapped, sys.executable, "-m", "exporter", *arguments)
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return (done.stdout + done.stderr).strip().splitlines()[-1]


def test_a_wrong_url(tmp_path: Path) -> None:
    said = run("check-config", cwd=tmp_path, EXAI_REDIS_URL="localhost:6379")
    assert "redis_url: it does not start with redis://" in said
    assert "Write it as in redis://USER:PASSWORD@HOST:6379/0" in said


def test_a_wrong_token(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("of another exporter")
    (tmp_path / "events.ndjson").write_text(
        '{"kind":"connection","connection_type":"a","direction":"send","timestamp":1}\n'
    )
    with exporter_server(tmp_path) as exporter:
        arguments = ("replay", "events.ndjson", "--exporter", exporter.url, "--token-file", "token")
        said = run(*arguments, cwd=tmp_path)
    assert "push token" in said
    assert "--token-file" in said


def test_a_tab_in_a_yaml_file(tmp_path: Path) -> None:
    (tmp_path / "exai.yml").write_text("redis:\n\tstream: events\n")
    said = run("check-config", cwd=tmp_path, EXAI_CONFIG="exai.yml")
    assert said.startswith("Error: EXAI_CONFIG: exai.yml cannot be read: ")
    assert said.endswith("in line 2, column 1. Indent with spaces, not with tabs")


def test_a_misspelled_key(tmp_path: Path) -> None:
    (tmp_path / "exai.yml").write_text("redis:\n  poll_intervall_s: 2\n")
    said = run("check-config", cwd=tmp_path, EXAI_CONFIG="exai.yml")
    assert said == "Error: redis.poll_intervall_s: there is no such key. Did you mean redis.poll_interval_s?"


def test_a_busy_port(tmp_path: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as other:
        address = f"{LOOPBACK}:{other.getsockname()[1]}"
        said = run("serve", cwd=tmp_path, EXAI_LISTEN=address)
    assert said == f"Error: listen: {address} cannot be used: Address already in use. Set EXAI_LISTEN to another"


def test_a_directory_without_the_right_to_write(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    mount = f"mount --bind {tmp_path}/state {tmp_path}/state && mount -o remount,bind,ro {tmp_path}/state"
    read_only = ("unshare", "-m", "sh", "-c", f'{mount} && exec "$@"', "sh")
    said = run("serve", cwd=tmp_path, wrapped=read_only)
    assert f"state_dir: {tmp_path}/state cannot be used: its file system is read-only" in said


def test_a_state_of_a_newer_version(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    with sqlite3.connect(tmp_path / "state/exporter.sqlite3") as store:
        store.execute("PRAGMA user_version = 99")
    said = run("serve", cwd=tmp_path, EXAI_LISTEN=f"{LOOPBACK}:{free_port()}")
    assert "it was written by a newer exporter (format 99; this one reads 3). Upgrade the exporter" in said


@pytest.mark.parametrize("size", ["4k", "40k", "120k"])
def test_a_full_disk(tmp_path: Path, size: str) -> None:
    (tmp_path / "state").mkdir()
    small = ("unshare", "-m", "sh", "-c", f'mount -t tmpfs -o size={size} none {tmp_path}/state && exec "$@"', "sh")
    said = run("serve", cwd=tmp_path, wrapped=small, EXAI_LISTEN=f"{LOOPBACK}:{free_port()}")
    assert said.endswith("cannot be used: its disk is full. Free some space, or name another directory")


def test_a_package_that_apt_cannot_bring(tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, status in (("apt-get", 100), ("dpkg-query", 1)):
        (tools / name).write_text(f"#!/bin/sh\nexit {status}\n")
        (tools / name).chmod(0o755)
    command = (sys.executable, "-m", "exporter.bundle.packages", "no-such-package")
    env = {**os.environ, "PATH": f"{tools}:/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "ended with 100. Run it by hand to see why: there may be no network" in done.stderr


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql+psycopg2://u:secret@h/d", "Begin it with postgresql://"),
        ("postgresql://postgres:[YOUR-PASSWORD]@h/d", "write the password of the database in the place of"),
        ("postgresql://u:secret@tail@h/d", "it has an @ too many"),
        ("mysql://u:secret@h/d", "Write it as in postgresql://USER:PASSWORD@HOST:5432/DATABASE"),
    ],
)
def test_a_wrong_connection_string(tmp_path: Path, url: str, said: str) -> None:
    line = run("check-config", cwd=tmp_path, EXAI_DATABASE_URL=url)
    assert line.startswith("Error: database_url: ")
    assert said in line
    assert "secret" not in line
