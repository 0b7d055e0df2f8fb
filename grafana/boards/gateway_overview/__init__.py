"""Gateway overview: is the gateway well, since when not, where, and can the numbers be trusted?"""

from grafana.boards.gateway_overview import exporter, models, services
from grafana.panels import dashboard, layout, variable

UID = services.UID

_PROVIDERS = "label_values(gen_ai_client_operation_duration_seconds_count, gen_ai_provider_name)"
_MODELS = (
    'label_values(gen_ai_client_operation_duration_seconds_count{gen_ai_provider_name=~"$provider"}, '
    "gen_ai_request_model)"
)

BOARD = dashboard(
    UID,
    "Gateway overview",
    "The five services of the gateway, its model calls, and the exporter that counts them.",
    layout(*services.lines(), *models.lines(), *exporter.lines()),
    [
        variable("service", "Service", "label_values(exai_connection_events_total, connection_type)"),
        variable("provider", "Provider", _PROVIDERS),
        variable("model", "Model", _MODELS),
    ],
)
