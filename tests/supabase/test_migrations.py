"""How a database gets its schema."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from exporter.database import migrations
from exporter.database.connection import Connection, DatabaseError, connect
from exporter.database.migrations import Migration
from tests.databases import Postgres, as_supabase, postgres_server
from tests.servers import wait_until
from tests.supabase.conftest import CONVERTED, Fresh

SHAPE = """
    select n.nspname || '.' || c.relname, c.relkind::text, c.relrowsecurity::text, c.relacl::text, (
      select jsonb_agg(
        jsonb_build_array(a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
          pg_get_expr(d.adbin, d.adrelid)) order by a.attname)
      from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
      where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    )::text, (
      select jsonb_agg(
        jsonb_build_array(p.polname, p.polcmd, p.polroles, pg_get_expr(p.polqual, p.polrelid)) order by p.polname)
      from pg_policy p where p.polrelid = c.oid
    )::text
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where (n.nspname = 'monitoring' or n.nspname = 'public' and c.relname ~ '^(cache|monitoring)_')
      and c.relkind in ('r', 'p', 'v', 'm', 'S')
    union all
    select p.oid::regprocedure::text, p.prokind::text, p.prosecdef::text, p.proacl::text, p.prosrc, p.proconfig::text
    from pg_proc p where p.pronamespace in ('monitoring'::regnamespace, 'public'::regnamespace)
"""
"""What there is, in which form, and who may do what with it."""


def shape(connection: Connection) -> set[tuple[object, ...]]:
    """Tables, columns, policies, functions and grants of a database."""
    return set(connection.execute(SHAPE.encode()).fetchall())


def uniques(connection: Connection) -> set[tuple[object, ...]]:
    """The unique indexes of the tables, without their names."""
    query = """select regexp_replace(indexdef, 'INDEX \\S+ ON', 'INDEX ON') from pg_indexes
        where schemaname in ('monitoring', 'public') and indexdef like '%UNIQUE%'"""
    return set(connection.execute(query.encode()).fetchall())


@pytest.fixture
def empty(fresh: Fresh) -> str:
    """A database as a project of Supabase begins."""
    dsn = fresh("template1")
    with connect(dsn) as connection:
        as_supabase(connection)
    return dsn


def two(second: str) -> list[Migration]:
    return [Migration("20250101000000", "one", "create table public.one (n integer)"),
            Migration("20250102000000", "two", second)]  # fmt: skip


def test_each_migration_is_applied_once_and_in_order(empty: str) -> None:
    with connect(empty) as connection:
        everything = migrations.load()
        assert [str(one) for one in migrations.apply(connection, everything)] == [str(one) for one in everything]
        assert list(migrations.apply(connection, everything)) == []


def test_what_supabase_has_pushed_may_be_applied_again(database: Connection) -> None:
    before = shape(database)
    assert any("metrics_raw" in str(row[0]) for row in before)
    database.execute("drop table monitoring.migrations")
    list(migrations.apply(database, migrations.load()))
    assert shape(database) == before


def test_a_converted_database_has_the_shape_of_a_new_one(database: Connection, fresh: Fresh) -> None:
    with connect(fresh(CONVERTED)) as converted:
        assert shape(converted) ^ shape(database) == set()
        assert uniques(converted) ^ uniques(database) == set()


def test_a_plain_table_with_a_column_that_would_be_lost_is_not_converted(empty: str) -> None:
    with connect(empty) as connection:
        connection.execute("""
            create schema monitoring;
            create table monitoring.metrics_raw (type text, data jsonb, timestamp timestamptz, mine text);
            insert into monitoring.metrics_raw values ('x', '{}', now(), 'x')""")
    with pytest.raises(DatabaseError, match="its successor lacks: mine"), connect(empty) as connection:
        list(migrations.apply(connection, migrations.load()))
    with connect(empty) as connection:
        assert connection.execute("select mine from monitoring.metrics_raw").fetchall() == [("x",)]


def test_without_the_roles_of_supabase_it_says_how_to_make_them(postgres: Postgres, fresh: Fresh) -> None:
    dsn = fresh("template1")
    with pytest.raises(DatabaseError, match=r"run supabase/bootstrap\.sql first"), connect(dsn) as connection:
        list(migrations.apply(connection, migrations.load()))


def test_a_changed_file_is_refused(empty: str) -> None:
    with connect(empty) as connection:
        list(migrations.apply(connection, two("select 1")))
        with pytest.raises(DatabaseError, match="20250102000000_two was changed"):
            migrations.pending(connection, two("select 2"))


def test_a_file_that_comes_too_late_is_refused(empty: str) -> None:
    with connect(empty) as connection:
        list(migrations.apply(connection, two("select 1")))
        with pytest.raises(DatabaseError, match="between comes before 20250102000000"):
            migrations.pending(connection, [Migration("20250101120000", "between", ""), *two("select 1")])


def test_a_failing_file_is_undone_and_those_before_it_stay(empty: str) -> None:
    failing = two("create table public.two (n integer); select 1 / 0")
    with pytest.raises(DatabaseError, match="division by zero"), connect(empty) as connection:
        list(migrations.apply(connection, failing))
    with connect(empty) as connection:
        assert connection.execute("select to_regclass('public.one'), to_regclass('public.two')").fetchone() == (
            "one",
            None,
        )
        assert [str(one) for one in migrations.pending(connection, failing)] == ["20250102000000_two"]


def test_a_second_runner_waits_for_the_first(empty: str, postgres: Postgres) -> None:
    first, second = psycopg.connect(empty, autocommit=True), psycopg.connect(empty, autocommit=True)
    with first, second:
        running = migrations.apply(first, two("select 1"))
        next(running)
        second.execute("set lock_timeout = '200ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            next(migrations.apply(second, two("select 1")))
        assert [str(one) for one in running] == ["20250102000000_two"]
        assert list(migrations.apply(second, two("select 1"))) == []


@pytest.mark.parametrize("name", ["first.sql", "2025_first.sql", "20250101000000_First.sql"])
def test_a_file_without_a_version_is_an_error(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(DatabaseError, match=name):
        migrations.load(tmp_path)


def test_two_files_of_one_version_are_an_error(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"20250101000000_{name}.sql").touch()
    with pytest.raises(DatabaseError, match="20250101000000_b"):
        migrations.load(tmp_path)


def test_a_database_outlives_a_kill_of_its_server(tmp_path: Path) -> None:
    with postgres_server(tmp_path, durable=True) as server:
        server.migrated("exai")
        with server.connect() as connection:
            connection.execute(
                "select public.aggregate_metrics(%s)", ('[{"type": "x", "data": {}, "timestamp": 1760000000}]',)
            )
        server.kill()
        server.start()
        wait_until(lambda: server.ready(), what="the server is back")
        with server.connect() as connection:
            assert connection.execute("select count(*) from monitoring.metrics_raw").fetchone() == (1,)


def test_an_owner_needs_no_superuser(fresh: Fresh, postgres: Postgres) -> None:
    dsn = fresh("template1")
    with connect(dsn) as connection:
        as_supabase(connection)
        connection.execute("drop role if exists landlord; create role landlord login createrole")
        connection.execute("alter publication supabase_realtime owner to landlord")
        connection.execute(f"alter database {connection.info.dbname} owner to landlord".encode())
    try:
        with connect(dsn.replace("postgres@", "landlord@")) as connection:
            assert len(list(migrations.apply(connection, migrations.load()))) == len(migrations.load())
            connection.execute("call monitoring.maintain()")
    finally:
        with connect(dsn) as connection:
            connection.execute("reassign owned by landlord to postgres; drop owned by landlord; drop role landlord")
