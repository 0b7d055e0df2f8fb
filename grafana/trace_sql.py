"""What the boards ask Postgres about single requests.

A trace is chosen by its id; without one it is the slowest of the time range. What belongs to the chosen one is found
by its own times: partitions of other days are not read, and the board's time range does not matter.
"""

from __future__ import annotations

from grafana.panels import SqlQuery

SLOWEST = SqlQuery("""
select t.trace_id, t.tool_name, t.status, t.duration_ms / 1000 as took, t.started_at, s.layer,
  s.duration_ms / nullif(t.duration_ms, 0) as share, t.call_index, t.conversation_id, t.error
from (
  select * from monitoring.traces
  where $__timeFilter(started_at) and tool_name ~ '^${tool:regex}$'
  order by duration_ms desc
  limit 50
) t
left join lateral (
  select layer, duration_ms from monitoring.spans
  where trace_id = t.trace_id and started_at between t.started_at and t.ended_at
  order by duration_ms desc
  limit 1
) s on true
order by t.duration_ms desc
""")

_CHOSEN = """
with chosen as (
  (
    select * from monitoring.traces where trace_id = nullif(btrim(${trace_id:sqlstring}), '')
    order by started_at desc
    limit 1
  ) union all (
    select * from monitoring.traces
    where btrim(${trace_id:sqlstring}) = '' and $__timeFilter(started_at) and tool_name ~ '^${tool:regex}$'
    order by duration_ms desc
    limit 1
  )
)
"""


def _of_chosen(sql: str) -> SqlQuery:
    return SqlQuery(_CHOSEN + sql)


CHOSEN = _of_chosen("""
select coalesce(c.trace_id, asked.id) as trace_id, coalesce(c.status, 'not kept') as status, c.tool_name,
  c.duration_ms / 1000 as took, c.started_at, c.call_index, c.conversation_id, c.error
from (select btrim(${trace_id:sqlstring}) as id) asked
left join chosen c on true
""")

SPANS = _of_chosen("""
select trace_id as "traceID", 'request' as "spanID", null as "parentSpanID", tool_name as "operationName",
  'request' as "serviceName", extract(epoch from started_at) * 1000 as "startTime", duration_ms as duration,
  jsonb_build_array(
    jsonb_build_object('key', 'status', 'value', status),
    jsonb_build_object('key', 'error', 'value', status <> 'success'),
    jsonb_build_object('key', 'message', 'value', coalesce(error, '')),
    jsonb_build_object('key', 'conversation', 'value', coalesce(conversation_id, '')),
    jsonb_build_object('key', 'call', 'value', call_index)
  )::text as tags, '[]' as "serviceTags"
from chosen
union all
select s.trace_id, s.position::text, 'request', s.layer, s.layer, extract(epoch from s.started_at) * 1000,
  s.duration_ms, '[]', '[]'
from chosen c
join monitoring.spans s on s.trace_id = c.trace_id and s.started_at between c.started_at and c.ended_at
order by "startTime", duration desc
""")

CONVERSATION = _of_chosen("""
select t.call_index, t.trace_id, t.tool_name, t.status, t.duration_ms / 1000 as took, t.started_at
from chosen c
join monitoring.traces t on t.started_at between c.started_at - interval '1 day' and c.started_at + interval '1 day'
  and (t.conversation_id = c.conversation_id or t.trace_id = c.trace_id)
order by t.call_index, t.started_at
limit 100
""")

MEANWHILE = _of_chosen("""
select ended_at as timestamp, 'the request itself' as service, tool_name as function, status as error_type,
  coalesce(error, '') as message, null as id
from chosen
union all (
  select e.timestamp, e.service, e.function_name, e.error_type, e.message, e.id::text
  from chosen c
  join monitoring.errors e on e.timestamp between c.started_at and c.ended_at
  order by e.trace_id is not distinct from c.trace_id desc, e.message is not distinct from c.error desc, e.timestamp
  limit 50
)
""")
