"""The bundle's own PostgreSQL, natively: made, kept, ended, and asked for no password that anybody could see."""

from __future__ import annotations

import getpass
import os
from pathlib import Path

import psutil
import psycopg
import pytest

from exporter import tokens
from exporter.bundle import postgres
from exporter.bundle.data_source import READER
from exporter.bundle.layout import Layout
from tests.bundle.conftest import Clone
from tests.servers import wait_until

ASKED = {postgres.CHOICE: "native"}


def connect(clone: Clone) -> psycopg.Connection[tuple[object, ...]]:
    """A connection as the bundle's own programs have it."""
    return psycopg.connect(postgres.url(clone.layout), autocommit=True)


def value(clone: Clone, query: str) -> object:
    """What a query of one value answers."""
    with connect(clone) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def passwords(clone: Clone) -> list[str]:
    """The two that were made for the database."""
    state = clone.layout.state
    return [tokens.make_for_database(state), (state / tokens.READER_PASSWORD).read_text().strip()]


@pytest.fixture
def running(clone: Clone) -> Clone:
    """A bundle that came up from an empty state directory."""
    clone.up(**ASKED)
    return clone


def test_it_comes_up_from_nothing_as_an_ordinary_user(running: Clone) -> None:
    server = running.owned()["postgres"]
    assert server.username() == ("postgres" if os.geteuid() == 0 else getpass.getuser())
    assert not server.net_connections("tcp")
    assert running.layout.state.stat().st_mode & 0o077 == 0
    assert value(running, "select count(*) from monitoring.migrations")


def test_the_exporter_reads_it_and_the_database_is_kept(running: Clone) -> None:
    assert running.owned()["exporter"].environ()["EXAI_DATABASE_URL"] == postgres.url(running.layout)
    up = 'exai_exporter_source_up{source="postgres"}'
    wait_until(lambda: running.value(up) == 1, 40, "the exporter at the database")
    with connect(running) as connection:
        connection.execute("insert into public.cache_metrics (operation_type, implementation_type) values ('hit', 'a')")
    wait_until(lambda: running.value('exai_cache_operations_total{implementation="a"}') == 1, 40, "the row counted")
    assert "database" in running.owned()


def test_grafanas_login_reads_and_writes_nothing(running: Clone) -> None:
    _, password = passwords(running)
    login = {"host": str(running.layout.postgres), "dbname": "postgres", "user": READER}
    with psycopg.connect(**login, password=password) as connection:
        assert connection.execute("select count(*) from public.cache_metrics").fetchone() == (0,)
    writing = psycopg.connect(**login, password=password, options="-c default_transaction_read_only=off")
    with writing, pytest.raises(psycopg.errors.InsufficientPrivilege):
        writing.execute("delete from public.cache_metrics")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(**login, password="another")


def test_no_password_is_in_a_command_line_a_log_or_a_configuration(running: Clone) -> None:
    secrets = passwords(running)
    written = [path.read_text(errors="replace") for path in running.layout.logs.iterdir()]
    written += [running.supervisor.config.read_text()]
    for process in running.owned().values():
        written += [" ".join(process.cmdline()), "\n".join(process.environ().values())]
    written += [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
    assert [secret for secret in secrets if any(secret in text for text in written)] == []
    assert not (running.layout.postgres / "password").exists()


def test_down_ends_it_and_the_next_up_has_its_data(running: Clone) -> None:
    with connect(running) as connection:
        connection.execute("create table kept as select 7 as seven")
    server = running.owned()["postgres"]
    assert running.run("down").returncode == 0
    assert not server.is_running()
    assert not running.owned()
    assert "database system is shut down" in running.layout.log("postgres").read_text()
    running.up()
    assert value(running, "select seven from kept") == 7


def test_what_a_killed_server_had_committed_is_there_again(running: Clone) -> None:
    with connect(running) as connection:
        connection.execute("create table kept as select 7 as seven")
    killed = running.owned()["postgres"]
    killed.kill()
    wait_until(lambda: running.owned().get("postgres", killed).pid != killed.pid, 30, "a new server")

    def answers() -> bool:
        try:
            return value(running, "select seven from kept") == 7
        except psycopg.OperationalError:
            return False

    wait_until(answers, 30, "its rows")


@pytest.mark.parametrize(
    ("env", "wanted"),
    [({}, False), (ASKED, True), ({"EXAI_DATABASE_URL": "postgresql://h/d"}, False),
     ({**ASKED, "EXAI_DATABASE_URL": "postgresql://h/d"}, False)],
)  # fmt: skip
def test_a_database_that_is_named_is_taken_in_its_place(env: dict[str, str], wanted: bool, layout: Layout) -> None:
    assert postgres.is_wanted(env, layout) is wanted


def test_an_unknown_choice_is_refused(layout: Layout) -> None:
    with pytest.raises(ValueError, match=r"^EXAI_POSTGRES: 'docker' is not native"):
        postgres.is_wanted({postgres.CHOICE: "docker"}, layout)


def test_a_state_directory_with_odd_letters_is_in_its_address(tmp_path: Path) -> None:
    parts = psycopg.conninfo.conninfo_to_dict(postgres.url(Layout(tmp_path / "a b&c?d")))
    assert parts["host"] == str(tmp_path / "a b&c?d" / "postgres")
    assert parts["passfile"] == str(tmp_path / "a b&c?d" / tokens.PASSFILE)
    assert tokens.is_the_bundles(postgres.url(Layout(tmp_path)))
