"""Gateway overview: is the gateway well, what does it cost, since when is it not well, and where?"""

from grafana import queries
from grafana.boards.gateway_overview import models, now, services
from grafana.panels import dashboard, layout, variable

UID = services.UID

BOARD = dashboard(
    UID,
    "Gateway overview",
    "How well the gateway keeps what it promises, its five services, and its model calls with what they cost.",
    layout(*now.lines(), *services.lines(), *models.lines()),
    [
        variable("service", "Service", queries.SERVICE_NAMES),
        variable("provider", "Provider", queries.PROVIDERS_OF_SERVICES),
        variable("model", "Model", queries.MODELS_OF_SERVICES),
    ],
)
