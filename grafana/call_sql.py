"""Queries of the board of model calls to Postgres.

The row of a failed call has no id in common with the row of its error. A gateway's event is in both tables with one
time; an application and its gateway tell one failure milliseconds apart. So an error belongs to a call if it has the
same service and message and lies within a second of the call's end.
"""

from __future__ import annotations

from grafana.panels import SqlQuery

_WHERE = """
  $__timeFilter(timestamp) and provider ~ '^${provider:regex}$' and model ~ '^${model:regex}$'
  and (btrim(${conversation:sqlstring}) = '' or conversation = btrim(${conversation:sqlstring}))
"""

# The newest calls of each part of the range: each part is found by the index on time, however many calls there are.
# How long a call would have taken is unknown where it failed, and where its caller cut it off before the timeout.
_SAMPLED = """
  select c.*
  from generate_series(1, 200) part
  cross join lateral (
    select estimated_timeout_s as predicted, duration_ms / 1000 as took, model, estimate_source, timestamp
    from monitoring.model_calls
    where <where>
      and timestamp >= $__timeFrom()::timestamptz + (part - 1) * (<range>) / 200
      and timestamp < $__timeFrom()::timestamptz + part * (<range>) / 200
      and estimate_source in ('adaptive', 'estimate', 'shadow') and outcome <> 'error'
      and not (estimate_source = 'shadow' and outcome = 'timeout' and duration_ms <= 1000 * estimated_timeout_s)
    order by timestamp desc
    limit 3
  ) c
""".replace("<range>", "$__timeTo()::timestamptz - $__timeFrom()::timestamptz")


def _query(sql: str) -> SqlQuery:
    return SqlQuery(sql.replace("<sampled>", _SAMPLED).replace("<where>", _WHERE.strip()))


COUNTS = _query("""
select count(*) as calls, count(*) filter (where outcome <> 'ok') as failed, sum(cost_dollars) as cost,
  count(*) filter (where cost_dollars is null and total_tokens is not null) as "not priced"
from monitoring.model_calls
where <where>
""")

MODELS = _query("""
select provider, model, count(*) as calls, count(*) filter (where outcome <> 'ok') as failed,
  percentile_disc(0.5) within group (order by duration_ms) / 1000 as p50,
  percentile_disc(0.95) within group (order by duration_ms) / 1000 as p95,
  sum(total_tokens) as total_tokens, sum(cost_dollars) as cost
from monitoring.model_calls
where <where>
group by provider, model
order by calls desc
limit 50
""")

SLOWEST = _query("""
select duration_ms / 1000 as took, time_to_first_token_ms / 1000 as first_token, outcome, provider, model, tool_name,
  thinking_mode, total_tokens, estimated_timeout_s, estimate_source, timestamp, conversation, trace_id
from monitoring.model_calls
where <where>
order by duration_ms desc
limit 50
""")

DEAREST = _query("""
select cost_dollars, model, tool_name, thinking_mode, input_tokens, input_cached_tokens, output_tokens,
  output_reasoning_tokens, total_tokens, finish_reason, timestamp, conversation, trace_id
from monitoring.model_calls
where <where> and cost_dollars is not null
order by cost_dollars desc
limit 50
""")

FAILING = _query("""
select c.timestamp, c.outcome, c.error_type, c.error, c.provider, c.model, c.tool_name, c.function_name,
  c.duration_ms / 1000 as took, c.estimated_timeout_s, c.trace_id, e.id::text as error_id
from (
  select * from monitoring.model_calls
  where <where> and outcome <> 'ok'
  order by timestamp desc
  limit 100
) c
left join lateral (
  select id from monitoring.errors
  where timestamp between c.timestamp - interval '1 second' and c.timestamp + interval '1 second'
    and service = coalesce(c.connection_type, c.provider) and message = c.error
  order by abs(extract(epoch from timestamp - c.timestamp))
  limit 1
) e on true
order by c.timestamp desc
""")

PREDICTED = _query("""
with sampled as (<sampled>)
select predicted, took, model, estimate_source, timestamp from sampled
""")

CUT_OFF = _query("""
with sampled as (<sampled>)
select seconds as predicted, seconds as "cut off above"
from (
  select least(min(predicted), min(took)) as shortest, greatest(max(predicted), max(took)) as longest from sampled
) of_all
cross join lateral (values (shortest), (longest)) edge (seconds)
where seconds > 0
order by seconds
""")
