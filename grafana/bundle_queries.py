"""What the boards ask Prometheus about the bundle itself: who watches, and what it runs on."""

from __future__ import annotations

from grafana.panels import Query
from grafana.queries import MINUTE, rate
from grafana.threshold_queries import alert

_OWN = "exai_exporter_"
_ANSWERS = "0 * max(exai_exporter_build_info)"
_EXPORTER = 'job="exai-exporter"'


def _now(expr: str, legend: str = "") -> Query:
    return Query(expr, legend, instant=True)


def _minute(series: str, legend: str, by: str = "") -> Query:
    """How many a minute; 0 while the exporter answers and nothing was counted yet."""
    return Query(f"60 * ({rate(_OWN + series, by)} or on () {_ANSWERS})", legend, step=MINUTE)


JOBS_UP = [_now("min by (job) (up)", "{{job}}")]
SOURCES_UP = [_now(f"min by (source) ({_OWN}source_up)", "{{source}}")]
SETTINGS_VALID = [
    _now(f"min({_OWN}thresholds_valid)", "thresholds"),
    _now("min(prometheus_config_last_reload_successful)", "prometheus"),
    _now("min(alertmanager_config_last_reload_successful)", "alertmanager"),
]
_CHECKPOINT = f"{_OWN}checkpoint_timestamp_seconds"
EXPORTER = [
    Query(f"max by (version, python_version) ({_OWN}build_info)", table=True),
    Query(f"time() - max(process_start_time_seconds{{{_EXPORTER}}})", table=True),
    Query(f"max(process_resident_memory_bytes{{{_EXPORTER}}})", table=True),
    Query(f"max(process_open_fds{{{_EXPORTER}}})", table=True),
]

EVENTS = [Query(rate(f"{_OWN}events_ingested_total", "source, kind"), "{{source}} {{kind}}", step=MINUTE)]
NOT_COUNTED = [
    _minute("events_rejected_total", "rejected"),
    _minute("events_duplicate_total", "duplicate"),
    _minute("source_late_events_total", "late"),
    _minute("source_missing_events_total", "missing"),
    _minute("events_compared_total", "compared"),
]
AGE = [Query("source:exai_exporter_event_age_seconds:p95_rate2m", "{{source}} age")]
LAG = [Query(f"max by (source) ({_OWN}source_lag_seconds)", "{{source}}")]
LAG_ALERT = [alert("source_lag_seconds")]

CHECKPOINT = [
    Query(f"max({_OWN}checkpoint_duration_seconds)", "duration"),
    Query(f"time() - max({_CHECKPOINT})", "age"),
]
CHECKPOINT_ALERT = [alert("checkpoint_age_seconds")]
BUDGETS = [_now("topk(6, family:exai_exporter_series_used:ratio)", "{{family}}")]
SERIES = [Query(f"sum({_OWN}series)", "held"), Query(f"sum({_OWN}series_budget)", "limit")]
NOT_TAKEN = [
    _minute("series_overflow_total", "became other"),
    _minute("thresholds_refused_total", "thresholds refused"),
]
ROWS = [
    _minute("rows_written_total", "written/min"),
    _minute("rows_dropped_total", "dropped/min"),
    Query(f"max({_OWN}rows_spooled)", "waiting"),
]

SCRAPES = [Query("max by (job) (scrape_duration_seconds)", "{{job}}")]
_STORED = "prometheus_tsdb_head_samples_appended_total"
HEAD_SERIES = [Query("max(prometheus_tsdb_head_series)", "in memory")]
SAMPLES = [Query(rate(_STORED), "samples", step=MINUTE)]
RULES = [
    Query("sum(prometheus_rule_group_last_duration_seconds)", "all groups"),
    Query("max(prometheus_rule_group_last_duration_seconds)", "slowest group"),
]
RULE_FAILURES = [Query(f"60 * {rate('prometheus_rule_evaluation_failures_total')}", "rules", step=MINUTE)]
BLOCKS = [Query("max(prometheus_tsdb_storage_blocks_bytes)", "blocks")]
_PAGE_BYTES = 32 * 1024
WAL = [Query(f"{_PAGE_BYTES} * {rate('prometheus_tsdb_wal_completed_pages_total')}", "write-ahead log", step=MINUTE)]

_CHANNELS = 'integration=~"email|slack|webhook"'
_NOTIFIED = f"alertmanager_notifications_total{{{_CHANNELS}}}"
_NOT_NOTIFIED = f"alertmanager_notifications_failed_total{{{_CHANNELS}}}"
NOTIFICATIONS = [
    Query(f"60 * {rate(_NOTIFIED, 'integration')}", "{{integration}}", step=MINUTE),
    Query(f"60 * {rate(_NOT_NOTIFIED, 'integration')}", "{{integration}} failed", step=MINUTE),
]
ALERTS = [
    Query('sum by (state) (alertmanager_alerts{state!="unprocessed"})', "alerts {{state}}"),
    Query('sum(alertmanager_silences{state="active"})', "silences active"),
]

REDIS_MEMORY = [Query("max(exai_redis_memory_bytes)", "redis")]
REDIS_KEYS = [Query("max(exai_redis_keys)", "redis")]
POOLS = [Query("sum by (pool, state) (exai_pool_connections)", "{{pool}} {{state}}")]
POOLS_USED = [Query("pool:exai_pool_used:ratio", "{{pool}}")]
POOLS_ALERT = [alert("pool_used_ratio")]

CPU = [Query("service:exai_cpu_used:ratio", "{{service}}")]
CPU_ALERT = [alert("cpu_ratio")]
MEMORY = [Query("service:exai_memory_used:ratio", "{{service}}")]
MEMORY_ALERT = [alert("memory_ratio")]
DISK = [Query("service:exai_disk_used:ratio", "{{service}}")]
DISK_ALERT = [alert("disk_ratio")]
