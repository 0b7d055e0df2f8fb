"""The graph of the layers and of what lies behind them, in PromQL: a node graph reads its texts from labels."""

from __future__ import annotations

from grafana.panels import Query
from grafana.panels.ways import RING_FAILED, RING_OK, RING_SLOW, RING_UNKNOWN
from grafana.queries import MINUTE, operations, quantile, rate

_BEHIND = {"redis": "tool", "kimi": "ai_api", "glm": "ai_api"}
"""What is asked beyond the layers, and by which of them."""

_SOURCES = {
    "websocket": "shim", "tool": "websocket", "provider_selection": "tool", "ai_api": "provider_selection",
    "supabase": "tool", **_BEHIND,
}  # fmt: skip
"""From where a request comes to each."""

_PLACES = {
    "shim": (-388, -30), "websocket": (-233, -30), "tool": (-78, -30), "redis": (77, -180), "supabase": (77, -30),
    "provider_selection": (77, 120), "ai_api": (232, 120), "kimi": (387, -30), "glm": (387, 120),
}  # fmt: skip
"""Pixels to the right of the middle and below it: always the same, so that nobody has to look for one."""

_SERVICES = f'connection_type=~"{"|".join(_BEHIND)}"'
_OPERATIONS = operations(_SERVICES)


def _nodes(of_layers: str, of_services: str) -> str:
    """One value for each layer and for each service behind them, by its id."""
    return f"{_called(of_layers, 'layer')} or {_called(of_services, 'connection_type')}"


def _called(vector: str, label: str) -> str:
    return f'sum by (id) (label_replace({vector}, "id", "$1", "{label}", "(.+)"))'


_NODE_RATE = _nodes(rate("exai_layer_duration_seconds_count", "layer"), rate(_OPERATIONS, "connection_type"))
_NODE_P95 = _nodes(
    quantile(0.95, "exai_layer_duration_seconds_bucket", "layer"),
    quantile(0.95, f"exai_connection_response_seconds_bucket{{{_SERVICES}}}", "connection_type"),
)
_TIMED = f"({_NODE_P95} or NaN * ({_NODE_RATE}))"
"""So that what was never timed keeps its place."""

_REQUESTS = rate("exai_requests_total")
_REQUEST_RATIO = f"""({rate('exai_requests_total{status!="success"}')} or 0 * {_REQUESTS}) / {_REQUESTS}"""
_FAILED = (
    f"({_called('connection_type:exai_connection_operations:error_ratio_rate2m', 'connection_type')}"
    f' or label_replace({_REQUEST_RATIO} >= 0, "id", "shim", "", ""))'
)
"""The share that failed, where it is known. A trace has one status, of the whole request, so most layers have none."""

_SLOW = _nodes(
    "layer:exai_layer_slow:ratio_rate2m", f"connection_type:exai_connection_slow:ratio_rate2m{{{_SERVICES}}}"
)
"""The share above last week's p95; prometheus/rules/layers.yml defines it."""

_ZERO = f"0 * ({_NODE_RATE})"
_FAILED_PART = f"({_FAILED} or {_ZERO})"
_REST = f"(1 - {_FAILED_PART})"
_SLOW_PART = f"((({_SLOW}) < on (id) {_REST}) or ({_REST} and on (id) ({_SLOW})) or {_ZERO})"
"""What failed may have been slow as well. It counts as failed."""

_NEITHER = f"({_REST} - on (id) {_SLOW_PART})"
_PARTS = {
    RING_FAILED: _FAILED_PART,
    RING_SLOW: _SLOW_PART,
    RING_OK: f"({_NEITHER} and on (id) {_FAILED} or {_ZERO})",
    RING_UNKNOWN: f"({_NEITHER} unless on (id) {_FAILED} or {_ZERO})",
}
"""The parts of a node's ring, which add up to 1."""


def _text(label: str, value: str, written: str = "$1", nothing: str = "idle") -> str:
    """Return a value as a text in a label, since a node has one number only; NaN is `nothing`."""
    counted = f'count_values by (id) ("{label}", {value})'
    return (
        f'label_replace(label_replace({counted}, "{label}", "{written}", "{label}", "([^N].*)"),'
        f' "{label}", "{nothing}", "{label}", "NaN")'
    )


def _graph_nodes() -> str:
    failed = f"({_FAILED} or NaN * ({_NODE_RATE}))"
    texts = {
        "mainstat": _text("mainstat", f"round({_NODE_RATE}, 0.1)", "$1/s"),
        "secondarystat": _text("secondarystat", f"round({_TIMED}, 0.001)", "$1 s"),
        "subtitle": _text("subtitle", f"round(100 * {failed}, 0.1)", "$1 % failed", "failed: unknown"),
        **{part: _text(part, share) for part, share in _PARTS.items()},
    }
    first, *others = texts
    nodes = texts[first]
    for label in others:
        nodes = f"{nodes} * on (id) group_left ({label}) {texts[label]}"
    nodes = f'label_replace({nodes}, "title", "$1", "id", "(.*)")'
    for node, place in _PLACES.items():
        for label, pixels in zip(("fixedx", "fixedy"), place, strict=True):
            nodes = f'label_replace({nodes}, "{label}", "{pixels}", "id", "{node}")'
    return nodes


def _graph_edges() -> str:
    edges = f'label_replace({_NODE_RATE}, "target", "$1", "id", "(.*)")'
    for target, source in _SOURCES.items():
        edges = f'label_replace({edges}, "source", "{source}", "target", "{target}")'
    both_ends = f'label_join({edges}, "id", " ", "source", "target")'
    return f'{both_ends} and on (source) label_replace({_NODE_RATE}, "source", "$1", "id", "(.*)")'


NODES = Query(_graph_nodes(), table=True, step=MINUTE)
EDGES = Query(_graph_edges(), table=True, step=MINUTE)
