"""The truth about the board "ML API"."""

from __future__ import annotations

from collections.abc import Callable

from exporter.conventions import LATENCY_BUCKETS
from exporter.demo.ml_api import PREDICTORS, SERVICE
from tests.incidents import expected
from tests.incidents.boards.semantic_cache import by_implementation, hit_ratio
from tests.incidents.expected import Expected, Rows
from tests.incidents.figures import Figure, Figures, one
from tests.incidents.moment import RANGE_S, Moment
from tests.incidents.truth import Window

UID = "exai-ml-api"
NAMES = tuple(predictor.name for predictor in PREDICTORS)


def requests(window: Window) -> Expected:
    """Return requests a second."""
    return expected.rate(len(window.of("http")), window)


def failed(window: Window) -> Expected:
    """Return the share of requests that were answered with 5xx."""
    return expected.ratio(len(window.of("http", status=500)), len(window.of("http")))


def p95(window: Window) -> Expected:
    """Return the 95th percentile of seconds."""
    return expected.quantile(0.95, expected.seconds(window.of("http")), LATENCY_BUCKETS)


def predictions(window: Window, model: str) -> Expected:
    """Return predictions in a window."""
    return expected.rate(len(window.of("prediction", model=model)), window, times=window.of_s)


def errors(window: Window, model: str) -> list[float]:
    """Return the absolute errors of predictions."""
    return [event["absolute_error"] for event in window.of("prediction", model=model)]


def against_baseline(moment: Moment) -> Rows:
    """Return by how much the mean error differs from the baseline that came last."""

    def figure(model: str) -> Expected:
        found = errors(moment.range, model)
        mean = sum(found) / len(found)
        baselines = [event["baseline_mae"] for event in moment.lately("prediction", model=model)]
        low, high = (mean / baseline - 1 for baseline in (max(baselines), min(baselines)))
        return expected.Within(low - expected.RATE_TOLERATED, high + expected.RATE_TOLERATED)

    return _by_model(figure)


def last(name: str) -> Figure:
    """Return the figure of a field of the newest predictions."""
    return lambda moment: _by_model(
        lambda model: expected.one_of(event[name] for event in moment.lately("prediction", model=model))
    )


def in_range(figure: Callable[[Window, str], Expected]) -> Figure:
    """Return the figure that has a number for each predictor."""
    return lambda moment: _by_model(lambda model: figure(moment.range, model))


def uptime(moment: Moment) -> Rows:
    """Return for how long the ML API has been up."""
    readings = moment.lately("gauge", subject="process", instance=SERVICE)
    return expected.by("service", {SERVICE: expected.one_of(each["values"]["uptime_seconds"] for each in readings)})


def _by_model(figure: Callable[[str], Expected]) -> Rows:
    return {frozenset({("service", SERVICE), ("model", model)}): figure(model) for model in NAMES}


def mean_error(window: Window, model: str) -> Expected:
    """Return the mean of absolute errors."""
    return expected.mean(errors(window, model))


FIGURES: Figures = {
    ("Requests", "A"): one(RANGE_S, requests),
    ("Answered with 5xx", "A"): one(RANGE_S, failed),
    ("Response p95", "A"): one(RANGE_S, p95),
    ("Mean absolute error", "A"): in_range(mean_error),
    ("Uptime", "A"): uptime,
    ("Cache hit ratio", "A"): by_implementation(300, hit_ratio),
    ("Models", "A"): in_range(predictions),
    ("Models", "B"): in_range(mean_error),
    ("Models", "C"): last("baseline_mae"),
    ("Models", "D"): against_baseline,
    ("Models", "E"): last("r2"),
    ("Models", "F"): last("confidence"),
}
