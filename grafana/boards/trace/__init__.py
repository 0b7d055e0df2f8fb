"""Traces, as Postgres keeps them: the slowest requests, and the way of one of them through the layers."""

from grafana import flow_queries
from grafana.boards.trace import chosen, slowest
from grafana.panels import dashboard, layout, lines_filled_by, textbox, variable
from grafana.panels.filling import TRACES

BOARD = dashboard(
    "exai-trace",
    "Traces",
    "The slowest requests, and where one of them spent its time: the slowest, or the one whose id is given. Only "
    "where Postgres is configured.",
    layout(*lines_filled_by(TRACES, [*slowest.lines(), *chosen.lines()])),
    [variable("tool", "Tool", flow_queries.TOOL_NAMES), textbox("trace_id", "Trace")],
    since="now-24h",
)
