"""Alerts and auditor: what fires, how noisy it is, how soon people react, what is promised, and what is compared."""

from grafana import alert_queries, queries
from grafana.boards.alerts import noise, now, promises, settings
from grafana.panels import dashboard, layout, variable

BOARD = dashboard(
    "exai-alerts",
    "Alerts and auditor",
    "What fires and since when, which alerts are noise, how soon people react, how fast error budgets are spent, and "
    "what alerts are compared with.",
    layout(*now.lines(), *noise.lines(), *promises.lines(), *settings.lines()),
    [
        variable("service", "Service", queries.SERVICE_NAMES),
        variable("severity", "Severity", alert_queries.SEVERITIES),
        variable("category", "Category", alert_queries.CATEGORIES),
    ],
)
