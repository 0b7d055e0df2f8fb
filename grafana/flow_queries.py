"""What the boards ask Prometheus about the way of requests through the layers of the gateway."""

from __future__ import annotations

from grafana.panels import Query
from grafana.panels.filling import LAST_WEEK
from grafana.queries import MINUTE, QUANTILES, WINDOW, increase, quantile, quantile_of, rate, share
from grafana.usual_queries import against_last_week, without_last_week

TOOL_NAMES = "label_values(exai_request_duration_seconds_count, tool)"
_RANGE = "[$__range]"
_TOOL = 'tool=~"$tool"'

LAYERS = ("shim", "websocket", "tool", "provider_selection", "ai_api", "supabase")
"""In the order in which a request passes them."""

CALLS = ("1", "2", "3", "4", "5+")

_DURATION = "exai_request_duration_seconds"
_BUCKETS = f"{_DURATION}_bucket{{{_TOOL}}}"
_ENDED = f"exai_requests_total{{{_TOOL}}}"
_FAILED = f'exai_requests_total{{{_TOOL},status!="success"}}'


def _failed(by: str = "") -> str:
    return f"({rate(_FAILED, by)} or 0 * {rate(_ENDED, by)})"


RATE_NOW = [Query(rate(_ENDED), "requests", instant=True, step=MINUTE)]
FAILED_NOW = [Query(share(_failed(), rate(_ENDED)), "failed", instant=True, step=MINUTE)]
TIME_NOW = [Query(quantile(QUANTILES[name], _BUCKETS), name, instant=True, step=MINUTE) for name in ("p50", "p95")]
INSIDE_NOW = [Query("sum(exai_requests_in_flight)", "inside", instant=True)]

_LAYER = "exai_layer_duration_seconds"
_LAYER_SUM, _LAYER_COUNT = (f"{_LAYER}_{part}{{{_TOOL}}}" for part in ("sum", "count"))
_SHARE = f"{rate(_LAYER_SUM, 'layer')} / on () group_left () ({rate(_LAYER_SUM)} > 0)"
SLOWEST_NOW = [Query(f"topk(1, {_SHARE})", "{{layer}}", instant=True, step=MINUTE)]

SHARE = [Query(_SHARE, "{{layer}}", step=MINUTE)]
LAYER_P95 = [Query(quantile(0.95, f"{_LAYER}_bucket{{{_TOOL}}}", "layer"), "{{layer}}", exemplar=True, step=MINUTE)]
INSIDE = [Query("sum by (layer) (exai_requests_in_flight)", "{{layer}}")]
AGAINST_LAST_WEEK = [*map(against_last_week, LAYERS), without_last_week(LAST_WEEK.brief)]

DISTRIBUTION = [Query(rate(_BUCKETS, "le"), buckets=True, step=MINUTE)]
RATE_BY_TOOL = [Query(rate(_ENDED, "tool"), "{{tool}}", step=MINUTE)]
FAILED_BY_TOOL = [Query(share(_failed("tool"), rate(_ENDED, "tool")), "{{tool}}", step=MINUTE)]
P95_BY_TOOL = [Query(quantile(0.95, _BUCKETS, "tool"), "{{tool}}", exemplar=True, step=MINUTE)]

_TOOLS = increase(_ENDED, "tool")
TOOLS = [
    Query(_TOOLS, table=True),
    Query(share(f"({increase(_FAILED, 'tool')} or 0 * {_TOOLS})", _TOOLS), table=True),
    Query(quantile_of(0.5, increase(_BUCKETS, "le, tool")), table=True),
    Query(quantile_of(0.95, increase(_BUCKETS, "le, tool")), table=True),
]

_CALL = "exai_call_duration_seconds"


def _seconds(window: str, where: str = "", layer: str = "") -> str:
    """Average seconds of such calls, in one layer or in all; a call passes a layer once at most."""
    inside = ",".join(filter(None, (where, layer and f'layer="{layer}"')))
    passed = f"max by (call) (sum by (call, layer) (rate({_CALL}_count{{{where}}}{window})))"
    return f"sum by (call) (rate({_CALL}_sum{{{inside}}}{window})) / {passed}"


SECONDS_BY_CALL = [Query(_seconds(_RANGE, layer=layer), layer, table=True) for layer in LAYERS]
SECONDS_OF_CALLS = [Query(_seconds(WINDOW), "{{call}}", step=MINUTE)]
CALL_P95 = [Query(quantile(0.95, f'{_CALL}_bucket{{layer="ai_api"}}', "call"), "{{call}}", exemplar=True, step=MINUTE)]

_FEWEST = 30
"""Comparisons; a median of fewer is chance. Of the calls 2, 3 and 4, each is another conversation's."""

_STANDARD_ERRORS = 6
"""The highest of a hundred medians is chance. Less six standard errors, the median of few calls of one tool is not
above that of all calls unless these calls are slower."""


def _compared(what: str, where: str, le: str = "") -> str:
    """Return what there is of calls against the first, for each tool and provider and for all of them together.

    The latter comes first of a slowdown of all tools, because its error is smallest.
    """
    increase = f"(increase(exai_call_slowdown_ratio_{what}{{{where}}}{_RANGE}))"
    return f"(sum by (call, layer, tool, provider{le}) {increase} or sum by (call, layer{le}) {increase})"


def _times_first(quantile: float, where: str) -> str:
    """Return a quantile of how many times its seconds in the first call a layer takes."""
    return f"histogram_quantile({quantile}, {_compared('bucket', where, ', le')})"


def _enough(where: str) -> str:
    return f"({_compared('count', where)} >= {_FEWEST})"


def _median(where: str) -> str:
    """Return the median; a mean of ratios is above 1 even where nothing has changed."""
    return f"({_times_first(0.5, where)} and {_enough(where)})"


def _at_least(where: str) -> str:
    """Return the median less its error, which is 0.93 * ln(p75 / p25) / sqrt(count) on the scale of ln."""
    spread = f"({_times_first(0.25, where)} / {_times_first(0.75, where)})"
    return f"({_times_first(0.5, where)} * {spread} ^ ({_STANDARD_ERRORS * 0.93} / sqrt({_enough(where)})))"


def _named(expression: str) -> str:
    """Say so where a series is of all tools and providers."""
    for label in ("tool", "provider"):
        expression = f'label_replace({expression}, "{label}", "all", "{label}", "")'
    return expression


_THIRD = 'call="3"'
_SUREST = f"topk(1, {_at_least(_THIRD)})"
THIRD_CALL = [
    Query(
        _named(f"({_median(_THIRD)} and {_SUREST})"),
        "call {{call}}, {{layer}}, tool {{tool}}, provider {{provider}}",
        instant=True,
    ),
    Query(f"({_enough(_THIRD)} and {_SUREST})", "conversations", instant=True),
]
"""Of the third call alone: a later one may come long after the first, when other things have changed as well."""

_CHOSEN = 'tool=~"$tool"'
AGAINST_FIRST = [Query(_named(each(_CHOSEN)), table=True) for each in (_enough, _median, _at_least)]
