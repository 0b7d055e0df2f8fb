"""Whether the models are as right as they were."""

from __future__ import annotations

from grafana import ml_queries as queries
from grafana.panels import Json, Line, colours, fields, heatmap, line, section, steps, table, timeseries

_MODELS = fields.by_pattern(colours.PREDICTORS)
_WORSE = steps(colours.GOOD, (0.1, colours.WARNING), (0.2, colours.BAD))
_SHARE = {"unit": "percentunit", "decimals": 1}


def lines() -> list[Line]:
    """A heading, each model in a row beside its error over time, and what goes with it."""
    return [
        section("Model performance"),
        line(8, _table(), _deviation(), widths=(14, 10)),
        line(8, _error(), _confidence(), _r2()),
        line(8, _errors(), _predictions(), widths=(14, 10)),
    ]


def _table() -> Json:
    return table(
        "Models",
        "Each model's predictions in this time range, its mean absolute error against its baseline, and its newest R² "
        "and confidence. Red: it is a fifth worse than its baseline; see what it is fed, or train it anew.",
        queries.MODELS,
        columns={
            "model": "Model",
            "Value #A": "Predictions",
            "Value #B": "Error",
            "Value #C": "Baseline",
            "Value #D": "To baseline",
            "Value #E": "R²",
            "Value #F": "Confidence",
        },
        overrides=[
            fields.override("Predictions", unit="locale", decimals=0, custom__width=130),
            fields.override("Error", unit="none", decimals=2, custom__width=90),
            fields.override("Baseline", unit="none", decimals=2, custom__width=100),
            fields.override("To baseline", **_SHARE, **fields.text(_WORSE), custom__width=110),
            fields.override("R²", unit="none", decimals=3, custom__width=90),
            fields.override("Confidence", **_SHARE, custom__width=110),
        ],
        sort_by="Predictions",
    )


def _deviation() -> Json:
    return timeseries(
        "Error against baseline",
        "By what share the last hour's mean absolute error is off the baseline. Above the dashed line for ten minutes "
        "an alert fires: the world has changed, or the model's inputs have. Below zero it is better.",
        queries.DEVIATION,
        alerts=queries.DEVIATION_ALERT,
        unit="percentunit",
        near=-1,
        overrides=_MODELS,
    )


def _error() -> Json:
    return timeseries(
        "Mean absolute error by model",
        "In each model's own unit; dashed its baseline. A step: a new model, or other inputs. A slope: it grows old; "
        "train it anew.",
        queries.MAE,
        unit="none",
        overrides=_MODELS,
    )


def _confidence() -> Json:
    return timeseries(
        "Confidence",
        "What the models say of their newest predictions. Falling while the error holds: inputs that they have seen "
        "too little of. High while the error grows: do not believe it.",
        queries.CONFIDENCE,
        unit="percentunit",
        high=1,
        overrides=_MODELS,
    )


def _r2() -> Json:
    return timeseries(
        "R²",
        "How much of what they predict the models explain; 1 is all. Falling: compare the error with its baseline.",
        queries.R2,
        unit="none",
        near=0.9,
        high=1,
        overrides=_MODELS,
    )


def _errors() -> Json:
    return heatmap(
        "Absolute errors",
        "How many predictions are off by how much. A second bright band higher up: one kind of input is predicted "
        "badly; the mean alone would hide it.",
        queries.ABSOLUTE_ERRORS,
        unit="suffix:/s",
        axis_unit="none",
    )


def _predictions() -> Json:
    return timeseries(
        "Predictions",
        "Predictions a second, by model. One at nothing: its route fails, or nobody asks; see the routes.",
        queries.PREDICTIONS,
        unit="suffix:/s",
        stacked=True,
        overrides=_MODELS,
    )
