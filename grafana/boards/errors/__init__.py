"""Errors: what fails, where, since when, and how much of all that is."""

from grafana import error_queries, queries
from grafana.boards.errors import connections, others, summary
from grafana.panels import dashboard, layout, variable

BOARD = dashboard(
    "exai-errors",
    "Errors",
    "What fails, how often and where: connections by type, script and function, then providers, the cache and HTTP.",
    layout(*summary.lines(), *connections.lines(), *others.lines()),
    [
        variable("service", "Service", "label_values(exai_connection_events_total, connection_type)"),
        variable("error_type", "Error", error_queries.ERROR_TYPES),
        variable("provider", "Provider", queries.PROVIDERS_OF_SERVICES),
        variable("model", "Model", queries.MODELS_OF_SERVICES),
    ],
)
