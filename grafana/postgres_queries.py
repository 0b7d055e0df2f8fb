"""Queries about the PostgreSQL server to Prometheus, which has the answers from postgres_exporter."""

from __future__ import annotations

from grafana.panels import Query
from grafana.queries import MINUTE, rate

_DATABASE = "pg_stat_database_"

# pg_stat_activity hides the sessions of other logins from one that lacks pg_monitor; this count is open to all.
CONNECTIONS = [
    Query(f"sum({_DATABASE}numbackends)", "used"),
    Query("max(pg_settings_max_connections)", "limit"),
]
_HIT, _READ = (rate(f"{_DATABASE}blks_{kind}") for kind in ("hit", "read"))
CACHE_HITS = [Query(f"{_HIT} / ({_HIT} + {_READ} > 0)", "from memory", step=MINUTE)]
TRANSACTIONS = [
    Query(rate(f"{_DATABASE}xact_commit"), "committed", step=MINUTE),
    Query(rate(f"{_DATABASE}xact_rollback"), "rolled back", step=MINUTE),
]
DEADLOCKS = [Query(f"60 * {rate(f'{_DATABASE}deadlocks')}", "deadlocks", step=MINUTE)]
LONGEST_TRANSACTION = [
    Query(
        'max by (state) (pg_stat_activity_max_tx_duration{state=~"active|idle in transaction.*"})',
        "{{state}}",
    )
]
SIZES = [Query('max by (datname) (pg_database_size_bytes{datname!~"template.*"})', "{{datname}}")]
