"""A throw-away PostgreSQL for tests, on a free port, as an ordinary user, always ended and removed."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import psycopg

from exporter.database import migrations
from tests.servers import LOOPBACK, Server, binary, free_port, kept_running

DATABASE = "exai"
"""The one database that pg_cron works in."""

_FAST = {"fsync": "off", "full_page_writes": "off"}
_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "shared_preload_libraries": "pg_cron",
    "cron.database_name": DATABASE,
    "cron.use_background_workers": "on",
    "wal_level": "logical",
    "max_connections": "60",
    "shared_buffers": "256MB",
    "timezone": "Asia/Kolkata",
}
"""The zone is one whose hours and days begin elsewhere than in UTC, where ours do."""

SUPABASE_GRANTS = """
    create schema if not exists public;
    alter default privileges in schema public grant all on tables to anon, authenticated, service_role;
    alter default privileges in schema public grant all on functions to anon, authenticated, service_role;
    alter default privileges in schema public grant all on sequences to anon, authenticated, service_role;
"""
"""What a project of Supabase grants by itself to everything that a migration makes in `public`."""


class Postgres(Server):
    """A PostgreSQL with pg_cron; `kill()` and `start()` restart it on the same port and data."""

    def kill(self) -> None:
        """SIGKILL, and wait until the backends have ended too: they hold the data a moment longer."""
        backends = psutil.Process(self.process.pid).children() if self._runs() and self.process else []
        super().kill()
        psutil.wait_procs(backends, timeout=10)

    def stop(self) -> None:
        """SIGINT, which tells clients to go, ten seconds to end in good order, then SIGKILL."""
        with suppress(subprocess.TimeoutExpired):
            self._end(signal.SIGINT, timeout_s=10)
        self.kill()

    def _runs(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def dsn(self, database: str = DATABASE, user: str = "postgres") -> str:
        """What EXAI_DATABASE_URL takes."""
        return f"postgresql://{user}@{self.address}/{database}"

    def connect(self, database: str = DATABASE, user: str = "postgres") -> psycopg.Connection[tuple[object, ...]]:
        """A connection in autocommit mode."""
        return psycopg.connect(self.dsn(database, user), autocommit=True)

    def create(self, database: str, template: str = "template1") -> str:
        """Makes a database, and returns its connection string."""
        with self.connect("postgres") as connection:
            connection.execute(f'drop database if exists "{database}" with (force)'.encode())
            connection.execute(f'create database "{database}" template "{template}"'.encode())
        return self.dsn(database)

    def migrated(self, database: str) -> str:
        """Makes a database with the schema and with Supabase's own grants, and returns its connection string."""
        dsn = self.create(database)
        with self.connect(database) as connection:
            as_supabase(connection)
            list(migrations.apply(connection, migrations.load()))
        return dsn


def as_supabase(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """Makes the roles, the publication and the grants of a project of Supabase."""
    migrations.bootstrap(connection)
    connection.execute(SUPABASE_GRANTS.encode())


def prove(dsn: str, path: Path) -> None:
    """Passes if every test of a pgTAP file passes in a database."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        # Beside our own schemas: what is in public is tested for who may call it.
        connection.execute("create schema tap; grant usage on schema tap to public; create extension pgtap schema tap")
        connection.execute(f"alter database {connection.info.dbname} set search_path = public, tap".encode())
    argv = [binary("pg_prove"), "--verbose", "--dbname", dsn, str(path)]
    finished = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr


@contextmanager
def postgres_server(tmp_path: Path, *, durable: bool = False) -> Iterator[Postgres]:
    """A PostgreSQL with an empty database `exai`; `durable` keeps fsync, for what a kill must not lose."""
    programs = _programs()
    # Not below tmp_path, which belongs to root alone: initdb and postgres refuse to be root.
    home = Path(tempfile.mkdtemp(prefix="exai-pg-"))
    try:
        _give_away(home)
        command = f"{programs}/initdb -D {home}/data -U postgres --auth=trust -E UTF8 --locale=C.UTF-8 --no-sync"
        made = subprocess.run(_as_user(*command.split()), capture_output=True, text=True, check=False, cwd=home)
        assert made.returncode == 0, made.stderr
        with kept_running(_server(programs, home, tmp_path / "postgres.log", durable)) as server:
            server.create(DATABASE)
            yield server
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _server(programs: Path, home: Path, log: Path, durable: bool) -> Postgres:
    port = free_port()
    settings = {**_SETTINGS, **({} if durable else _FAST), "port": str(port), "unix_socket_directories": str(home)}
    options = (f"--{key}={value}" for key, value in settings.items())
    argv = _as_user(f"{programs}/postgres", "-D", f"{home}/data", *options)
    return Postgres(argv, port, log, lambda: _answers(port))


def _answers(port: int) -> bool:
    dsn = f"postgresql://postgres@{LOOPBACK}:{port}/postgres"
    with suppress(psycopg.Error), psycopg.connect(dsn, connect_timeout=2):
        return True
    return False


def _programs() -> Path:
    """Where Debian keeps the newest server's programs, which are on nobody's PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise AssertionError("initdb is missing: apt-get install postgresql")
    return found[-1].parent


def _as_user(*words: str) -> list[str]:
    """The command, run as the user `postgres` where we are root."""
    if os.geteuid() != 0:
        return list(words)
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--", *words]


def _give_away(directory: Path) -> None:
    if os.geteuid() == 0:
        user = pwd.getpwnam("postgres")
        os.chown(directory, user.pw_uid, user.pw_gid)
