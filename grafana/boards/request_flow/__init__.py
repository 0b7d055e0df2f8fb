"""Request flow and bottlenecks: where do requests spend their time, and where do they fail?"""

from grafana import flow_queries
from grafana.boards.request_flow import calls, flow, layers, tools
from grafana.panels import dashboard, layout, lines_filled_by, variable
from grafana.panels.filling import TRACES

BOARD = dashboard(
    "exai-request-flow",
    "Request flow and bottlenecks",
    "The way of requests through the layers of the gateway: how many, how long in each, and which calls of a "
    "conversation are slow. A point on a chart is a request: click it to see its trace.",
    layout(*flow.lines(), *lines_filled_by(TRACES, [*layers.lines(), *calls.lines(), *tools.lines()])),
    [variable("tool", "Tool", flow_queries.TOOL_NAMES)],
)
