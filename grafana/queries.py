"""What the boards ask Prometheus, apart from how it is drawn.

A ratio that may lack its numerator is added `or 0 * …` of a series that is there while the exporter
answers: so a true zero reads 0, and an exporter that is away reads "No data", never "all is well".
"""

from __future__ import annotations

from grafana.panels import Query

WINDOW = "[$__rate_interval]"
MINUTE = "15s"
"""The step that makes `$__rate_interval` one minute, for what happens rarely."""

SERVICE = 'connection_type=~"$service"'
MODEL = 'gen_ai_provider_name=~"$provider",gen_ai_request_model=~"$model"'
PROVIDER_NAMES = "label_values(gen_ai_client_operation_duration_seconds_count, gen_ai_provider_name)"
MODEL_NAMES = (
    'label_values(gen_ai_client_operation_duration_seconds_count{gen_ai_provider_name=~"$provider"}, '
    "gen_ai_request_model)"
)
QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


def requests(where: str) -> str:
    """The selector of requests: what was sent, received or failed; a model call is not one of its own."""
    return f'exai_connection_events_total{{{where},direction!="duration_recorded"}}'


def errors(where: str) -> str:
    """The selector of failed requests, without the failed model calls."""
    return f'exai_connection_errors_total{{{where},function!="record_duration"}}'


def rate(selector: str, by: str = "") -> str:
    """How many a second, added up, by the given labels."""
    return f"sum{_by(by)}(rate({selector}{WINDOW}))"


def increase(selector: str, by: str) -> str:
    """How many in the board's time range, by the given labels."""
    return f"sum{_by(by)}(increase({selector}[$__range]))"


def error_rate(where: str, by: str = "") -> str:
    """Failed requests a second; 0 where there are requests and none failed."""
    return f"({rate(errors(where), by)} or 0 * {rate(requests(where), by)})"


def error_ratio(where: str, by: str = "") -> str:
    """Failed over all requests, 0 to 1; NaN without requests."""
    return f"{error_rate(where, by)} / {rate(requests(where), by)}"


def quantile(quantile: float, buckets: str, by: str = "") -> str:
    """The seconds within which this share of the observations lay."""
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({quantile}, {rate(buckets, labels)})"


def _by(labels: str) -> str:
    return f" by ({labels}) " if labels else ""


def card(service: str) -> list[Query]:
    """State, rate, errors and p95 of one service, now."""
    where = f'connection_type="{service}"'
    p95 = quantile(0.95, f"exai_connection_response_seconds_bucket{{{where}}}")
    return [
        Query(f'service:exai_service_state:code{{service="{service}"}}', "state", instant=True),
        Query(rate(requests(where)), "rate", instant=True, step=MINUTE),
        Query(error_ratio(where), "errors", instant=True, step=MINUTE),
        Query(p95, "p95", instant=True, step=MINUTE),
    ]


_WATCHDOG = 'count(ALERTS{alertstate="firing",alertname="Watchdog"})'


def firing(severity: str) -> Query:
    """How many alerts of a severity fire; no value when Watchdog is silent, since then nothing would fire."""
    alerts = f'ALERTS{{alertstate="firing",severity="{severity}",alertname!="Watchdog"}}'
    return Query(f"count({alerts}) or 0 * {_WATCHDOG}", severity, instant=True)


ALERTS_BY_SEVERITY = [
    Query(f"{_WATCHDOG} or 0 * absent({_WATCHDOG})", "rules", instant=True),
    *map(firing, ("critical", "warning", "info")),
]

SERVICE_STATES = [Query('service:exai_service_state:code{service=~"$service"}', "{{service}}")]

REQUESTS_BY_OUTCOME = [
    Query(f"clamp_min({rate(requests(SERVICE))} - {error_rate(SERVICE)}, 0)", "ok"),
    Query(error_rate(SERVICE), "error"),
]

ERROR_RATIO = [Query(error_ratio(SERVICE, "connection_type"), "{{connection_type}}", step=MINUTE)]

_ERRORS = increase(errors(SERVICE), "connection_type, error_type")
_NONE = f'label_replace(0 * {increase(requests(SERVICE), "")}, "error_type", "no error", "", "")'
TOP_ERRORS = [Query(f"topk(6, {_ERRORS} > 0) or on () {_NONE}", "{{error_type}} {{connection_type}}", instant=True)]

_RESPONSES = f"exai_connection_response_seconds_bucket{{{SERVICE}}}"
LATENCY = [Query(quantile(value, _RESPONSES), name) for name, value in QUANTILES.items()]
LATENCY_BY_SERVICE = [Query(quantile(0.95, _RESPONSES, "connection_type"), "{{connection_type}}", step=MINUTE)]

ACTIVE_CONNECTIONS = [Query(f"sum by (connection_type) (exai_connections_active{{{SERVICE}}})", "{{connection_type}}")]

_DURATION = "gen_ai_client_operation_duration_seconds"
_CALLS = f"{_DURATION}_bucket{{{MODEL}}}"
MODEL_LATENCY = [Query(quantile(value, _CALLS), name, step=MINUTE) for name, value in QUANTILES.items()]
MODEL_LATENCY_BY_MODEL = [
    Query(quantile(0.95, _CALLS, "gen_ai_request_model"), "{{gen_ai_request_model}}", step=MINUTE)
]
TOKENS = [
    Query(
        rate(f"gen_ai_client_token_usage_sum{{{MODEL}}}", "gen_ai_token_type"),
        "{{gen_ai_token_type}}",
        step=MINUTE,
    )
]

_CALLED = rate(f"{_DURATION}_count{{{MODEL}}}")
_FAILED = rate(f'{_DURATION}_count{{{MODEL},error_type!=""}}')
MODEL_CALLS_BY_OUTCOME = [
    Query(f"{_CALLED} - ({_FAILED} or 0 * {_CALLED})", "ok", step=MINUTE),
    Query(f"{_FAILED} or 0 * {_CALLED}", "error", step=MINUTE),
]

_MODEL_LABELS = "gen_ai_provider_name, gen_ai_request_model"


def _of_models(series: str, *more: str) -> str:
    return increase(f"{series}{{{','.join([MODEL, *more])}}}", _MODEL_LABELS)


_MODEL_COUNT = _of_models(f"{_DURATION}_count")
_MODEL_FAILURES = _of_models(f"{_DURATION}_count", 'error_type!=""')
_MODEL_P95 = f"histogram_quantile(0.95, {increase(_CALLS, f'le, {_MODEL_LABELS}')})"
MODELS = [
    Query(_MODEL_COUNT, table=True),
    Query(f"{_MODEL_FAILURES} or 0 * {_MODEL_COUNT}", table=True),
    Query(_MODEL_P95, table=True),
    Query(_of_models("gen_ai_client_token_usage_sum", 'gen_ai_token_type="input"'), table=True),
    Query(_of_models("gen_ai_client_token_usage_sum", 'gen_ai_token_type="output"'), table=True),
]

_ANSWERS = "0 * max(exai_exporter_build_info)"


def _own_rate(series: str, by: str = "") -> str:
    return f"{rate(series, by)} or {_ANSWERS}"


SOURCES_UP = [Query("exai_exporter_source_up", "{{source}}", instant=True)]
SOURCE_LAG = [Query("max(exai_exporter_source_lag_seconds)", "lag", instant=True)]
INGEST_RATE = [Query(_own_rate("exai_exporter_events_ingested_total"), "ingested", instant=True)]
REJECTED_RATE = [Query(_own_rate("exai_exporter_events_rejected_total"), "rejected", instant=True)]
BUDGET_USED = [Query("max(exai_exporter_series / exai_exporter_series_budget)", "used", instant=True)]
CHECKPOINT_AGE = [Query("time() - max(exai_exporter_checkpoint_timestamp_seconds)", "age", instant=True)]

INGESTED_BY_SOURCE = [Query(rate("exai_exporter_events_ingested_total", "source"), "{{source}}")]
_UNCOUNTED = {
    "rejected": "exai_exporter_events_rejected_total",
    "duplicate": "exai_exporter_events_duplicate_total",
    "late": "exai_exporter_source_late_events_total",
    "missing": "exai_exporter_source_missing_events_total",
}
NOT_COUNTED = [Query(_own_rate(series), name, step=MINUTE) for name, series in _UNCOUNTED.items()]
BUDGETS = [Query("topk(5, exai_exporter_series / exai_exporter_series_budget)", "{{family}}", instant=True)]
