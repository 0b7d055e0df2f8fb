"""The graph of the layers and of what lies behind them, in PromQL: a node graph reads its texts from labels."""

from __future__ import annotations

from grafana.panels import Query
from grafana.queries import MINUTE, error_ratio, operations, quantile, rate

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

_ERROR_RATIO = error_ratio('connection_type=~".+"', "connection_type")
_REQUEST_RATIO = f"""{rate('exai_requests_total{status!="success"}')} / {rate("exai_requests_total")}"""
_NODE_FAILED = (
    f'({_called(_ERROR_RATIO, "connection_type")} or label_replace({_REQUEST_RATIO}, "id", "shim", "", "")'
    f" or 0 / ({_NODE_RATE})) and on (id) ({_NODE_RATE})"
)


def _text(label: str, value: str, written: str) -> str:
    """A value as a text in a label, since a node has one number only; of nothing, it is `idle`."""
    counted = f'count_values by (id) ("{label}", {value})'
    return (
        f'label_replace(label_replace({counted}, "{label}", "{written}", "{label}", "([^N].*)"),'
        f' "{label}", "idle", "{label}", "NaN")'
    )


def _graph_nodes() -> str:
    texts = [
        _text("mainstat", f"round({_NODE_RATE}, 0.1)", "$1/s"),
        _text("secondarystat", f"round({_TIMED}, 0.001)", "$1 s"),
        _text("subtitle", f"round(100 * ({_NODE_FAILED}), 0.1)", "$1 % failed"),
    ]
    joined = f"{texts[0]} * on (id) group_left (secondarystat) {texts[1]} * on (id) group_left (subtitle) {texts[2]}"
    nodes = f'label_replace({joined} * on (id) group_left () ({_NODE_FAILED}), "title", "$1", "id", "(.*)")'
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
