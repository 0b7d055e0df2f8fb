"""How the gateway does now: twelve numbers, and what each leads to."""

from __future__ import annotations

from grafana import overview_queries as queries
from grafana.panels import Json, Line, colours, fields, filled_by, line, link, stat, steps
from grafana.panels.filling import CACHE, FIRST_CHUNKS, READINGS

_BUDGET = steps(colours.BAD, (0, colours.WARNING), (0.25, colours.GOOD))
_FAILING = steps(colours.GOOD, (0.05, colours.WARNING), (0.1, colours.BAD))
_ERRORS = link("What fails", "exai-errors")
_FLOW = link("Where the time goes", "exai-request-flow")
_MODELS = link("Providers and timeouts", "exai-providers-timeouts")


def lines() -> list[Line]:
    """Two lines of six cards."""
    return [
        line(
            4,
            _availability(),
            _error_budget(),
            _operations(),
            _error_ratio(),
            _latency(),
            filled_by(FIRST_CHUNKS, _first_chunk()),
        ),
        line(
            4,
            _tokens(),
            _cost(),
            _without_price(),
            filled_by(CACHE, _hit_ratio()),
            filled_by(READINGS, _sessions()),
            _alerts(),
        ),
    ]


def _availability() -> Json:
    return stat(
        "Availability",
        "Share of operations that did not fail, in this time range and in 30 days. What each service promises stands "
        "in config/slos.yml. Lower now than in 30 days: something is failing; look at the cards below.",
        queries.AVAILABILITY,
        unit="percentunit",
        decimals=2,
        named=True,
        links=[_ERRORS],
        overrides=[fields.override(name, mappings=[fields.IDLE]) for name in ("time range", "30 days")],
    )


def _error_budget() -> Json:
    return stat(
        "Error budget left",
        "Of what may fail or be late in 30 days: of all services together, and of the service and objective with the "
        "least. Below 0 an objective is missed: stop risky changes until it is above. No value: too few operations.",
        queries.ERROR_BUDGET,
        unit="percentunit",
        decimals=0,
        named=True,
        thresholds=_BUDGET,
        links=[link("Alerts and burn rates", "exai-alerts")],
    )


def _operations() -> Json:
    return stat(
        "Operations",
        "Operations that succeeded or failed, a second; each is counted once, when it ends. Nothing: the gateway or "
        "its way to the exporter is cut. Twice the usual: compare with yesterday.",
        queries.OPERATIONS_NOW,
        unit="suffix:op/s",
        decimals=1,
        links=[link("Against yesterday and last week", "exai-compare"), _FLOW, link("ML API", "exai-ml-api")],
    )


def _error_ratio() -> Json:
    return stat(
        "Failed",
        "Share of the operations of the last minute that failed. Above 5 %: see which service fails, and with which "
        "error.",
        queries.ERROR_RATIO_NOW,
        unit="percentunit",
        decimals=1,
        thresholds=_FAILING,
        overrides=[fields.override("errors", mappings=[fields.IDLE])],
        links=[_ERRORS],
    )


def _latency() -> Json:
    return stat(
        "Response p95",
        "Seconds within which 95 of 100 answers came, of all services: model calls are the slow ones. High: see the "
        "services one by one below, then where the time goes.",
        queries.LATENCY_NOW,
        unit="s",
        decimals=1,
        overrides=[fields.override("p95", mappings=[fields.IDLE])],
        links=[_FLOW],
    )


def _first_chunk() -> Json:
    return stat(
        "First chunk p95",
        "Seconds until a model begins to answer, of 95 in 100 calls: what a person waits before words appear. Rising: "
        "the provider queues; see which.",
        queries.FIRST_CHUNK_NOW,
        unit="s",
        decimals=1,
        overrides=[fields.override("p95", mappings=[fields.IDLE])],
        links=[_MODELS],
    )


def _tokens() -> Json:
    return stat(
        "Token rate",
        "Tokens that models read (input) and wrote (output), or both (total), a second. Input that grows while "
        "requests do not: conversations carry too much context.",
        queries.TOKENS_NOW,
        unit="suffix:tok/s",
        decimals=0,
        named=True,
        overrides=[fields.override(name, color=fields.fixed(color)) for name, color in colours.TOKENS.items()],
        links=[_MODELS],
    )


def _cost() -> Json:
    return stat(
        "Cost an hour",
        "What an hour like the last five minutes costs by config/prices.yml, whose prices are examples until somebody "
        "has compared them. It leaves out the models without a price, beside it.",
        queries.COST_NOW,
        unit="currencyUSD",
        decimals=2,
        links=[link("Against yesterday and last week", "exai-compare", series="model:exai_token_cost_dollars:rate5m")],
    )


def _without_price() -> Json:
    return stat(
        "Models without a price",
        "Models that were called in the last five minutes and lack a price in config/prices.yml: all of it, or that of "
        "calls that tell only the sum of their tokens (blended). More than none: the cost is too low by what they "
        "cost; add them. docs/prices.md says how.",
        queries.WITHOUT_PRICE,
        unit="none",
        thresholds=steps(colours.GOOD, (1, colours.WARNING)),
        links=[_MODELS],
    )


def _hit_ratio() -> Json:
    return stat(
        "Cache hit ratio",
        "Share of the look-ups in the semantic cache, of five minutes, that spared a model call. Falling: model calls, "
        "tokens and cost rise; see which implementation.",
        queries.HIT_RATIO_NOW,
        unit="percentunit",
        decimals=1,
        overrides=[fields.override("hits", mappings=[fields.IDLE])],
        links=[link("Semantic cache", "exai-semantic-cache")],
    )


def _sessions() -> Json:
    return stat(
        "Sessions",
        "Conversations that are open. Many more than usual: look at semaphores and queue, which fill next. "
        "Fallen to nothing: callers cannot reach the gateway.",
        queries.SESSIONS_NOW,
        unit="none",
        decimals=0,
        links=[link("Sessions and concurrency", "exai-sessions")],
    )


def _alerts() -> Json:
    return stat(
        "Firing alerts",
        "Critical: act at once. Warning: today. Info: when there is time. No data: Prometheus evaluates no rules, "
        "so nothing would fire; read its log.",
        queries.ALERTS_BY_SEVERITY,
        unit="none",
        named=True,
        overrides=[
            _count("critical", colours.BAD),
            _count("warning", colours.WARNING),
            _count("info", colours.NEUTRAL),
        ],
        links=[link("Alerts and auditor", "exai-alerts"), link("Bundle health", "exai-bundle-health")],
    )


def _count(severity: str, color: str) -> Json:
    thresholds = {"mode": "absolute", "steps": steps(colours.UNKNOWN, (1, color))}
    return fields.override(severity, color={"mode": "thresholds"}, thresholds=thresholds)
