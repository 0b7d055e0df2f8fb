"""The board "Gateway overview": states, alerts and requests first, then model calls, then the hops below them."""

from grafana import queries
from grafana.boards.gateway_overview import headline, models, services, usage
from grafana.panels import dashboard, layout, variable

UID = services.UID

BOARD = dashboard(
    UID,
    "Gateway overview",
    "What users feel, the model calls with what they cost, and the hops of the five services.",
    layout(*headline.lines(), usage.cards(), *models.lines(), *services.lines()),
    [
        variable("service", "Service", queries.SERVICE_NAMES),
        variable("provider", "Provider", queries.PROVIDERS_OF_SERVICES),
        variable("model", "Model", queries.MODELS_OF_SERVICES),
    ],
)
