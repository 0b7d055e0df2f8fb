"""Providers and timeouts: do calls end within the time that they are given, and is that time no longer than need be?"""

from grafana import queries
from grafana.boards.providers_timeouts import estimates, models, promise
from grafana.panels import dashboard, layout, variable

BOARD = dashboard(
    "exai-providers-timeouts",
    "Providers and timeouts",
    "At most 1 % of the calls are cut off, and no call waits longer than it must for that: is it so, model by model?",
    layout(*promise.lines(), *estimates.lines(), *models.lines()),
    [
        variable("provider", "Provider", queries.PROVIDER_NAMES),
        variable("model", "Model", queries.MODEL_NAMES),
    ],
)
