"""Asks each configured source once whether it can be read, and formats the states of sources for people."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

import click

from exporter.parts import make_redis
from exporter.settings import Settings
from exporter.sources.contents import lack_of_entries, lack_of_rows, lack_of_sorted_sets
from exporter.sources.failures import in_words
from exporter.sources.postgres_pool import connect, make_pool, transaction
from exporter.types import SourceState

_COLOURS = {"up": "green", "empty": "yellow", "down": "red"}


def probe(settings: Settings) -> list[SourceState]:
    """Connect to each source that the settings name, and return what it is: up, empty or down."""
    return [_probe(name, ask) for name, ask in _questions(settings)]


def format_states(states: Iterable[SourceState]) -> Iterator[str]:
    """Yield one coloured line per source: its name, its state, and why it is not up."""
    for source in states:
        state = click.style(f"{source.state:<10}", fg=_COLOURS.get(source.state))
        yield f"  {source.name:<17} {state} {source.detail}".rstrip()


def _questions(settings: Settings) -> Iterator[tuple[str, Callable[[], str]]]:
    if settings.redis_url:
        client = make_redis(settings)
        yield "redis_zset", partial(lack_of_sorted_sets, client)
        if settings.redis.stream:
            yield "redis_stream", partial(lack_of_entries, client, settings.redis.stream)
    if settings.database_url:
        yield "postgres", partial(_lack_of_rows, settings)


def _lack_of_rows(settings: Settings) -> str:
    pool = make_pool(settings.database_url, settings.postgres.pool_size)
    # A pool hides the reason for which it gets no connection.
    connect(pool).close()
    with pool, transaction(pool, settings.postgres.statement_timeout_s) as connection:
        return lack_of_rows(connection)


def _probe(name: str, ask: Callable[[], str]) -> SourceState:
    try:
        lack = ask()
    except Exception as error:
        return SourceState(name, "down", in_words(error))
    return SourceState(name, "empty" if lack else "up", lack)
