"""The slowest and the dearest calls."""

from __future__ import annotations

from grafana import call_sql as queries
from grafana.boards.model_calls import columns
from grafana.panels import Json, Line, fields, line, table


def lines() -> list[Line]:
    """A table each."""
    return [line(9, _slowest()), line(9, _dearest())]


def _slowest() -> Json:
    return table(
        "Slowest calls",
        "The fifty slowest of this time range. Timeout is the one that the call was given, or, from shadow, the one "
        "that the exporter would have given it. A first token that comes late points to the provider's queue, a long "
        "rest to the length of the answer. Trace is empty where the sender names none.",
        [queries.SLOWEST],
        columns={
            "took": "Took",
            "first_token": "First token",
            "outcome": "Outcome",
            "provider": "Provider",
            "model": "Model",
            "tool_name": "Tool",
            "thinking_mode": "Thinking",
            "total_tokens": "Tokens",
            "estimated_timeout_s": "Timeout",
            "estimate_source": "From",
            "timestamp": "Ended",
            "conversation": "Conversation",
            "trace_id": "Trace",
        },
        overrides=[
            *columns.seconds("Took", "First token", "Timeout"),
            *columns.names(),
            *columns.tokens("Tokens"),
            columns.outcome(),
            fields.override("From", custom__width=90),
            columns.moment("Ended"),
            columns.conversation(),
            columns.trace(),
        ],
        empty=columns.EMPTY,
    )


def _dearest() -> Json:
    return table(
        "Dearest calls",
        "The fifty that cost most, by the price list that the exporter had when it wrote them; calls without a price "
        "are left out. Cached is a part of the input, Reasoning of the output.",
        [queries.DEAREST],
        columns={
            "cost_dollars": "Cost",
            "model": "Model",
            "tool_name": "Tool",
            "thinking_mode": "Thinking",
            "input_tokens": "Input",
            "input_cached_tokens": "Cached",
            "output_tokens": "Output",
            "output_reasoning_tokens": "Reasoning",
            "total_tokens": "Tokens",
            "finish_reason": "Stopped by",
            "timestamp": "Ended",
            "conversation": "Conversation",
            "trace_id": "Trace",
        },
        overrides=[
            columns.dollars("Cost"),
            *columns.names(),
            *columns.tokens("Input", "Cached", "Output", "Reasoning", "Tokens"),
            fields.override("Stopped by", custom__width=110),
            columns.moment("Ended"),
            columns.conversation(),
            columns.trace(),
        ],
        empty="No call of this time range has tokens with a price: docs/prices.md says how to set prices",
    )
