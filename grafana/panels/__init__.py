"""The only constructors of panels and boards: grafanalib 0.7.1's classes, in Grafana 12.3.3's form."""

from grafana.panels.asking import POSTGRES, Json, Query, SqlQuery
from grafana.panels.board import dashboard, variable
from grafana.panels.charts import state_timeline, timeseries
from grafana.panels.layout import Line, layout, line, section
from grafana.panels.lists import MOMENT, alert_list, table
from grafana.panels.modern import steps
from grafana.panels.numbers import bar_gauge, stat
from grafana.panels.plots import heatmap, xychart

__all__ = [
    "MOMENT",
    "POSTGRES",
    "Json",
    "Line",
    "Query",
    "SqlQuery",
    "alert_list",
    "bar_gauge",
    "dashboard",
    "heatmap",
    "layout",
    "line",
    "section",
    "stat",
    "state_timeline",
    "steps",
    "table",
    "timeseries",
    "variable",
    "xychart",
]
