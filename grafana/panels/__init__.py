"""The only constructors of panels and boards: grafanalib 0.7.1's classes, in Grafana 12.3.3's form."""

from grafana.panels.asking import POSTGRES, Json, Query, SqlQuery
from grafana.panels.board import choice, dashboard, link, textbox, variable
from grafana.panels.charts import bar_chart, state_timeline, status_history, timeseries
from grafana.panels.filling import filled_by, lines_filled_by
from grafana.panels.layout import Line, layout, line, repeated, section
from grafana.panels.lists import MOMENT, MOMENT_AGO, WORDS, alert_list, logs, table, words
from grafana.panels.modern import steps
from grafana.panels.numbers import bar_gauge, gauge, stat
from grafana.panels.plots import heatmap, xychart
from grafana.panels.ways import node_graph, traces

__all__ = [
    "MOMENT",
    "MOMENT_AGO",
    "POSTGRES",
    "WORDS",
    "Json",
    "Line",
    "Query",
    "SqlQuery",
    "alert_list",
    "bar_chart",
    "bar_gauge",
    "choice",
    "dashboard",
    "filled_by",
    "gauge",
    "heatmap",
    "layout",
    "line",
    "lines_filled_by",
    "link",
    "logs",
    "node_graph",
    "repeated",
    "section",
    "stat",
    "state_timeline",
    "status_history",
    "steps",
    "table",
    "textbox",
    "timeseries",
    "traces",
    "variable",
    "words",
    "xychart",
]
