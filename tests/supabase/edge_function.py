"""The edge function for tests: run by Deno, as the platform would, in front of a throw-away PostgreSQL."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.servers import LOOPBACK, ROOT, Server, free_port, kept_running, port_open

HOME = ROOT / "supabase/functions/cache-metrics-aggregator"
SERVICE_KEY = "sb_secret_for_tests_0123456789abcdef"
JWT_SECRET = "the-jwt-secret-for-tests-0123456789"
LOGIN = "edge_function"
"""A login in the service role, as EXAI_DATABASE_URL should name one."""

_MAKE_LOGIN = f"""
    do $$ begin
        if to_regrole('{LOGIN}') is null then create role {LOGIN} login in role service_role; end if;
    end $$
"""


def deno() -> str:
    """The path of Deno, which the development extra brings."""
    path = Path(sys.executable).with_name("deno")
    assert path.exists(), "deno is missing: pip install -e .[dev]"
    return str(path)


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Deno's environment, without colours and without settings of our own."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("EXAI_")}
    return {**inherited, "NO_COLOR": "1", "DENO_NO_UPDATE_CHECK": "1", **(extra or {})}


def login(dsn: str) -> str:
    """Makes the login, and returns the connection string with which it enters the same database."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(_MAKE_LOGIN.encode())
    return dsn.replace("postgres@", f"{LOGIN}@")


@contextmanager
def edge_function(tmp_path: Path, dsn: str) -> Iterator[Server]:
    """The function on a free port; `kill()` and `start()` restart it."""
    port = free_port()
    ours = {
        "EXAI_DATABASE_URL": login(dsn),
        "EXAI_SERVICE_KEY": SERVICE_KEY,
        "EXAI_JWT_SECRET": JWT_SECRET,
        "DENO_SERVE_ADDRESS": f"tcp:{LOOPBACK}:{port}",
    }
    argv = [deno(), "run", "--allow-net", "--allow-env", "--no-prompt", "index.ts"]
    log, env = tmp_path / "edge.log", environment(ours)
    with kept_running(Server(argv, port, log, lambda: port_open(port), env, HOME)) as server:
        yield server
