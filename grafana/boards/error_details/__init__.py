"""Errors, as Postgres keeps them: which there are since when, the newest, and the traceback of any of them."""

from grafana import error_queries
from grafana.boards.error_details import chosen, groups
from grafana.panels import dashboard, layout, textbox, variable

BOARD = dashboard(
    "exai-error-details",
    "Errors: details",
    "Which errors there are since when, the newest of them, and the traceback of the one that is chosen. Only where "
    "Postgres is configured.",
    layout(*groups.lines(), *chosen.lines()),
    [
        variable("service", "Service", "label_values(exai_connection_events_total, connection_type)"),
        variable("error_type", "Error", error_queries.ERROR_TYPES),
        textbox("error", "Id of one"),
    ],
    since="now-24h",
)
