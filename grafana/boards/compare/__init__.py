"""Compare: is what a series does now usual for the hour, or did something change since yesterday or last week?"""

from grafana import compare_queries, queries
from grafana.boards.compare import days
from grafana.panels import choice, dashboard, layout, variable

BOARD = dashboard(
    "exai-compare",
    "Compare",
    "Any series beside itself at the same time yesterday and a week ago, and how to take the figures along.",
    layout(*days.lines()),
    [
        choice("series", "Series", compare_queries.SERIES_NAMES, compare_queries.FIRST_CHOICE),
        variable("service", "Service", queries.SERVICE_NAMES),
        variable("provider", "Provider", queries.PROVIDERS_OF_SERVICES),
        variable("model", "Model", queries.MODELS_OF_SERVICES),
    ],
)
