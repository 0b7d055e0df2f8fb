"""Model calls, as Postgres keeps them: against their timeouts, the slowest, the dearest and the failing."""

from grafana import queries
from grafana.boards.model_calls import failing, largest, predicted, summary
from grafana.panels import dashboard, layout, textbox, variable

BOARD = dashboard(
    "exai-model-calls",
    "Model calls",
    "Single calls of models: against their timeouts, the slowest, the dearest and the failing, with links to their "
    "traces and errors. Only where Postgres is configured.",
    layout(*summary.lines(), *predicted.lines(), *largest.lines(), *failing.lines()),
    [
        variable("provider", "Provider", queries.PROVIDER_NAMES),
        variable("model", "Model", queries.MODEL_NAMES),
        textbox("conversation", "Conversation"),
    ],
    since="now-24h",
)
