"""The commands of docs/postgres.md, run from its top to its end against a database and the edge function."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import psycopg
import pytest

from exporter.settings import ENVIRONMENT
from tests.databases import Postgres, as_supabase
from tests.servers import ROOT
from tests.supabase.conftest import Fresh
from tests.supabase.edge_function import HOME, SERVICE_KEY, edge_function

PAGE = (ROOT / "docs/postgres.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
SUPABASE = '#!/bin/sh\nprintf "%s\\n" "$*" >> "$SAID"\n'
"""In the place of Supabase's own command, which needs a project."""

OPERATIONS = """
    insert into public.cache_metrics (operation_type, implementation_type, response_time_ms, timestamp)
    select 'hit', 'new', 10, now() - interval '2 hours' from generate_series(1, 1000);
    call monitoring.roll_up();
    create schema if not exists cron;
    create or replace function cron.schedule(text, text, text) returns bigint
      language plpgsql as 'begin execute $3; return 1; end'
"""
"""What the page takes for granted: two weeks of a cache, and a pg_cron, which works in one database of a server."""

Run = Callable[[str, str], None]


@pytest.fixture
def dsn(fresh: Fresh, postgres: Postgres) -> Iterator[str]:
    """A database as a project of Supabase begins; the page's role is forgotten afterwards."""
    url = fresh("template1")
    with psycopg.connect(url, autocommit=True) as connection:
        as_supabase(connection)
        yield url
        connection.execute("drop role if exists exai_exporter")


@pytest.fixture
def run(dsn: str, tmp_path: Path) -> Run:
    """Runs a block of the page there; variables that it exports stay."""
    state = tmp_path / "variables"
    state.write_text("")
    (command := tmp_path / "supabase").write_text(SUPABASE)
    command.chmod(0o755)

    def as_here(text: str) -> str:
        text = re.sub(r"postgresql://(?!exai_exporter)[^\s']+", dsn, text)
        return re.sub(r"postgresql://exai_exporter[^\s']+", dsn.replace("postgres@", "exai_exporter@"), text)

    def run(language: str, text: str) -> None:
        if language == "sql":
            with psycopg.connect(dsn, autocommit=True) as connection:
                connection.execute(text.encode())
            return
        script = re.sub(r"^(\S+ ){5} *", "", text) if language == "crontab" else text
        if "functions/v1" in script:
            with edge_function(tmp_path, dsn) as function:
                _shell(state, script.replace("https://PROJECT.supabase.co", function.url), tmp_path)
        else:
            _shell(state, as_here(script), tmp_path)

    return run


def _shell(state: Path, script: str, tmp_path: Path) -> None:
    argv = ["bash", "-euc", f". {state}\n{script}\nexport -p > {state}"]
    done = subprocess.run(argv, cwd=ROOT, env=_environment(tmp_path), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, script + done.stdout + done.stderr
    (tmp_path / "said").open("a").write(done.stdout)


def _environment(tmp_path: Path) -> Mapping[str, str]:
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("EXAI_", "CACHE_METRICS_"))}
    path = f"{tmp_path}:{Path(sys.executable).parent}:{inherited['PATH']}"
    state = str(tmp_path / "state")
    ours = {"EXAI_SERVICE_KEY": SERVICE_KEY, "EXAI_STATE_DIR": state, "EXAI_ENV_FILE": os.devnull}
    return {**inherited, **ours, "PATH": path, "SAID": str(tmp_path / "said")}


def test_every_command_works(run: Run, dsn: str, tmp_path: Path) -> None:
    for language, text in BLOCKS:
        if "baseline compute" in text:
            with psycopg.connect(dsn, autocommit=True) as connection:
                for statement in OPERATIONS.split(";\n"):
                    connection.execute(statement.encode())
        run(language, text)
    said = (tmp_path / "said").read_text()
    assert '{"accepted":1,"repeated":0,"rejected":0,"errors":[],"observations":0}' in said
    assert "functions deploy cache-metrics-aggregator --no-verify-jwt" in said
    with psycopg.connect(dsn) as connection:
        counts = connection.execute(
            "select (select count(*) from public.cache_metrics where timestamp > now() - interval '1 hour'), "
            "(select count(*) from public.cache_baseline_metrics where is_active), "
            "(select keep::text from monitoring.retention where relation = 'public.cache_metrics')"
        ).fetchone()
    assert counts == (2, 1, "14 days")


def test_each_secret_and_setting_that_is_named_is_read() -> None:
    read = {*ENVIRONMENT, *re.findall(r'get\("(EXAI_\w+)"\)', (HOME / "settings.ts").read_text())}
    assert set(re.findall(r"EXAI_[A-Z_]*[A-Z]", PAGE)) <= read
    assert {name for name in read if name not in ENVIRONMENT} <= set(re.findall(r"EXAI_[A-Z_]*[A-Z]", PAGE))


def test_retention_is_that_of_the_database(fresh: Fresh) -> None:
    periods = {"7 days": "7 days", "30 days": "30 days", "1 year": "1 year", "24 hours": "24:00:00"}
    told = {
        name: periods[kept]
        for tables, kept in re.findall(r"^\| (`[a-z].*?) \| (\d+ \w+) \|", PAGE, re.MULTILINE)
        for name in re.findall(r"`(\w+\.\w+)`", tables)
    }
    with psycopg.connect(fresh()) as connection:
        assert told == dict(connection.execute("select relation, keep::text from monitoring.retention").fetchall())
