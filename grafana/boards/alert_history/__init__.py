"""Alerts, as Postgres keeps them: which there were, who acknowledged them with which note, and how soon."""

from grafana import alert_queries, queries
from grafana.boards.alert_history import reactions, told
from grafana.panels import dashboard, layout, variable

BOARD = dashboard(
    "exai-alert-history",
    "Alerts: history",
    "Which alerts there were, who acknowledged them and what they noted, how soon, and which alerts are noise. Only "
    "where Postgres is configured.",
    layout(*reactions.lines(), *told.lines()),
    [
        variable("service", "Service", queries.SERVICE_NAMES),
        variable("severity", "Severity", alert_queries.SEVERITIES),
        variable("category", "Category", alert_queries.CATEGORIES),
    ],
    since="now-24h",
)
