"""Gateway overview: is the gateway well, since when not, where, and can the numbers be trusted?"""

from grafana import queries
from grafana.boards.gateway_overview import exporter, models, services
from grafana.panels import dashboard, layout, variable

UID = services.UID

BOARD = dashboard(
    UID,
    "Gateway overview",
    "The five services of the gateway, its model calls, and the exporter that counts them.",
    layout(*services.lines(), *models.lines(), *exporter.lines()),
    [
        variable("service", "Service", "label_values(exai_connection_events_total, connection_type)"),
        variable("provider", "Provider", queries.PROVIDER_NAMES),
        variable("model", "Model", queries.MODEL_NAMES),
    ],
)
