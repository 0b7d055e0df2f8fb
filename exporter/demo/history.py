"""Two weeks of a semantic cache that never was: minutes, hours, what is normal, and something that is not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from exporter.demo.conditions import NORMAL
from exporter.demo.incidents import INCIDENTS
from exporter.demo.lookups import SemanticCache
from exporter.demo.past import CALM, Episode, condition, episodes
from exporter.demo.past_rows import SIMULATED
from exporter.demo.rhythm import busy

DAYS = 14
_LOOK_UPS_AN_HOUR = 150
_HOURS = [timedelta(hours=hours) for hours in range(DAYS * 24, 0, -1)]
_COPY = """
    copy public.cache_metrics (operation_type, implementation_type, response_time_ms, cache_size, metadata, timestamp)
    from stdin
"""
_OBSERVE = """
    insert into public.cache_auditor_observations (severity, category, title, description, recommendation,
      implementation_type, subject, metric_name, metric_value, baseline_value, deviation_percentage, metadata)
    select 'warning', 'performance', 'Hit rate of legacy below its baseline',
      'Of the last look-ups, fewer were hits than in the two weeks before.',
      'Compare the similarity threshold with that of new, and look at what was evicted.',
      b.implementation_type, b.implementation_type, 'hit_rate', round(0.8 * b.baseline_hit_rate, 2),
      b.baseline_hit_rate, -20, %s
    from public.cache_baseline_metrics b where b.is_active and b.implementation_type = 'legacy'
"""


def write_history(connection: psycopg.Connection[tuple[Any, ...]], rng: Random) -> None:
    """Write the minutes and hours before this one, the baselines that come of them, and an open observation.

    The rows that they are computed from are gone before anybody sees them: whoever counts rows counts none.
    """
    this_hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    with connection.cursor() as cursor:
        with cursor.copy(_COPY) as copy:
            for row in _operations(rng, this_hour):
                copy.write_row(row)
        hours = [this_hour - ago for ago in _HOURS]
        minutes = [hour + timedelta(minutes=minute) for hour in hours for minute in range(60)]
        cursor.execute("analyze public.cache_metrics")
        cursor.execute("select monitoring.write_cache_minutes(%s)", (minutes,))
        cursor.execute("select monitoring.write_cache_hours(%s)", (hours,))
        cursor.execute("delete from public.cache_metrics where metadata ? 'simulated'")
        cursor.execute("select public.compute_cache_baseline(p_days => %s)", (DAYS,))
        cursor.execute(_OBSERVE, (Jsonb(SIMULATED),))


def _operations(rng: Random, until: datetime) -> Iterator[tuple[Any, ...]]:
    cache, past, simulated = SemanticCache(rng), episodes(until.timestamp()), Jsonb(SIMULATED)
    for ago in _HOURS:
        hour = until - ago
        for at in _moments(rng, hour):
            event = cache.look_up(cache.pick(), at, _failure(rng, past, at))
            kept = cache.keep(event["implementation"], at) if event["operation"] == "miss" else []
            for one in (event, *kept):
                when = datetime.fromtimestamp(at, UTC)
                size, took_ms = one["cache_size"], one["response_time_ms"]
                yield one["operation"], one["implementation"], took_ms, size, simulated, when


def _failure(rng: Random, past: Sequence[Episode], at: float) -> str | None:
    """What the Redis below the cache says in an incident; its usual failures are the cache's own."""
    incident = condition(past, at)
    return None if incident == CALM else INCIDENTS[incident](NORMAL).failure("redis", rng)


def _moments(rng: Random, hour: datetime) -> list[float]:
    middle = hour.timestamp() + 1800
    return [hour.timestamp() + rng.uniform(0, 3599.9) for _ in range(round(_LOOK_UPS_AN_HOUR * busy(middle)))]
