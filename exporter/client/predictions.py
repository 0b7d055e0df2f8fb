"""The predictions of a service's models, and how good the last of them were."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from typing import Any, NamedTuple

from exporter.client.forks import begin_in_every_process
from exporter.client.recorder import Recorder, harmless, nothing
from exporter.client.rolling import RollingFit

_MOST_MODELS = 100
_LARGEST = 5e14


class Quality(NamedTuple):
    """Of the last predictions whose outcome was told: mean absolute error, R², and how many they are."""

    mae: float | None
    r2: float | None
    samples: int


_UNKNOWN = Quality(None, None, 0)


class Predictions:
    """Makes the events of one service; the last `window` outcomes of a model say how good it is.

    Of more than 100 models, the one that was silent for longest is forgotten.
    """

    def __init__(self, recorder: Recorder, service: str, window: int = 1000) -> None:
        self._recorder, self._service, self._window = recorder, service, window
        begin_in_every_process(self)

    def begin(self) -> None:
        """No model is known."""
        self._lock = threading.RLock()
        self._fits: OrderedDict[str, RollingFit] = OrderedDict()

    @harmless(nothing)
    def record_prediction(
        self,
        model: str,
        predicted: float | None = None,
        actual: float | None = None,
        *,
        confidence: float | None = None,
        baseline_mae: float | None = None,
    ) -> None:
        """Counts a prediction; with what was `predicted` and what came of it (`actual`), also how far it was off.

        `confidence` is 0 to 1; `baseline_mae` is the error of the model that this one is held against. A number
        that is none (NaN, infinite, beyond 5e14) is left out.
        """
        event: dict[str, Any] = {"kind": "prediction", "service": self._service, "model": str(model)}
        event["timestamp"] = time.time()
        guess, outcome = _within(predicted, -_LARGEST, _LARGEST), _within(actual, -_LARGEST, _LARGEST)
        if guess is not None and outcome is not None:
            event["absolute_error"] = abs(guess - outcome)
            event["r2"] = self._told(str(model), guess, outcome).r2
        event["confidence"] = _within(confidence, 0, 1)
        event["baseline_mae"] = _within(baseline_mae, 0, _LARGEST)
        self._recorder.record({key: value for key, value in event.items() if value is not None})

    @harmless(lambda: _UNKNOWN)
    def quality(self, model: str) -> Quality:
        """How good the model is now."""
        with self._lock:
            fit = self._fits.get(model)
            return Quality(fit.mae, fit.r2, len(fit)) if fit else _UNKNOWN

    def _told(self, model: str, predicted: float, actual: float) -> Quality:
        with self._lock:
            fit = self._fits.pop(model, None) or RollingFit(self._window)
            self._fits[model] = fit
            if len(self._fits) > _MOST_MODELS:
                self._fits.popitem(last=False)
            fit.add(predicted, actual)
            return Quality(fit.mae, fit.r2, len(fit))


def _within(number: float | None, lowest: float, highest: float) -> float | None:
    return float(number) if number is not None and lowest <= number <= highest else None
