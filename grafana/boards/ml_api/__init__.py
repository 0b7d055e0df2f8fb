"""ML API: does it answer in time, and are its models as right as they were?"""

from grafana import ml_queries as queries
from grafana.boards.ml_api import api, models, now, resources
from grafana.panels import dashboard, layout, lines_filled_by, variable
from grafana.panels.filling import HTTP, PREDICTIONS, READINGS

BOARD = dashboard(
    "exai-ml-api",
    "ML API",
    "The service beside the gateway that predicts: its requests, its models against their baselines, and what it "
    "runs on.",
    layout(
        *lines_filled_by(HTTP, now.lines()),
        *lines_filled_by(PREDICTIONS, models.lines()),
        *lines_filled_by(HTTP, api.lines()),
        *lines_filled_by(READINGS, resources.lines()),
    ),
    [
        variable("api", "API", queries.API_NAMES),
        variable("predictor", "Predictor", queries.PREDICTOR_NAMES),
    ],
)
