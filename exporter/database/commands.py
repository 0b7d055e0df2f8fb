"""`exai-exporter migrate`, `maintain` and `baseline`: PostgreSQL, from its schema to what is normal in it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from exporter.invocation import command
from exporter.read_settings import load
from exporter.settings import SettingsError

if TYPE_CHECKING:
    from exporter.database.baselines import Baseline
    from exporter.database.connection import Connection

Command = Callable[..., None]


def _dsn_option(command: Command) -> Command:
    return click.option(
        "--dsn", metavar="URL", help="The database.  [default: EXAI_DATABASE_URL, which hides a password better]"
    )(command)


@click.command()
@_dsn_option
@click.option("--dry-run", is_flag=True, help="Only say what would be applied.")
@click.option("--bootstrap", is_flag=True, help="First make the roles and the publication that Supabase brings.")
def migrate(dsn: str | None, dry_run: bool, bootstrap: bool) -> None:
    """Bring the database to the schema in supabase/migrations.

    Each file is a transaction of its own. A gateway's plain tables are converted with their rows. What
    `supabase db push` has applied is applied again, which changes nothing. Plain PostgreSQL needs
    --bootstrap once, as a superuser.

    \b
    EXIT STATUS
      0   the database has the schema
      1   it cannot be reached, or a file was changed after it was applied, or a file failed and was undone

    \b
    EXAMPLES
      EXAI_DATABASE_URL=postgresql://postgres@127.0.0.1/exai exai-exporter migrate --bootstrap
      exai-exporter migrate --dry-run
    """
    from exporter.database import migrations
    from exporter.database.connection import place

    with _database(dsn) as connection:
        found = migrations.load()
        if dry_run:
            for migration in migrations.pending(connection, found):
                click.echo(f"would apply {migration}")
            return
        if bootstrap:
            migrations.bootstrap(connection)
        for migration in migrations.apply(connection, found):
            click.echo(f"applied {migration}")
        click.echo(f"{place(connection)} has the schema of {found[-1]}")


@click.command()
@_dsn_option
def maintain(dsn: str | None) -> None:
    """Make the days ahead, roll up, and drop what is kept no longer.

    Where pg_cron runs it does this by itself; elsewhere run this every minute or so from cron, a timer or
    a loop. The tables and how long they are kept are rows of monitoring.retention.

    \b
    EXIT STATUS
      0   done
      1   the database cannot be reached, or was too busy: run it again
    """
    from exporter.database import maintenance
    from exporter.database.connection import place

    with _database(dsn) as connection:
        scheduled = maintenance.is_scheduled(connection)
        upkeep = maintenance.maintain(connection)
        where = place(connection)
    click.echo(f"{where}: {upkeep.days_made} days made" + (" (pg_cron does all this too)" if scheduled else ""))
    for expired in upkeep.expired:
        click.echo(f"  {expired.relation}: {expired.days} days and {expired.rows} rows dropped")


@click.group()
def baseline() -> None:
    """Show or compute what is normal for a semantic cache."""


@baseline.command()
@_dsn_option
@click.option("--history", is_flag=True, help="Also those that were active before.")
def show(dsn: str | None, history: bool) -> None:
    """Show the active baselines."""
    from exporter.database import baselines

    with _database(dsn) as connection:
        found = baselines.read(connection, history=history)
    _print(found, f"there is no baseline yet: {command('baseline compute')}")


@baseline.command()
@_dsn_option
@click.option("--implementation", metavar="NAME", help="Only this one.  [default: all]")
@click.option("--days", default=14, show_default=True, type=click.IntRange(1, 365), help="How far back.")
@click.option("--minimum-samples", default=1000, show_default=True, type=click.IntRange(1), help="Operations needed.")
def compute(dsn: str | None, implementation: str | None, days: int, minimum_samples: int) -> None:
    """Compute baselines from the hours of the last days, and make them active.

    \b
    EXIT STATUS
      0   at least one was computed
      1   nothing has operations enough, and the baselines stay as they are
    """
    from exporter.database import baselines

    with _database(dsn) as connection:
        found = baselines.compute(connection, implementation, days, minimum_samples)
    if not found:
        raise click.ClickException(
            f"nothing has {minimum_samples:,} operations in {days} days: baselines stay as they are"
        )
    _print(found, "")


@contextmanager
def _database(dsn: str | None) -> Iterator[Connection]:
    # Here and in the commands: no other command of the line waits for psycopg.
    from exporter.database.connection import DatabaseError, connect

    try:
        named = dsn or load(os.environ).database_url
        if not named:
            raise click.UsageError("no database is named: set EXAI_DATABASE_URL, or give --dsn")
        with connect(named) as connection:
            yield connection
    except (DatabaseError, SettingsError) as error:
        raise click.ClickException(str(error)) from error


def _print(found: Sequence[Baseline], nothing: str) -> None:
    for one in found:
        state = "" if one.is_active else " (before)"
        click.echo(f"{one.implementation}{state}  {_minute(one.since)} to {_minute(one.until)} UTC")
        click.echo(f"  operations   {one.sample_size:,}")
        click.echo(f"  hit ratio    {one.hit_ratio:.4f}{_spread(one.hit_ratio_stddev, 1, 4)}")
        click.echo(f"  error ratio  {one.error_ratio:.4f}")
        click.echo(f"  response     {one.response_s * 1000:.1f}{_spread(one.response_stddev_s, 1000, 1)} ms")
        click.echo(f"  p95          {one.response_p95_s * 1000:.1f} ms")
    if not found:
        click.echo(nothing)


def _minute(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M}"


def _spread(deviation: float | None, unit: float, digits: int) -> str:
    return "" if deviation is None else f" ± {deviation * unit:.{digits}f}"
