"""What the boards ask Prometheus about the timeouts of model calls.

The variables hold a model's name as callers write it, the series of timeouts its normalised name. The recorded
`model:exai_timeout_names:info` leads from the one to the other.
"""

from __future__ import annotations

from grafana.band_queries import band
from grafana.panels import Query
from grafana.queries import (
    MINUTE,
    MODEL,
    MODEL_BAND,
    MODEL_LATENCY_BY_MODEL,
    WHOLE_TOKENS,
    WINDOW,
    quantile,
    quantile_of,
    share,
)
from grafana.threshold_queries import alert

_NAMES = 'model:exai_timeout_names:info{gen_ai_provider_name=~"$provider",gen_ai_request_model=~"(?i)$model"}'
_RANGE = "[$__range]"
_NORMALISED = f"* on (gen_ai_provider_name, gen_ai_request_model) group_left (model) {_NAMES}"

_OUTCOMES = "exai_timeout_outcomes_total"
_GIVEN = "kimi_adaptive_timeout_seconds"
_DURATION = "gen_ai_client_operation_duration_seconds"
_PREDICTED = 'source=~"adaptive|estimate|shadow"'
_ENDED = 'error_type=~"|timeout"'


def _chosen(vector: str) -> str:
    """What of a vector with normalised names is of the chosen models."""
    return f"({vector} and on (model) {_NAMES})"


def _timeouts(series: str, by: str = "", where: str = "", window: str = WINDOW) -> str:
    """The growth a second, or in the board's range, of a series of timeouts."""
    grown = "increase" if window == _RANGE else "rate"
    return f"sum{_by(by)}{_chosen(f'{grown}({series}{_braces(where)}{window})')}"


def _calls(series: str, by: str = "", where: str = "", window: str = WINDOW) -> str:
    """The same for a series of model calls; `by` may name the normalised `model`."""
    grown = "increase" if window == _RANGE else "rate"
    selected = f"{grown}({series}{_braces(', '.join(filter(None, (MODEL, where))))}{window})"
    return f"sum{_by(by)}({selected} {_NORMALISED})"


def _by(labels: str) -> str:
    return f" by ({labels}) " if labels else ""


def _braces(where: str) -> str:
    return f"{{{where}}}" if where else ""


def _cut_off(by: str = "", window: str = WINDOW) -> str:
    """Calls that outlasted their timeout; 0 where there were calls and none did."""
    exceeded = _timeouts(_OUTCOMES, by, 'outcome="exceeded"', window)
    return f"({exceeded} or 0 * {_timeouts(_OUTCOMES, by, window=window)})"


def _mean_given(by: str = "", where: str = "", window: str = WINDOW) -> str:
    return share(_timeouts(f"{_GIVEN}_sum", by, where, window), _timeouts(f"{_GIVEN}_count", by, where, window))


def _mean_taken(by: str = "", window: str = WINDOW) -> str:
    return share(_calls(f"{_DURATION}_sum", by, _ENDED, window), _calls(f"{_DURATION}_count", by, _ENDED, window))


def _coverage(window: str) -> str:
    return _chosen(f"model:exai_timeout_coverage:ratio_rate{window}")


LOWEST_COVERAGE = [
    Query(f"min({_coverage('1h')})", "last hour", instant=True),
    Query(f"min({_coverage('1d')})", "last day", instant=True),
]
COVERAGE = [Query(_coverage("1h"), "{{model}}", step=MINUTE)]

CUT_OFF = [
    Query(_cut_off(window=_RANGE), "calls", instant=True),
    Query(share(_cut_off(window=_RANGE), _timeouts(_OUTCOMES, window=_RANGE)), "of all", instant=True),
]
CUT_OFF_BY_MODEL = [Query(f"60 * {_cut_off('model')}", "{{model}}", step=MINUTE)]

_CONFIDENCE = _chosen("min by (model) (exai_timeout_confidence_ratio)")
LOWEST_CONFIDENCE = [
    Query(f"min({_CONFIDENCE})", "lowest", instant=True),
    Query(f"min({_chosen('exai_timeout_samples')})", "fewest calls", instant=True),
]
CONFIDENCE = [Query(f"round({_CONFIDENCE}, 0.001)", "{{model}}", step=MINUTE)]
CONFIDENCE_ALERT = [alert("timeout_confidence_ratio")]
TIMEOUT = [Query(_mean_given("model", _PREDICTED), "{{model}}", step=MINUTE)]

GIVEN_AND_TAKEN_NOW = [
    Query(_mean_given(), "given", instant=True, step=MINUTE),
    Query(_mean_taken(), "taken", instant=True, step=MINUTE),
]
_GIVEN_BUCKETS = _timeouts(f"{_GIVEN}_bucket", "le")
_TAKEN_BUCKETS = _calls(f"{_DURATION}_bucket", "le", _ENDED)
GIVEN_AND_TAKEN = [
    Query(quantile_of(0.5, _GIVEN_BUCKETS), "given p50", step=MINUTE),
    Query(quantile_of(0.95, _GIVEN_BUCKETS), "given p95", step=MINUTE),
    *(
        Query(quantile_of(value, _TAKEN_BUCKETS), f"taken {name}", step=MINUTE)
        for name, value in {"p50": 0.5, "p95": 0.95, "p99": 0.99}.items()
    ),
]

_ACCURACY = "kimi_estimate_accuracy_ratio"
_ACCURACY_IN_RANGE = _timeouts(f"{_ACCURACY}_bucket", "le, model", window=_RANGE)
PREDICTED_AND_ACTUAL = [
    Query(_timeouts(f"{_ACCURACY}_count", "model", window=_RANGE), table=True),
    *(Query(quantile_of(value, _ACCURACY_IN_RANGE), table=True) for value in (0.5, 0.95, 0.99)),
]
ACCURACY = [Query(_timeouts(f"{_ACCURACY}_bucket", "le"), buckets=True, step=MINUTE)]

_BY_SOURCE = _timeouts(f"{_GIVEN}_count", "source")
SOURCE_SHARES = [Query(f"{_BY_SOURCE} / on () group_left () sum({_BY_SOURCE})", "{{source}}", step=MINUTE)]

_IN_VAIN = _calls(f"{_DURATION}_sum", where='error_type="timeout"')
WASTED_NOW = [
    Query(f"{_mean_given()} - {_mean_taken()}", "if it hangs", instant=True, step=MINUTE),
    Query(f"{_IN_VAIN} or 0 * {_calls(f'{_DURATION}_sum')}", "in vain", instant=True, step=MINUTE),
]
WASTED_BY_MODEL = [Query(f"{_mean_given('model')} - {_mean_taken('model')}", "{{model}}", step=MINUTE)]

_CALLED = _timeouts(f"{_GIVEN}_count")
_LEARNED = _timeouts(f"{_GIVEN}_count", where=_PREDICTED)
_SHADOWED = _timeouts(f"{_GIVEN}_count", where='source="shadow"')
CALLERS = [
    Query(share(f"({_LEARNED} or 0 * {_CALLED})", _CALLED), "learned", instant=True, step=MINUTE),
    Query(share(f"({_SHADOWED} or 0 * {_CALLED})", _CALLED), "shadow", instant=True, step=MINUTE),
]

_FIRST_CHUNK = f"gen_ai_client_operation_time_to_first_chunk_seconds_bucket{{{MODEL}}}"
FIRST_CHUNK = [Query(quantile(0.95, _FIRST_CHUNK, "gen_ai_request_model"), "{{gen_ai_request_model}}", step=MINUTE)]
DURATION = [*MODEL_LATENCY_BY_MODEL, *band("latency", MODEL_BAND, "model")]
DURATION_ALERT = [alert("model_latency_p95_seconds", MODEL, "gen_ai_request_model")]
_USED = f"model_token_type:gen_ai_client_token_usage:rate5m{{{MODEL},{WHOLE_TOKENS}}}"
TOKENS_BY_MODEL = [
    Query(f"sum by (gen_ai_request_model) ({_USED})", "{{gen_ai_request_model}}"),
    *band("tokens", MODEL_BAND, "model"),
]

MODELS = [
    Query(_timeouts(_OUTCOMES, "model", window=_RANGE), table=True),
    Query(_cut_off("model", _RANGE), table=True),
    Query(_coverage("1d"), table=True),
    Query(_mean_given("model", window=_RANGE), table=True),
    Query(_mean_taken("model", _RANGE), table=True),
    Query(_chosen("max by (model) (exai_timeout_seconds)"), table=True),
    Query(_CONFIDENCE, table=True),
    Query(_chosen("sum by (model) (exai_timeout_samples)"), table=True),
]
