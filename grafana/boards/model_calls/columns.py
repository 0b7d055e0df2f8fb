"""Columns that several tables of the board share, and what an empty table says."""

from __future__ import annotations

from grafana.panels import MOMENT, WORDS, Json, colours, fields

EMPTY = "No model call was kept in this time range: docs/postgres.md (Model calls) says what fills this table"

_OUTCOMES = {
    "ok": ("ok", colours.GOOD),
    "error": ("error", colours.BAD),
    "timeout": ("timeout", colours.WARNING),
}
_TRACE = {"title": "Its trace", "url": "/d/exai-trace?${__url_time_range}&var-trace_id=${__value.raw}"}
_CONVERSATION = {
    "title": "Its calls",
    "url": "/d/exai-model-calls?${__url_time_range}&${provider:queryparam}&${model:queryparam}"
    "&var-conversation=${__value.raw}",
}


def outcome() -> Json:
    """How the call ended."""
    return fields.override("Outcome", custom__width=90, **fields.named(_OUTCOMES))


def seconds(*names: str) -> list[Json]:
    """Durations."""
    return [fields.override(name, unit="s", decimals=1, custom__width=95) for name in names]


def tokens(*names: str) -> list[Json]:
    """Counts of tokens."""
    return [fields.override(name, unit="locale", decimals=0, custom__width=95) for name in names]


def dollars(name: str) -> Json:
    """The cost in dollars."""
    return fields.override(name, unit="currencyUSD", decimals=4, custom__width=100)


def names() -> list[Json]:
    """Provider, model, tool and thinking mode."""
    widths = {"Provider": 90, "Model": 200, "Tool": 120, "Thinking": 90}
    return [fields.override(name, custom__width=width) for name, width in widths.items()]


def moment(name: str) -> Json:
    """When it ended."""
    return fields.override(name, unit=MOMENT, custom__width=165)


def conversation() -> Json:
    """The conversation, with a link to its other calls."""
    return fields.override("Conversation", unit=WORDS, links=[_CONVERSATION])


def trace() -> Json:
    """The trace, with a link to its board."""
    return fields.override("Trace", unit=WORDS, links=[_TRACE])
