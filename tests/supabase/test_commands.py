"""`migrate`, `maintain` and `baseline`, as somebody types them."""

from __future__ import annotations

import pytest
from click.testing import CliRunner, Result

from exporter.database.commands import baseline, maintain, migrate
from exporter.database.connection import connect
from exporter.database.migrations import load
from tests.databases import Postgres
from tests.supabase.conftest import Fresh


def run(command: object, *arguments: str, dsn: str = "") -> Result:
    return CliRunner().invoke(command, arguments, env={"EXAI_DATABASE_URL": dsn, "EXAI_CONFIG": ""})  # type: ignore[arg-type]


def with_password(dsn: str) -> str:
    return dsn.replace("postgres@", "postgres:hunter2@")


def test_migrate_brings_plain_postgresql_to_the_schema(fresh: Fresh) -> None:
    dsn = with_password(fresh("template1"))
    planned = run(migrate, "--dry-run", dsn=dsn)
    assert planned.output.splitlines() == [f"would apply {one}" for one in load()]
    done = run(migrate, "--bootstrap", dsn=dsn)
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[:-1] == [f"applied {one}" for one in load()]
    assert "hunter2" not in done.output
    assert run(migrate, "--dry-run", dsn=dsn).output == ""
    assert len(run(migrate, dsn=dsn).output.splitlines()) == 1


def test_maintain_makes_days_rolls_up_and_drops(fresh: Fresh) -> None:
    dsn = fresh()
    with connect(dsn) as connection:
        connection.execute("""
            insert into public.cache_metrics (operation_type, implementation_type, timestamp)
            select 'hit', 'new', now() - i * interval '1 day' from unnest(array[0, 3, 20]) i""")
    done = run(maintain, "--dsn", with_password(dsn))
    assert done.exit_code == 0, done.output
    assert "1 days made" in done.output
    assert "public.cache_metrics: 0 days and 1 rows dropped" in done.output
    assert "hunter2" not in done.output
    with connect(dsn) as connection:
        assert connection.execute("select sum(hits) from public.cache_metrics_1min").fetchone() == (2,)


def test_maintain_says_where_pg_cron_does_it(postgres: Postgres) -> None:
    assert "pg_cron does all this too" in run(maintain, dsn=postgres.dsn()).output


def test_baselines_are_computed_and_shown(fresh: Fresh) -> None:
    dsn = fresh()
    assert "no baseline yet" in run(baseline, "show", dsn=dsn).output
    refused = run(baseline, "compute", dsn=dsn)
    assert refused.exit_code == 1
    assert "nothing has 1,000 operations in 14 days" in refused.output
    with connect(dsn) as connection:
        connection.execute("""
            insert into public.cache_metrics (operation_type, implementation_type, response_time_ms, timestamp)
            select case i % 4 when 0 then 'miss' else 'hit' end, 'new', 10, now() - interval '2 hours'
            from generate_series(1, 1000) i""")
    run(maintain, dsn=dsn)
    computed = run(baseline, "compute", dsn=dsn)
    assert computed.exit_code == 0, computed.output
    assert "hit ratio    0.7500" in computed.output
    assert "operations   1,000" in computed.output
    assert run(baseline, "show", dsn=dsn).output == computed.output
    run(baseline, "compute", "--implementation", "new", "--days", "7", dsn=dsn)
    assert run(baseline, "show", "--history", dsn=dsn).output.count("(before)") == 1


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://postgres:hunter2@127.0.0.1:1/exai",
        "postgresql://postgres:hunter2@[127.0.0.1:1/exai",
        "host=127.0.0.1 port=1 password=hunter2",
        "postgres hunter2",
    ],
)
@pytest.mark.parametrize("command", [migrate, maintain])
def test_a_database_that_cannot_be_reached_is_told_without_its_password(command: object, dsn: str) -> None:
    failed = run(command, "--dsn", dsn)
    assert failed.exit_code == 1
    assert "Error: " in failed.output
    assert "hunter2" not in failed.output


def test_without_a_database_it_says_what_to_set() -> None:
    failed = run(migrate)
    assert failed.exit_code == 2
    assert "EXAI_DATABASE_URL" in failed.output
