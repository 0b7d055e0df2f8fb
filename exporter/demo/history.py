"""Two weeks of a simulated semantic cache in PostgreSQL: its minutes, its hours, its baselines and one observation.

At the demo's rate these weeks would be 40 million operations. So some minutes are simulated in full, and PostgreSQL's
own functions roll them up. Every minute of the past is a copy of one of them, its counts multiplied by how busy the
gateway was.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from exporter.demo.conditions import NORMAL
from exporter.demo.incidents import INCIDENTS
from exporter.demo.lifecycle import live
from exporter.demo.lookups import SemanticCache
from exporter.demo.past import CALM, condition, episodes
from exporter.demo.past_rows import SIMULATED
from exporter.demo.rhythm import busy
from exporter.demo.sessions import Sessions
from exporter.demo.shapes import CacheEvent

DAYS = 14
_HOUR, _MINUTE = timedelta(hours=1), timedelta(minutes=1)
_SAMPLED_RATE = 20
"""Requests a second in the minutes that are simulated."""
_SAMPLES = {CALM: 10, "redis-down": 4}
"""Minutes that are simulated of each condition that changes what the cache does."""
_COPY = """
    copy public.cache_metrics (operation_type, implementation_type, response_time_ms, cache_size, metadata, timestamp)
    from stdin
"""
_FILL_MINUTES = """
    insert into public.cache_metrics_1min (minute_window, implementation_type,
      total_operations, timed_operations, hits, misses, sets, evictions, errors, hit_rate,
      avg_response_time_ms, stddev_response_time_ms, p50_response_time_ms, p95_response_time_ms, p99_response_time_ms,
      max_response_time_ms, avg_cache_size, max_cache_size)
    select p.minute, s.implementation_type, n.operations, n.operations,
      n.hits, n.misses, n.sets, n.evictions, n.errors, public.calculate_hit_rate(n.hits, n.misses),
      s.avg_response_time_ms, s.stddev_response_time_ms, s.p50_response_time_ms, s.p95_response_time_ms,
      s.p99_response_time_ms, s.max_response_time_ms, s.avg_cache_size, s.max_cache_size
    from unnest(%s::timestamptz[], %s::timestamptz[], %s::float8[]) p (minute, sample, share)
    join public.cache_metrics_1min s on s.minute_window = p.sample
    cross join lateral (
      select c.*, c.hits + c.misses + c.sets + c.evictions + c.errors as operations
      from (select round(s.hits * p.share)::bigint as hits, round(s.misses * p.share)::bigint as misses,
        round(s.sets * p.share)::bigint as sets, round(s.evictions * p.share)::bigint as evictions,
        round(s.errors * p.share)::bigint as errors) c
    ) n
    where n.operations > 0
"""
_FILL_HOURS = """
    insert into public.cache_metrics_1hour (hour_window, implementation_type,
      total_operations, timed_operations, hits, misses, sets, evictions, errors, hit_rate,
      avg_response_time_ms, stddev_response_time_ms, p50_response_time_ms, p95_response_time_ms, p99_response_time_ms,
      max_response_time_ms, avg_cache_size, max_cache_size, response_time_buckets)
    select date_bin('1 hour', m.minute_window, '2000-01-01 00:00+00'), m.implementation_type,
      sum(m.total_operations), sum(m.timed_operations), sum(m.hits), sum(m.misses), sum(m.sets), sum(m.evictions),
      sum(m.errors), public.calculate_hit_rate(sum(m.hits)::bigint, sum(m.misses)::bigint),
      sum(m.avg_response_time_ms * m.timed_operations) / sum(m.timed_operations), s.stddev_response_time_ms,
      s.p50_response_time_ms, s.p95_response_time_ms, s.p99_response_time_ms, max(m.max_response_time_ms),
      avg(m.avg_cache_size), max(m.max_cache_size),
      (select jsonb_object_agg(b.key, ceil(b.value::numeric * sum(m.timed_operations) / s.timed_operations))
       from jsonb_each(s.response_time_buckets) b)
    from public.cache_metrics_1min m
    join public.cache_metrics_1hour s on s.hour_window = %(sample)s and s.implementation_type = m.implementation_type
    where m.minute_window >= %(since)s
    group by 1, 2, s.id
"""
_FORGET_SAMPLES = """
    delete from public.cache_metrics where metadata ? 'simulated';
    delete from public.cache_metrics_1min where minute_window < '{since}';
    delete from public.cache_metrics_1hour where hour_window < '{since}';
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

Cursor = psycopg.Cursor[tuple[Any, ...]]


def write_history(connection: psycopg.Connection[tuple[Any, ...]], rng: Random, now: float, rate: float) -> None:
    """Write the two weeks before the hour of `now` (Unix seconds), at `rate` requests a second on average.

    The operations that the samples are rolled up from are deleted in the same transaction, so no exporter counts them.
    """
    until = datetime.fromtimestamp(now, UTC).replace(minute=0, second=0, microsecond=0)
    since = until - timedelta(days=DAYS)
    samples = {name: since - _HOUR * ago for ago, name in enumerate(_SAMPLES, 1)}
    with connection.cursor() as cursor:
        _roll_up_samples(cursor, rng, samples)
        cursor.execute(_FILL_MINUTES, _past_minutes(rng, since, until, samples, rate))
        cursor.execute(_FILL_HOURS, {"sample": samples[CALM], "since": since})
        cursor.execute(_FORGET_SAMPLES.format(since=since.isoformat()).encode())
        cursor.execute("select public.compute_cache_baseline(p_days => %s, p_until => %s)", (DAYS, until))
        cursor.execute(_OBSERVE, (Jsonb(SIMULATED),))


def _roll_up_samples(cursor: Cursor, rng: Random, samples: dict[str, datetime]) -> None:
    """Simulate the minutes of each condition in an hour of its own before the two weeks."""
    cache, simulated = SemanticCache(rng), Jsonb(SIMULATED)
    with cursor.copy(_COPY) as copy:
        for name, hour in samples.items():
            for event in _operations(rng, cache, name, hour):
                when = datetime.fromtimestamp(event["timestamp"], UTC)
                size, took_ms = event["cache_size"], event["response_time_ms"]
                copy.write_row((event["operation"], event["implementation"], took_ms, size, simulated, when))
    cursor.execute("analyze public.cache_metrics")
    minutes = [minute for name, hour in samples.items() for minute in _sampled_minutes(name, hour)]
    cursor.execute("select monitoring.write_cache_minutes(%s)", (minutes,))
    cursor.execute("select monitoring.write_cache_hours(%s)", (list(samples.values()),))


def _operations(rng: Random, cache: SemanticCache, name: str, hour: datetime) -> Iterator[CacheEvent]:
    """Yield the cache's operations of the requests of a condition.

    The first minute is no sample, because the answers of its requests arrive in the next ones.
    """
    sessions = Sessions(rng)
    conditions = NORMAL if name == CALM else INCIDENTS[name](NORMAL)
    for number in range((_SAMPLES[name] + 1) * 60 * _SAMPLED_RATE):
        at = hour.timestamp() + number / _SAMPLED_RATE
        for event in live(number, sessions.next_call(at), cache, conditions, rng, at).events:
            if event["kind"] == "cache":
                yield event


def _sampled_minutes(name: str, hour: datetime) -> list[datetime]:
    return [hour + _MINUTE * minute for minute in range(1, _SAMPLES[name] + 1)]


def _past_minutes(
    rng: Random, since: datetime, until: datetime, samples: dict[str, datetime], rate: float
) -> tuple[list[datetime], list[datetime], list[float]]:
    """Return each minute of the past, the sample that it is a copy of, and how many times as busy it was."""
    past = episodes(until.timestamp())
    minutes = [since + _MINUTE * minute for minute in range((until - since) // _MINUTE)]
    by_condition = {name: _sampled_minutes(name, hour) for name, hour in samples.items()}
    like = [by_condition.get(condition(past, at.timestamp()), by_condition[CALM]) for at in minutes]
    return minutes, [rng.choice(one) for one in like], [busy(at.timestamp()) * rate / _SAMPLED_RATE for at in minutes]
