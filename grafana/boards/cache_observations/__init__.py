"""Semantic cache, as Postgres keeps it: what is unusual, what is normal, and the exact figures of hours and minutes."""

from grafana import cache_queries
from grafana.boards.cache_observations import baselines, figures, findings
from grafana.panels import dashboard, layout, lines_filled_by, variable
from grafana.panels.filling import STORED_CACHE

BOARD = dashboard(
    "exai-semantic-cache-observations",
    "Semantic cache: observations",
    "What is unusual about the semantic cache and what to do about it, what is normal for it, and its exact figures "
    "by hour and minute. Only where Postgres is configured.",
    layout(*lines_filled_by(STORED_CACHE, [*findings.lines(), *baselines.lines(), *figures.lines()])),
    [variable("implementation", "Implementation", cache_queries.IMPLEMENTATION_NAMES)],
    since="now-24h",
)
