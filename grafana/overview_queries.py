"""What the overview of the gateway asks Prometheus."""

from __future__ import annotations

from dataclasses import replace

from grafana.band_queries import band
from grafana.panels import Query
from grafana.queries import (
    MINUTE,
    MODEL,
    SERVICE,
    TOKENS,
    WHOLE_TOKENS,
    error_ratio,
    errors,
    increase,
    operations,
    quantile,
    quantile_of,
    rate,
    share,
)
from grafana.threshold_queries import alert

_BAND = 'service=~"$service"'
_NAME = "{{connection_type}}"


def _now(expr: str, legend: str) -> Query:
    return Query(expr, legend, instant=True, step=MINUTE)


def _good(total: str, bad: str, window: str = "") -> str:
    """The share of operations that succeeded; `window` adds them up."""
    counted = [f'{series}{{slo="availability",{SERVICE}}}{window}' for series in (bad, total)]
    failed, all_of_them = (f"sum(sum_over_time({each}))" if window else f"sum({each})" for each in counted)
    return f"1 - {share(failed, all_of_them)}"


_SLO = "connection_type:exai_slo_"
AVAILABILITY = [
    _now(_good(f"{_SLO}operations:increase1m", f"{_SLO}failed_operations:increase1m", "[$__range]"), "time range"),
    _now(_good(f"{_SLO}events:increase30d", f"{_SLO}bad:increase30d"), "30 days"),
]
ERROR_BUDGET = [
    _now("min(slo:exai_slo_error_budget:ratio30d)", "of all"),
    _now(f"min({_SLO}error_budget:ratio30d{{{SERVICE}}})", "least"),
]
OPERATIONS_NOW = [_now(rate(operations(SERVICE)), "operations")]
ERROR_RATIO_NOW = [_now(error_ratio(SERVICE), "errors")]
_RESPONSES = f"exai_connection_response_seconds_bucket{{{SERVICE}}}"
LATENCY_NOW = [_now(quantile(0.95, _RESPONSES), "p95")]
_FIRST_CHUNK = f"gen_ai_client_operation_time_to_first_chunk_seconds_bucket{{{MODEL}}}"
FIRST_CHUNK_NOW = [_now(quantile(0.95, _FIRST_CHUNK), "p95")]
TOKENS_NOW = [replace(each, instant=True) for each in TOKENS]
_COST = f"3600 * model:exai_token_cost_dollars:rate5m{{{MODEL}}}"
COST_NOW = [_now(f"sum({_COST})", "an hour")]
WITHOUT_PRICE = [_now("max(gateway:exai_token_price_missing:count)", "models")]
_CACHE = "implementation:exai_cache_"
HIT_RATIO_NOW = [_now(share(f"sum({_CACHE}hits:rate5m)", f"sum({_CACHE}lookups:rate5m)"), "hits")]
SESSIONS_NOW = [_now("sum(exai_sessions_active)", "sessions")]

_WATCHDOG = 'count(ALERTS{alertstate="firing",alertname="Watchdog"})'


def _firing(severity: str) -> Query:
    """How many alerts of a severity fire; no value when Watchdog is silent, since then nothing would fire."""
    alerts = f'ALERTS{{alertstate="firing",severity="{severity}",alertname!="Watchdog"}}'
    return Query(f"count({alerts}) or 0 * {_WATCHDOG}", severity, instant=True)


ALERTS_BY_SEVERITY = list(map(_firing, ("critical", "warning", "info")))

_HEADLINE = "gateway:exai_headline_"
HEADLINE = [
    Query(f"max by (kind) ({_HEADLINE}errors:ratio_rate2m)", "{{kind}} failed", instant=True),
    Query(f"max by (kind) ({_HEADLINE}duration_seconds:p95_rate2m)", "{{kind}} p95", instant=True),
    Query(f"max by (kind) ({_HEADLINE}requests:rate2m)", "{{kind}} a second", instant=True),
]

_STATE = 'service:exai_service_state:code{service=~"$service"}'
SERVICE_CARD = [
    _now(f"max({_STATE})", "state"),
    _now(rate(operations(SERVICE)), "rate"),
    _now(error_ratio(SERVICE), "errors"),
    _now(quantile(0.95, _RESPONSES), "p95"),
    _now(f"1000 * max(exai_connection_last_event_timestamp_seconds{{{SERVICE}}})", "last event"),
]
STATES_NOW = [Query(_STATE, "{{service}}", instant=True)]
SERVICE_STATES = [Query(_STATE, "{{service}}")]

OPERATIONS_BY_OUTCOME = [
    Query(f"{rate(operations(SERVICE, outcome))} or 0 * {rate(operations(SERVICE, '.+'))}", outcome)
    for outcome in ("ok", "error", "refused")
]
TRAFFIC = [
    Query(f"connection_type:exai_connection_events:rate5m{{{SERVICE}}}", _NAME),
    *band("request_rate", _BAND, "service"),
]
ACTIVE_CONNECTIONS = [Query(f"sum by (connection_type) (exai_connections_active{{{SERVICE}}})", _NAME)]

ERROR_RATIO = [
    Query(error_ratio(SERVICE, "connection_type"), _NAME, step=MINUTE),
    *band("operation_error_ratio", _BAND, "service"),
]
ERROR_RATIO_ALERT = [alert("connection_error_ratio", SERVICE)]
_ERRORS = increase(errors(SERVICE), "connection_type, error_type")
_NONE = f'label_replace(0 * {increase(operations(SERVICE), "")}, "error_type", "no error", "", "")'
TOP_ERRORS = [Query(f"topk(6, {_ERRORS} > 0) or on () {_NONE}", "{{error_type}} {{connection_type}}", instant=True)]
LATENCY_BY_SERVICE = [
    Query(quantile(0.95, _RESPONSES, "connection_type"), _NAME, step=MINUTE),
    *band("latency", _BAND, "service"),
]
LATENCY_ALERT = [alert("response_p95_seconds", SERVICE, "connection_type")]

COST = [Query(_COST, "{{gen_ai_request_model}}")]

_DURATION = "gen_ai_client_operation_duration_seconds"
_CALLED = rate(f"{_DURATION}_count{{{MODEL}}}")
_FAILED = rate(f'{_DURATION}_count{{{MODEL},error_type!=""}}')
MODEL_CALLS_BY_OUTCOME = [
    Query(f"{_CALLED} - ({_FAILED} or 0 * {_CALLED})", "ok", step=MINUTE),
    Query(f"{_FAILED} or 0 * {_CALLED}", "error", step=MINUTE),
]

_MODEL_LABELS = "gen_ai_provider_name, gen_ai_request_model"
_PRICED = "gen_ai_request_model, gen_ai_token_type"


def _of_models(series: str, *more: str, by: str = _MODEL_LABELS) -> str:
    return increase(f"{series}{{{','.join([MODEL, *more])}}}", by)


def _or_zero(expression: str) -> str:
    """Return the expression with 0 for the models that have calls but none of this."""
    return f"{expression} or 0 * {_MODEL_COUNT}"


_USED = "gen_ai_client_token_usage_sum"
_MODEL_COUNT = _of_models(f"{_DURATION}_count")
_MODEL_FAILURES = _of_models(f"{_DURATION}_count", 'error_type!=""')
_USED_BY_TYPE = _of_models(_USED, by=f"{_MODEL_LABELS}, gen_ai_token_type")
_WHOLE_BY_TYPE = _of_models(_USED, WHOLE_TOKENS, by=f"{_MODEL_LABELS}, gen_ai_token_type")
_NOT_PRICED = f"{_WHOLE_BY_TYPE} > 0 unless on ({_PRICED}) exai_token_price_dollars"
_PRICE = f"on ({_PRICED}) group_left () model_token_type:exai_net_token_price_dollars:max"
MODELS = [
    Query(_MODEL_COUNT, table=True),
    Query(_or_zero(_MODEL_FAILURES), table=True),
    Query(quantile_of(0.95, _of_models(f"{_DURATION}_bucket", by=f"le, {_MODEL_LABELS}")), table=True),
    Query(_of_models(_USED, 'gen_ai_token_type="input"'), table=True),
    Query(_of_models(_USED, 'gen_ai_token_type="output"'), table=True),
    Query(_or_zero(_of_models(_USED, 'gen_ai_token_type="total"')), table=True),
    Query(f"sum by ({_MODEL_LABELS}) ({_USED_BY_TYPE} * {_PRICE})", table=True),
    Query(_or_zero(f"sum by ({_MODEL_LABELS}) ({_NOT_PRICED})"), table=True),
]
