"""Makes the exporter's parts of its settings."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import structlog
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from exporter import shipped_files
from exporter.auditor.announcer import Announcer
from exporter.auditor.postgres_copy import PostgresCopy
from exporter.auditor.store import ObservationStore
from exporter.database.writer import Writer
from exporter.decode.canonical import decode
from exporter.decode.gateway import decode_member
from exporter.decode.postgres_rows import decode_row
from exporter.fold.call_selection import CallSelection
from exporter.fold.spool import CALLS, ERRORS_AND_TRACES, FAILED_CALLS, WRITER, Spool, count_spooled
from exporter.prices import table
from exporter.prices.cost import CallCost
from exporter.settings import Settings, SettingsError
from exporter.sources.postgres_pool import Pool
from exporter.sources.postgres_table import PostgresTable
from exporter.sources.redis_stream import RedisStream
from exporter.sources.redis_zset import RedisZset
from exporter.state_dir import STORE
from exporter.thresholds.service import Thresholds
from exporter.timeouts.tokens import TokenCounter, api_key
from exporter.types import Clock, ModelCalls, Refused, Source

log = structlog.get_logger()

_THRESHOLDS = shipped_files.path("config/thresholds.yml")
_PRICES = shipped_files.path("config/prices.yml")


def make_announcer(settings: Settings) -> Announcer:
    """Who is told of alerts beside Alertmanager's receivers.

    Raises:
        SettingsError: the file cannot be written.
    """
    file = Path(settings.alert_file).expanduser() if settings.alert_file else None
    try:
        return Announcer(sys.stdout if settings.alert_console else None, file)
    except OSError as error:
        raise SettingsError(f"alert_file: {settings.alert_file} cannot be written: {error.strerror}") from None


def make_redis(settings: Settings) -> Redis:
    """Return a client of the gateway's Redis; it connects with the first command."""
    # Each source has its own back-off, and a silent reconnect would hide that Redis was restarted.
    return Redis.from_url(settings.redis_url, retry=Retry(NoBackoff(), 0), socket_timeout=10, socket_connect_timeout=5)


def make_redis_sources(settings: Settings, clock: Clock) -> list[Source]:
    """Those of the gateway's Redis, if one is named."""
    if not settings.redis_url:
        return []
    client, options = make_redis(settings), settings.redis
    zset = RedisZset(
        client,
        decode=decode_member,
        clock=clock,
        look_back_s=options.look_back_s,
        first_contact_s=options.first_contact_s,
        poll_interval_s=options.poll_interval_s,
    )
    if not options.stream:
        return [zset]
    stream = RedisStream(
        client,
        stream=options.stream,
        group=options.group,
        decode=partial(decode, most=settings.limits.batch_events),
        clock=clock,
    )
    return [zset, stream]


def make_postgres_sources(settings: Settings, clock: Clock, pool: Pool | None) -> list[Source]:
    """The gateway's tables, if there is a database."""
    if pool is None:
        return []
    options = settings.postgres
    table = PostgresTable(
        pool,
        decode=decode_row,
        clock=clock,
        first_contact_s=options.first_contact_s,
        poll_interval_s=options.poll_interval_s,
        statement_timeout_s=options.statement_timeout_s,
    )
    return [table]


def make_selection(settings: Settings) -> CallSelection:
    """Return the rule by which model calls count."""
    return CallSelection(
        settings.gateway.model_calls,
        look_back_s=settings.redis.look_back_s,
        only_source=settings.sources.get("duration", ""),
        announce=partial(_announce_switch, settings.gateway.model_calls),
    )


def _announce_switch(which: ModelCalls, model: str, source: str) -> None:
    if which == "auto":
        log.info("duration events of the model arrive: its calls count from them alone", model=model, source=source)


def make_spools(
    settings: Settings, connection: sqlite3.Connection, positions: Mapping[str, Mapping[str, bytes]]
) -> list[Spool]:
    """Return the spools of what PostgreSQL is to keep, in the order in which they are written."""
    if not settings.database_url:
        return []
    calls = settings.postgres.spool_calls
    bounds = {ERRORS_AND_TRACES: settings.postgres.spool_events, FAILED_CALLS: calls, CALLS: calls}
    position = positions.get(WRITER, {})
    spools = []
    for spool_table, most in bounds.items():
        written = int(position.get(spool_table.row_part, b"0"))
        if most:
            spools.append(Spool(spool_table, most, count_spooled(connection, spool_table, written)))
    return spools


def make_writer(
    settings: Settings,
    clock: Clock,
    pool: Pool | None,
    spools: Sequence[Spool],
    observations: ObservationStore,
    prices: table.Prices,
) -> Writer | None:
    """Return the writer of errors, traces, model calls and observations to the database, if there is one."""
    if pool is None or not spools:
        return None
    timeout_s = settings.postgres.statement_timeout_s
    copy = PostgresCopy(pool, observations, timeout_s)
    return Writer(
        pool,
        spools,
        settings.state_path / STORE,
        clock=clock,
        statement_timeout_s=timeout_s,
        cost_of=CallCost(prices).of,
        copy=copy,
    )


def thresholds_file(settings: Settings) -> Path:
    """The file of the settings, else the one that is shipped."""
    return Path(settings.thresholds_file).expanduser() if settings.thresholds_file else _THRESHOLDS


def changes_file(settings: Settings) -> Path:
    """Where the changes that the API makes are kept."""
    return settings.state_path / "thresholds.json"


def make_thresholds(settings: Settings, clock: Clock) -> Thresholds:
    """What is too much, and who changed it."""
    return Thresholds(thresholds_file(settings), changes_file(settings), clock)


def runbooks() -> Path:
    """Return the directory of the runbooks that alerts link.

    Raises:
        MissingFileError: it has none.
    """
    directory = shipped_files.path("docs/runbooks")
    shipped_files.matching(directory, "*.md")
    return directory


def read_prices(settings: Settings) -> table.Prices:
    """What tokens cost, by the file of the settings, else by the one that is shipped.

    Raises:
        SettingsError: the file cannot be used; names file and field.
    """
    path = Path(settings.prices_file).expanduser() if settings.prices_file else _PRICES
    try:
        return table.read(path)
    except Refused as error:
        raise SettingsError(f"{path}: {error.field}: {error}" if error.field else str(error)) from error


def make_token_counter(settings: Settings) -> TokenCounter:
    """Who counts the tokens of prompts.

    Raises:
        SettingsError: the file of the provider's key cannot be read.
    """
    counting = settings.timeouts.tokens
    try:
        return TokenCounter(counting, api_key(counting, os.environ))
    except ValueError as error:
        raise SettingsError(str(error)) from error
