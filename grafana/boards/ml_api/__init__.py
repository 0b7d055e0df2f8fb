"""ML API: does it answer in time, and are its models as right as they were?"""

from grafana import ml_queries as queries
from grafana.boards.ml_api import api, models, now, resources
from grafana.panels import dashboard, layout, variable

BOARD = dashboard(
    "exai-ml-api",
    "ML API",
    "The service beside the gateway that predicts: its requests, its models against their baselines, and what it "
    "runs on.",
    layout(*now.lines(), *models.lines(), *api.lines(), *resources.lines()),
    [
        variable("api", "API", queries.API_NAMES),
        variable("predictor", "Predictor", queries.PREDICTOR_NAMES),
    ],
)
