"""What the board of comparisons asks Prometheus: any series of ours, now and at the same time of other days.

A counter is read as a rate, anything else as it is. Services, providers and models filter the series that tell them
apart, and leave the others as they are.
"""

from __future__ import annotations

from grafana.panels import Query
from grafana.queries import MINUTE, WINDOW

SERIES_NAMES = (
    'label_values({__name__=~"(.+:)?(exai|gen_ai|kimi)_.+", __name__!~".+_bucket|.+:info|.+:resolved"}, __name__)'
)
FIRST_CHOICE = "connection_type:exai_connection_events:rate5m"

_COUNTERS = ".+_(total|count|sum)"
_CHOSEN = ", ".join(
    f'{label}=~"${variable}|"'
    for variable, labels in {
        "service": ("service", "connection_type"),
        "provider": ("provider", "gen_ai_provider_name"),
        "model": ("gen_ai_request_model",),
    }.items()
    for label in labels
)
_TOO_FINE = "job, instance, script, function, tool, error_type, route, method, status, gen_ai_operation_name"
"""Labels that would make too many lines; they are added up."""
_TOLD_APART = (
    "connection_type", "service", "provider", "gen_ai_provider_name", "gen_ai_request_model", "model", "request_type",
    "implementation", "gen_ai_token_type", "slo", "band", "operation", "direction", "outcome", "scope", "name", "state",
    "pool", "layer", "call", "source", "kind", "family", "table",
)  # fmt: skip

_DAYS = {"now": "", "yesterday": "offset 1d", "a week ago": "offset 1w"}


def _value(day: str, window: str = WINDOW) -> str:
    """The chosen series on a day; with a window of its own, its mean in it."""
    gauges = f'{{__name__="$series", __name__!~"{_COUNTERS}", {_CHOSEN}}}'
    counters = f'{{__name__="$series", __name__=~"{_COUNTERS}", {_CHOSEN}}}'
    offset = _DAYS[day]
    level = f"{gauges} {offset}" if window == WINDOW else f"avg_over_time({gauges}{window} {offset})"
    return f"(sum without ({_TOO_FINE}) ({level}) or sum without ({_TOO_FINE}) (rate({counters}{window} {offset})))"


def _subject(vector: str) -> str:
    """The same with what a line is about as one label; the spaces of what it lacks are not drawn."""
    joined = ", ".join(f'"{label}"' for label in _TOLD_APART)
    return f'label_join({vector}, "subject", " ", {joined})'


def _change(than: str, window: str = WINDOW) -> str:
    """By what share it is above or below that day."""
    return f"{_value('now', window)} / ({_value(than, window)} != 0) - 1"


def _row(vector: str) -> Query:
    return Query(f"sum by (subject) ({_subject(vector)})", table=True)


OVERLAY = [Query(_subject(_value(day)), f"{{{{subject}}}} {day}", step=MINUTE) for day in _DAYS]
CHANGES = [
    Query(_subject(_change(than)), f"{{{{subject}}}} to {name}", step=MINUTE)
    for than, name in {"yesterday": "yesterday", "a week ago": "last week"}.items()
]
_RANGE = "[$__range]"
DIFFERENCES = [
    *(_row(_value(day, _RANGE)) for day in _DAYS),
    *(_row(_change(than, _RANGE)) for than in ("yesterday", "a week ago")),
]
