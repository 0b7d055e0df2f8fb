"""Errors and traces of a day in Postgres, and a few that are older."""

from __future__ import annotations

from typing import Any, LiteralString

import psycopg

SLOWEST, REFUSED, EARLIER = "slowest-of-all", "refused", "of-last-week"
"""Traces: one of five minutes, one that failed at once, one that only its id finds."""

_DAYS: LiteralString = "select monitoring.make_day(%s, current_date - %s)"
_ERRORS: LiteralString = """
    insert into monitoring.errors
      (timestamp, kind, service, script_name, function_name, error_type, message, traceback)
    select s.at, 'connection', e.*, E'Traceback (most recent call last):\\n  File "x.py", line 1\\n' || e.message
    from generate_series(now() - interval '26 hours', now(), interval '1 minute') s (at)
    cross join lateral (values
      ('kimi', 'kimi_provider', 'chat_completions', 'TimeoutError',
       'timed out after ' || extract(second from s.at)::integer || 's'),
      ('redis', 'storage_backend.py', 'get', 'ConnectionError', 'connection reset by peer')
    ) e (service, script_name, function_name, error_type, message)
"""
_OTHER_ERRORS: LiteralString = """
    insert into monitoring.errors
      (timestamp, kind, service, script_name, function_name, error_type, message, trace_id)
    values
      (now() - interval '20 days', 'connection', 'kimi', 'kimi_provider', 'chat_completions', 'TimeoutError',
       'timed out after 7s', null),
      (now() - interval '8 minutes', 'http', 'ml-api', null, 'POST /optimize', '500', 'no finite number', %(slowest)s)
"""
_TRACES: LiteralString = """
    insert into monitoring.traces
      (trace_id, tool_name, conversation_id, call_index, status, error, started_at, ended_at)
    select 'quick-' || to_char(s.at, 'DD-HH24-MI'), 'chat', 'c-' || to_char(s.at, 'HH24'),
      1 + extract(minute from s.at)::integer, 'success', null, s.at, s.at + interval '2 seconds'
    from generate_series(now() - interval '26 hours', now(), interval '1 minute') s (at)
    union all
    values
      (%(slowest)s, 'debug', 'long', 3, 'timeout', 'timed out after 300s',
       now() - interval '10 minutes', now() - interval '5 minutes'),
      (%(refused)s, 'debug', 'long', 2, 'error', 'refused',
       now() - interval '11 minutes', now() - interval '11 minutes' + interval '20 ms'),
      (%(earlier)s, 'chat', null, null, 'success', null,
       now() - interval '6 days', now() - interval '6 days' + interval '1 second')
"""
_SPANS: LiteralString = """
    insert into monitoring.spans (trace_id, position, layer, started_at, ended_at)
    select t.trace_id, l.position, l.layer, t.started_at + l.first * (t.ended_at - t.started_at),
      t.started_at + l.last * (t.ended_at - t.started_at)
    from monitoring.traces t
    cross join (values (0, 'shim', 0.0, 0.1), (1, 'ai_api', 0.1, 0.9), (2, 'supabase', 0.9, 1.0))
      l (position, layer, first, last)
"""


def keep(connection: psycopg.Connection[Any]) -> None:
    """Writes them, each day's rows into its own partition."""
    names = {"slowest": SLOWEST, "refused": REFUSED, "earlier": EARLIER}
    for table in ("monitoring.errors", "monitoring.traces", "monitoring.spans"):
        for day in (0, 1, 2, 6, 20):
            connection.execute(_DAYS, (table, day))
    connection.execute(_ERRORS)
    connection.execute(_OTHER_ERRORS, names)
    connection.execute(_TRACES, names)
    connection.execute(_SPANS)
