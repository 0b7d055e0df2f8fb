"""Semantic cache: does it answer as often, as fast and as surely as it should, and does the new one beat the old?"""

from grafana import cache_queries as queries
from grafana.boards.semantic_cache import contents, latency, now, summary, weeks
from grafana.panels import dashboard, layout, lines_filled_by, variable
from grafana.panels.filling import CACHE

BOARD = dashboard(
    "exai-semantic-cache",
    "Semantic cache",
    "The implementations of the semantic cache side by side: what they answer, how fast, what they hold and what "
    "they save, against what is normal for them and against last week.",
    layout(
        *lines_filled_by(CACHE, [*now.lines(), *summary.lines(), *latency.lines(), *contents.lines(), *weeks.lines()])
    ),
    [variable("implementation", "Implementation", queries.IMPLEMENTATION_NAMES)],
)
