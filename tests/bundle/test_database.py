"""The database of a bundle is prepared and kept; one that is not the bundle's own is not changed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from exporter import tokens
from exporter.bundle.data_source import READER
from exporter.settings import Settings
from tests.databases import Postgres, postgres_server
from tests.servers import ROOT, wait_until

RUN = (sys.executable, "-m", "exporter", "bundle", "database")


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A server, whose password nobody is asked for."""
    with postgres_server(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state directory that an exporter has started in once."""
    tokens.make_missing(Settings(state_dir=str(tmp_path / "state"), database_url="postgresql://h/d"))
    return tmp_path / "state"


@contextmanager
def keeping(dsn: str, state: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """The command on its way."""
    env = {"PATH": os.environ["PATH"], "EXAI_DATABASE_URL": dsn, "EXAI_STATE_DIR": str(state)}
    command = [*RUN, *options]
    process = subprocess.Popen(command, cwd=ROOT, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def own(dsn: str, state: Path) -> str:
    """The address as the bundle's own has it."""
    return f"{dsn}?passfile={quote(str(state / tokens.PASSFILE), safe='')}"


def test_the_bundles_own_gets_its_schema_and_grafanas_login(postgres: Postgres, state: Path) -> None:
    dsn = own(postgres.create("own"), state)
    for _ in range(2):
        with keeping(dsn, state, "--once") as process:
            output, _ = process.communicate(timeout=60)
            assert process.returncode == 0, output
    with postgres.connect("own", READER) as connection:
        assert connection.execute("select count(*) from monitoring.errors").fetchone() == (0,)
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("delete from monitoring.errors")


def test_the_server_sees_a_verifier_and_no_password(postgres: Postgres, state: Path) -> None:
    dsn = own(postgres.create("quiet"), state)
    with postgres.connect() as connection:
        connection.execute("alter database quiet set log_statement = 'all'")
    with keeping(dsn, state, "--once") as process:
        output, _ = process.communicate(timeout=60)
    secret = (state / tokens.READER_PASSWORD).read_text().strip()
    assert secret not in output
    assert f'alter role "{READER}" password \'SCRAM-SHA-256$' in postgres.log.read_text()
    assert secret not in postgres.log.read_text()


def test_another_database_without_the_schema_is_left_as_it_is(postgres: Postgres, state: Path) -> None:
    with keeping(postgres.create("another"), state) as process:
        assert process.stdout
        assert any("-m exporter migrate" in line for line in process.stdout)
        process.terminate()
        process.communicate(timeout=20)
        assert process.returncode == 0
    with postgres.connect("another") as connection:
        assert connection.execute("select to_regnamespace('monitoring')").fetchone() == (None,)


def test_another_database_with_the_schema_is_kept_where_pg_cron_is_not(postgres: Postgres, state: Path) -> None:
    dsn = postgres.migrated("kept")
    with postgres.connect("kept") as connection:
        connection.execute("insert into public.cache_metrics (operation_type, implementation_type) values ('hit', 'a')")

        def rolled_up() -> bool:
            return connection.execute("select count(*) from public.cache_metrics_1min").fetchone() == (1,)

        with keeping(dsn, state) as process:
            wait_until(rolled_up, 30, "the minute")
            process.terminate()
            process.communicate(timeout=20)
            assert process.returncode == 0


def test_a_database_that_is_away_is_waited_for(tmp_path: Path, state: Path) -> None:
    with postgres_server(tmp_path) as server:
        dsn = own(server.create("late"), state)
        server.kill()
        with keeping(dsn, state) as process:
            assert process.stdout
            assert any("the database is not kept" in line for line in process.stdout)
            server.start()
            assert any("the database is prepared" in line for line in process.stdout)


def test_without_a_database_it_says_so(state: Path) -> None:
    with keeping("", state) as process:
        output, _ = process.communicate(timeout=20)
    assert process.returncode == 1
    assert output == "Error: database_url: there is none\n"
