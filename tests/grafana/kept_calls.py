"""Model calls of a day in Postgres: many alike, and a few that stand out."""

from __future__ import annotations

from typing import Any, LiteralString

import psycopg

SLOW, DEAR, REFUSED = "slow-trace", "dear-trace", "refused-trace"
"""Traces of the slowest call, of the dearest, and of one whose error is kept as well."""

_CALLS: LiteralString = """
    insert into monitoring.model_calls (timestamp, provider, model, operation, outcome, duration_ms, total_tokens,
      input_tokens, output_tokens, cost_dollars, estimated_timeout_s, estimate_source, conversation, connection_type,
      function_name)
    select s.at, m.provider, m.model, 'chat', 'ok', m.took, 150, 100, 50, m.cost, 60, 'shadow',
      'c-' || to_char(s.at, 'HH24'), m.provider, 'chat'
    from generate_series(now() - interval '26 hours', now(), interval '1 minute') s (at)
    cross join (values ('kimi', 'kimi-k2', 2000, 0.0002), ('glm', 'glm-4.6', 3000, null))
      m (provider, model, took, cost)
"""
_OTHERS: LiteralString = """
    insert into monitoring.model_calls (timestamp, provider, model, tool_name, thinking_mode, outcome, error_type,
      error, finish_reason, duration_ms, time_to_first_token_ms, input_tokens, output_tokens, total_tokens,
      output_reasoning_tokens, cost_dollars, conversation, trace_id, connection_type, function_name)
    values
      (now() - interval '7 minutes', 'kimi', 'kimi-k2', 'debug', 'high', 'timeout', 'timeout', 'Request timed out.',
       null, 300000, 9000, null, null, null, null, null, '95199123', %(slow)s, 'kimi', 'chat'),
      (now() - interval '6 minutes', 'kimi', 'kimi-k2', 'analyze', 'high', 'ok', null, null, 'stop', 40000, 800,
       90000, 30000, 120000, 20000, 0.129, '95199123', %(dear)s, null, null),
      (now() - interval '5 minutes', 'glm', 'glm-4.6', 'chat', null, 'error', 'rate_limited', 'Error code: 429',
       null, 20, null, null, null, null, null, null, null, %(refused)s, 'glm', 'generate'),
      (now() - interval '4 minutes', 'glm', 'glm-4.6', 'chat', null, 'error', 'server_error', 'Error code: 502',
       null, 30, null, null, null, null, null, null, null, null, null, null)
"""
_ERRORS: LiteralString = """
    insert into monitoring.errors (timestamp, service, function_name, error_type, message)
    select timestamp + shift, 'glm', 'generate', 'rate_limited', message
    from monitoring.model_calls
    cross join (values (interval '0', 'Error code: 429'), (interval '300 ms', 'another'),
      (interval '-2 minutes', 'Error code: 429')) e (shift, message)
    where trace_id = %(refused)s
"""


def keep(connection: psycopg.Connection[Any]) -> None:
    """Write them, each day's rows into its own partition."""
    names = {"slow": SLOW, "dear": DEAR, "refused": REFUSED}
    for table in ("monitoring.model_calls", "monitoring.errors"):
        for day in (0, 1, 2):
            connection.execute("select monitoring.make_day(%s, current_date - %s)", (table, day))
    connection.execute(_CALLS)
    connection.execute(_OTHERS, names)
    connection.execute(_ERRORS, names)
