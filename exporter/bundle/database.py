"""The database of a bundle: brought to its schema, opened to Grafana for reading, and kept."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import click
import structlog
from psycopg.sql import SQL, Identifier, Literal
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from exporter import tokens
from exporter.bundle.data_source import READER
from exporter.database import maintenance, migrations
from exporter.database.connection import Connection, DatabaseError, connect
from exporter.invocation import command
from exporter.read_settings import load
from exporter.settings import Settings, SettingsError

log = structlog.get_logger()

_EVERY_S = 60.0
_AGAIN_AFTER_S = 2.0
_COMES_WITHIN_S = 60.0


@click.command()
@click.option("--once", is_flag=True, help="Prepare it, waiting a minute for it at most, and end.")
@click.option(
    "--ready-file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Create FILE once it is prepared.",
)
def database(once: bool, ready_file: Path | None) -> None:
    """Prepare the database of EXAI_DATABASE_URL and keep it, until told to stop.

    The bundle's own is brought to its schema; any other must have it (exai-exporter migrate). Grafana
    gets the login exai_grafana, which reads only. Each minute, where pg_cron does not do it, days are made,
    rolled up and dropped.
    """
    try:
        settings = load()
        if not settings.database_url:
            raise SettingsError("database_url: there is none")
        if once:
            _patiently(settings)
        else:
            _keep(settings, _stop_on_sigterm(), ready_file)
    except (DatabaseError, SettingsError) as problem:
        raise click.ClickException(str(problem)) from problem


def prepare(connection: Connection, settings: Settings) -> None:
    """Bring the bundle's own database to its schema, and let Grafana in.

    Raises:
        DatabaseError: a database that is not the bundle's own lacks the schema.
        SettingsError: there is no password for Grafana yet.
    """
    if tokens.is_the_bundles(settings.database_url):
        migrations.bootstrap(connection)
        for migration in migrations.apply(connection, migrations.load()):
            log.info("applied", migration=str(migration))
    elif not connection.execute("select 1 from pg_namespace where nspname = 'monitoring'").fetchone():
        raise DatabaseError(f"the database lacks the schema: {command('migrate')}")
    _let_in(connection, tokens.read(settings.state_path / tokens.READER_PASSWORD, "database_url"))
    if tokens.is_the_bundles(settings.database_url):
        # postgres_exporter uses the same login, and without this it cannot see what other logins do.
        connection.execute(SQL("grant pg_monitor to {}").format(Identifier(READER)))


def _let_in(connection: Connection, password: str) -> None:
    reader = Identifier(READER)
    # A verifier, so that neither the wire nor the server's log sees the password.
    verifier = connection.pgconn.encrypt_password(password.encode(), READER.encode(), b"scram-sha-256").decode()
    with connection.transaction():
        if not connection.execute("select 1 from pg_roles where rolname = %s", (READER,)).fetchone():
            connection.execute(SQL("create role {} login").format(reader))
        connection.execute(SQL("alter role {} password {}").format(reader, Literal(verifier)))
        connection.execute(SQL("alter role {} set default_transaction_read_only = on").format(reader))
        connection.execute(SQL("alter role {} set statement_timeout = '30s'").format(reader))
        connection.execute(SQL("grant authenticated to {}").format(reader))


def _patiently(settings: Settings) -> None:
    # Right after its start a server refuses, and whoever makes the passwords may not have made them yet.
    retry = retry_if_exception_type((DatabaseError, SettingsError))
    for attempt in Retrying(retry=retry, wait=wait_fixed(0.2), stop=stop_after_delay(_COMES_WITHIN_S), reraise=True):
        with attempt, connect(settings.database_url) as connection:
            prepare(connection, settings)


def _keep(settings: Settings, stop: threading.Event, ready_file: Path | None) -> None:
    prepared = False
    while not stop.is_set():
        try:
            with connect(settings.database_url) as connection:
                if not prepared:
                    prepare(connection, settings)
                    prepared = True
                    log.info("the database is prepared")
                    if ready_file:
                        ready_file.touch()
                if not maintenance.is_scheduled(connection):
                    maintenance.maintain(connection)
        except (DatabaseError, SettingsError) as problem:
            log.warning("the database is not kept", error=str(problem))
        stop.wait(_EVERY_S if prepared else _AGAIN_AFTER_S)


def _stop_on_sigterm() -> threading.Event:
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    return stop
