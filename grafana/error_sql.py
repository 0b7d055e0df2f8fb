"""What the boards ask Postgres about errors, which it keeps with their tracebacks.

An error's fingerprint is made of where it came up and of its message without numbers, so that the same error has the
same one. The groups are those of the time range; when each was first seen is looked up in all that is kept.
"""

from __future__ import annotations

from grafana.panels import SqlQuery

_WHERE = """
  $__timeFilter(timestamp) and service ~ '^${service:regex}$' and error_type ~ '^${error_type:regex}$'
"""
_FINGERPRINT = r"""
  left(md5(concat_ws('|', service, script_name, function_name, error_type,
    regexp_replace(message, '[0-9]+', '#', 'g'))), 8)
"""
_CHOSEN = """
  (
    select * from monitoring.errors
    where id = case when ${error:sqlstring} ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
      then ${error:sqlstring}::text::uuid end
    limit 1
  ) union all (
    select * from monitoring.errors
    where ${error:sqlstring} = '' and <where>
    order by timestamp desc
    limit 1
  )
"""


def _query(sql: str) -> SqlQuery:
    parts = {"<chosen>": _CHOSEN, "<where>": _WHERE, "<fingerprint>": _FINGERPRINT}
    for name, part in parts.items():
        sql = sql.replace(name, part.strip())
    return SqlQuery(sql)


COUNTS = _query("""
select count(*) as errors, count(distinct service) as services,
  count(*) filter (where traceback is not null) as "with traceback"
from monitoring.errors
where <where>
""")

GROUPS = _query("""
select case when f.first_seen >= $__timeFrom()::timestamptz then 'new' else 'known' end as state,
  g.service, g.script_name, g.function_name, g.error_type, g.errors, f.first_seen, g.last_seen, g.fingerprint,
  g.newest, g.message
from (
  select <fingerprint> as fingerprint, min(service) as service, min(script_name) as script_name,
    min(function_name) as function_name, min(error_type) as error_type, count(*) as errors,
    max(timestamp) as last_seen, (array_agg(id::text order by timestamp desc))[1] as newest,
    (array_agg(message order by timestamp desc))[1] as message
  from monitoring.errors
  where <where>
  group by 1
  order by errors desc
  limit 100
) g
cross join lateral (
  select timestamp as first_seen from monitoring.errors
  where error_type = g.error_type and service = g.service and <fingerprint> = g.fingerprint
  order by timestamp
  limit 1
) f
order by g.errors desc
""")

NEWEST = _query("""
select timestamp, service, function_name, error_type, message, id::text as id
from monitoring.errors
where <where>
order by timestamp desc
limit 100
""")

CHOSEN = _query("""
select timestamp, kind, service, script_name, function_name, error_type, <fingerprint> as fingerprint, trace_id
from (<chosen>) chosen
""")

TRACEBACK = _query("""
select timestamp, concat_ws(E'\\n\\n', message, coalesce(traceback, 'No traceback came with it.')) as body
from (<chosen>) chosen
""")
