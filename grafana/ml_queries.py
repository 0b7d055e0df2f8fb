"""What the boards ask Prometheus about the ML API: its HTTP requests, its models' predictions, its resources."""

from __future__ import annotations

from collections.abc import Callable

from grafana.panels import Query
from grafana.queries import MINUTE, QUANTILES, increase, quantile, quantile_of, rate, share
from grafana.threshold_queries import alert

API_NAMES = "label_values(exai_http_requests_total, service)"
PREDICTOR_NAMES = 'label_values(exai_model_predictions_total{service=~"$api"}, model)'

_API = 'service=~"$api"'
_PREDICTOR = f'{_API}, model=~"$predictor"'
_NAME = "{{model}}"
_REQUESTS = f"exai_http_requests_total{{{_API}}}"
_FAILED = f'exai_http_requests_total{{{_API}, status=~"5.."}}'
_BUCKETS = f"exai_http_request_duration_seconds_bucket{{{_API}}}"


def _now(expr: str, legend: str = "") -> list[Query]:
    return [Query(expr, legend, instant=True, step=MINUTE)]


def _failed_of_all(grown: Callable[[str, str], str], by: str = "") -> str:
    """The share of the requests that were answered with 5xx, by their rate or increase; 0 where none of them was."""
    asked = grown(_REQUESTS, by)
    return share(f"({grown(_FAILED, by)} or 0 * {asked})", asked)


REQUESTS_NOW = _now(rate(_REQUESTS), "requests")
ERROR_RATIO_NOW = _now(_failed_of_all(rate), "errors")
P95_NOW = _now(quantile(0.95, _BUCKETS), "p95")
UPTIME_NOW = _now(
    f"max by (service) (exai_process_uptime_seconds{{{_API}}} and on (service) service:exai_http_requests:rate5m)",
    "{{service}}",
)
CACHE_NOW = _now("implementation:exai_cache_hits:ratio_rate5m", "{{implementation}}")

BY_STATUS = [Query(rate(_REQUESTS, "status"), "{{status}}", step=MINUTE)]
ERROR_RATIO = [Query(_failed_of_all(rate, "service"), "{{service}}", step=MINUTE)]
ERROR_RATIO_ALERT = [alert("http_error_ratio", _API)]
LATENCY = [
    Query(quantile(value, _BUCKETS), name, step=MINUTE, exemplar=name == "p99") for name, value in QUANTILES.items()
]
LATENCY_ALERT = [alert("http_response_p95_seconds", _API)]
DURATIONS = [Query(rate(_BUCKETS, "le"), buckets=True, step=MINUTE)]

_ROUTE = "service, method, route"
_ROUTED_BUCKETS = increase(_BUCKETS, f"le, {_ROUTE}")
ROUTES = [
    Query(increase(_REQUESTS, _ROUTE), table=True),
    Query(_failed_of_all(increase, _ROUTE), table=True),
    *(Query(quantile_of(value, _ROUTED_BUCKETS), table=True) for value in QUANTILES.values()),
]

_MODEL = "service, model"
_ERROR = f"exai_model_absolute_error_sum{{{_PREDICTOR}}}"
_ERRORS = f"exai_model_absolute_error_count{{{_PREDICTOR}}}"
_PREDICTED = f"exai_model_predictions_total{{{_PREDICTOR}}}"


def _level(series: str) -> str:
    return f"max by ({_MODEL}) ({series}{{{_PREDICTOR}}})"


_BASELINE, _R2, _CONFIDENCE = map(_level, ("exai_model_baseline_mae", "exai_model_r2", "exai_model_confidence_ratio"))
_MAE = share(rate(_ERROR, _MODEL), rate(_ERRORS, _MODEL))
_MAE_IN_RANGE = share(increase(_ERROR, _MODEL), increase(_ERRORS, _MODEL))

MAE_NOW = _now(_MAE, _NAME)
MODELS = [
    Query(increase(_PREDICTED, _MODEL), table=True),
    Query(_MAE_IN_RANGE, table=True),
    Query(_BASELINE, table=True),
    Query(f"{_MAE_IN_RANGE} / {_BASELINE} - 1", table=True),
    Query(_R2, table=True),
    Query(_CONFIDENCE, table=True),
]
MAE = [Query(_MAE, _NAME, step=MINUTE), Query(_BASELINE, f"{_NAME} baseline")]
DEVIATION = [Query(f"model:exai_model_absolute_error:deviation_ratio{{{_PREDICTOR}}}", _NAME)]
DEVIATION_ALERT = [alert("model_error_deviation", _PREDICTOR)]
R2 = [Query(_R2, _NAME)]
CONFIDENCE = [Query(_CONFIDENCE, _NAME)]
PREDICTIONS = [Query(rate(_PREDICTED, _MODEL), _NAME, step=MINUTE)]
ABSOLUTE_ERRORS = [
    Query(rate(f"exai_model_absolute_error_bucket{{{_PREDICTOR}}}", "le"), buckets=True, step=MINUTE),
]

CPU = [Query(f"max by (service) (exai_process_cpu_ratio{{{_API}}})", "{{service}}")]
CPU_ALERT = [alert("cpu_ratio", _API)]
MEMORY = [Query(f"sum by (service) (exai_process_memory_bytes{{{_API}}})", "{{service}}")]
DISK = [Query(f"max by (service) (exai_process_disk_used_ratio{{{_API}}})", "{{service}}")]
DISK_ALERT = [alert("disk_ratio", _API)]
