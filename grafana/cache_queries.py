"""What the boards ask Prometheus about the semantic cache.

What is set beside its baseline or beside last week is recorded (prometheus/rules/cache.yml): so it is there for
every week that is kept, however long ago.
"""

from __future__ import annotations

from grafana.band_queries import band
from grafana.panels import Query
from grafana.queries import MINUTE, QUANTILES, increase, quantile, rate
from grafana.threshold_queries import alert

IMPLEMENTATION = 'implementation=~"$implementation"'
IMPLEMENTATION_NAMES = "label_values(exai_cache_operations_total, implementation)"

_NAME = "{{implementation}}"
_OPERATIONS = "exai_cache_operations_total"
_LOOKED_UP = 'operation=~"hit|miss"'


def _of(series: str, where: str = "") -> str:
    return f"{series}{{{', '.join(filter(None, (IMPLEMENTATION, where)))}}}"


def _recorded(metric: str) -> str:
    return _of(f"implementation:exai_cache_{metric}")


def _level(selector: str) -> str:
    return f"max by (implementation) ({selector})"


def _now(expr: str) -> list[Query]:
    return [Query(expr, _NAME, instant=True)]


def _this_week_and_last(metric: str) -> list[Query]:
    this = _recorded(metric)
    return [Query(this, _NAME), Query(f"{this} offset 1w", f"{_NAME} a week ago")]


_HIT_RATIO = _recorded("hits:ratio_rate5m")
_ERROR_RATIO = _recorded("errors:ratio_rate5m")
_P95 = _recorded("response_seconds:p95_rate5m")
_MEAN = _recorded("response_seconds:mean_rate5m")
_ENTRIES = _level(_of("exai_cache_entries"))
_SIZE = _level(_of("exai_cache_size_bytes"))
_BASELINE = _level(_of("exai_cache_baseline_hit_ratio"))
_BASELINE_MEAN = _level(_of("exai_cache_baseline_response_seconds"))
_BASELINE_P95 = _level(_of("exai_cache_baseline_response_p95_seconds"))

HIT_RATIO_NOW = _now(_HIT_RATIO)
LOOKUPS_NOW = _now(_recorded("lookups:rate5m"))
P95_NOW = _now(_P95)
ERROR_RATIO_NOW = _now(_ERROR_RATIO)
ENTRIES_NOW = _now(_ENTRIES)

HIT_RATIO = [
    Query(_HIT_RATIO, _NAME),
    Query(_BASELINE, f"{_NAME} baseline"),
    Query(_recorded("baseline_hit_ratio:low"), f"{_NAME} low"),
    Query(_recorded("baseline_hit_ratio:high"), f"{_NAME} high"),
]
HIT_RATIO_ALERT = [alert("cache_hit_ratio", IMPLEMENTATION, "implementation")]
OPERATIONS = [Query(rate(_of(_OPERATIONS), "operation"), "{{operation}}")]
LOOKUPS = [Query(rate(_of(_OPERATIONS, _LOOKED_UP), "implementation"), _NAME)]

_RESPONSES = "exai_cache_response_seconds_bucket"
BY_OPERATION = {
    name: [Query(quantile(value, _of(_RESPONSES), "operation"), "{{operation}}", step=MINUTE)]
    for name, value in QUANTILES.items()
}
HIT_AND_MISS = [
    Query(
        quantile(0.95, _of(_RESPONSES, _LOOKED_UP), "implementation, operation"),
        f"{_NAME} {{{{operation}}}}",
        step=MINUTE,
    )
]
MEAN = [Query(_MEAN, _NAME), Query(_BASELINE_MEAN, f"{_NAME} baseline")]
_DEVIATION = _of("subject:exai_threshold:resolved", 'name="cache_response_deviation"')
MEAN_ALERT = [
    Query(f"(1 + {_DEVIATION}) * on (implementation) group_left () {_BASELINE_MEAN}", f"{_NAME} alert"),
]
P95 = [Query(_P95, _NAME), Query(_BASELINE_P95, f"{_NAME} baseline")]
SIMILARITY = [
    Query(rate(_of("exai_cache_similarity_ratio_bucket", _LOOKED_UP), "le"), buckets=True, step=MINUTE),
]

ENTRIES = [Query(_ENTRIES, _NAME)]
SIZE = [Query(_SIZE, _NAME)]
_EVICTED = rate(_of(_OPERATIONS, 'operation="evict"'), "implementation")
_ASKED = rate(_of(_OPERATIONS), "implementation")
EVICTIONS = [Query(f"60 * ({_EVICTED} or 0 * {_ASKED})", _NAME, step=MINUTE)]
_NONE = f'label_replace(0 * {rate(_of(_OPERATIONS))}, "error_type", "no error", "", "")'
_FAILED = rate(_of("exai_cache_errors_total"), "error_type")
ERRORS = [Query(f"60 * ({_FAILED} or on () {_NONE})", "{{error_type}}", step=MINUTE)]

TOKENS_SAVED = [Query(_recorded("tokens_saved:rate5m"), _NAME)]
_HITS = increase(_of(_OPERATIONS, 'operation="hit"'), "implementation")
_CALL = "avg_over_time(gateway:gen_ai_client_token_usage:mean_rate1h[$__range])"
_SAVED = f"{_HITS} * on () group_left () {_CALL}"
TOKENS_SAVED_IN_RANGE = _now(_SAVED)

HIT_RATIO_WEEKS = [*_this_week_and_last("hits:ratio_rate5m"), *band("hit_ratio", IMPLEMENTATION, "implementation")]
LOOKUPS_WEEKS = _this_week_and_last("lookups:rate5m")
P95_WEEKS = _this_week_and_last("response_seconds:p95_rate5m")
ERROR_RATIO_WEEKS = _this_week_and_last("errors:ratio_rate5m")
ERROR_RATIO_ALERT = [alert("cache_error_ratio", IMPLEMENTATION)]


def _against(normal: str, value: str) -> str:
    """By what share a value is above or below what is normal."""
    return f"{value} / {normal} - 1"


_HIT_RATIO_OF, _MEAN_OF, _ERRORS_OF = map(_level, (_HIT_RATIO, _MEAN, _ERROR_RATIO))
SIDE_BY_SIDE = [
    Query(increase(_of(_OPERATIONS, _LOOKED_UP), "implementation"), table=True),
    Query(_HIT_RATIO_OF, table=True),
    Query(_against(_BASELINE, _HIT_RATIO_OF), table=True),
    Query(_against(_level(f"{_HIT_RATIO} offset 1w"), _HIT_RATIO_OF), table=True),
    Query(_MEAN_OF, table=True),
    Query(_against(_BASELINE_MEAN, _MEAN_OF), table=True),
    Query(_ERRORS_OF, table=True),
    Query(f"{_SIZE} / {_ENTRIES}", table=True),
    Query(_SAVED, table=True),
]
