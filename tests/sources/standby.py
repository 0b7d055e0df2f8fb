"""A standby of a PostgreSQL, which may be promoted."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import psycopg

from tests.databases import Postgres
from tests.servers import free_port, kept_running, wait_until


@contextmanager
def standby_of(server: Postgres, tmp_path: Path) -> Iterator[Postgres]:
    """A server that follows another, and has all that this had committed."""
    home = Path(tempfile.mkdtemp(prefix="exai-pg-"))
    data, port = home / "data", free_port()
    try:
        programs = next(Path("/usr/lib/postgresql").glob("*/bin"))
        argv = [programs / "pg_basebackup", "-d", server.dsn("postgres"), "-D", data, "-R", "-c", "fast"]
        subprocess.run(argv, check=True, capture_output=True)
        _give_as(_data_of(server), home)
        with kept_running(_server(server, data, port, tmp_path / "standby.log")) as standby:
            with server.connect() as primary, standby.connect() as connection:
                query = "select pg_last_wal_replay_lsn() >= %s::pg_lsn"
                reached = primary.execute("select pg_current_wal_lsn()::text").fetchone()
                wait_until(lambda: connection.execute(query, reached).fetchone() == (True,), what="it has caught up")
            yield standby
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _data_of(server: Postgres) -> Path:
    return Path(server.argv[list(server.argv).index("-D") + 1])


def _server(server: Postgres, data: Path, port: int, log: Path) -> Postgres:
    """The same program with the same settings on other data and another port."""
    changed = {str(_data_of(server)): str(data), f"--port={server.port}": f"--port={port}"}
    argv = [changed.get(word, word) for word in map(str, server.argv)]
    argv += [f"--unix_socket_directories={data.parent}"]
    standby = replace(server, argv=argv, port=port, log=log)
    standby.ready = lambda: _answers(standby)
    return standby


def _answers(server: Postgres) -> bool:
    with suppress(psycopg.Error):
        server.connect("postgres").close()
        return True
    return False


def _give_as(example: Path, directory: Path) -> None:
    """Makes all in the directory belong to whom the example belongs to."""
    owner = example.stat()
    for path in (directory, *directory.rglob("*")):
        shutil.chown(path, owner.st_uid, owner.st_gid)
