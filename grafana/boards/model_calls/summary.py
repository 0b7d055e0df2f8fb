"""How many calls there are, by model."""

from __future__ import annotations

from grafana import call_sql as queries
from grafana.boards.model_calls import columns
from grafana.panels import Json, Line, fields, line, stat, table


def lines() -> list[Line]:
    """The counts beside the models."""
    return [line(8, _counts(), _models(), widths=(4, 20))]


def _counts() -> Json:
    return stat(
        "Kept calls",
        "Calls of this time range that are kept, how many failed, what they cost by the price list, and how many have "
        "tokens without a price. None while the overview shows some: rows wait for Postgres; see the health of the "
        "bundle.",
        [queries.COUNTS],
        unit="locale",
        named=True,
        overrides=[columns.dollars("cost")],
    )


def _models() -> Json:
    return table(
        "Models",
        "All calls of this time range by model. Compare p95 with the timeouts on the board Providers and timeouts.",
        [queries.MODELS],
        columns={
            "provider": "Provider",
            "model": "Model",
            "calls": "Calls",
            "failed": "Failed",
            "p50": "p50",
            "p95": "p95",
            "total_tokens": "Tokens",
            "cost": "Cost",
        },
        overrides=[
            *(fields.override(name, unit="locale", decimals=0) for name in ("Calls", "Failed", "Tokens")),
            *(fields.override(name, unit="s", decimals=1) for name in ("p50", "p95")),
            fields.override("Cost", unit="currencyUSD", decimals=2),
        ],
        empty=columns.EMPTY,
    )
