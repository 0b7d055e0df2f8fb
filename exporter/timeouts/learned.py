"""What is learned of the calls of one model: location and spread over tokens, speed, tail, correction."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import exp, inf, log
from typing import NamedTuple

from exporter.calls import Outcome, Question
from exporter.timeouts.conformal import Conformal
from exporter.timeouts.curves import Curve, place
from exporter.timeouts.quantiles import Scores
from exporter.timeouts.speed import History, Speed
from exporter.timeouts.spread import Spread

_REMEMBERED = 2_000
_LARGEST_GROWTH = log(1.25)
_LARGEST_STEP = 3.0
_SAME_LIMIT = 1.1
_SLOW = 2.0
_RECENT = 200
_LOST_AFTER = 20
_HEAVIEST = 5.0


class Prediction(NamedTuple):
    """Seconds: the timeout, the median, and the ends of the 80 % interval."""

    timeout_s: float
    median_s: float
    low_s: float
    high_s: float


@dataclass(slots=True)
class Learned:
    """log(duration) = location(prompt) + allowance(max_tokens) + level + spread(prompt) · score.

    A location-scale model (He 1997, "Quantile curves without crossing"): the scores of all prompts make one tail, so
    that a few hundred calls tell it. `level` is how fast the service is now; a score has no unit.
    """

    location: Curve = field(default_factory=lambda: Curve(_REMEMBERED))
    allowance: Curve = field(default_factory=lambda: Curve(_REMEMBERED))
    spread: Spread = field(default_factory=Spread)
    speed: Speed = field(default_factory=Speed)
    history: History = field(default_factory=History)
    scores: Scores = field(default_factory=Scores)
    conformal: Conformal = field(default_factory=Conformal)
    tail: float = 0.0
    """The score that the timeouts are made of now."""
    samples: int = 0
    cut_off: int = 0
    """Calls that were cut off since the last one that ended by itself."""
    cut_off_share: float = 0.0
    """Of the last 200 calls or so."""
    calls: int = 0
    born_at: float = inf
    """When the first of the calls started (Unix seconds)."""
    learned_at: float = 0.0

    @property
    def is_lost(self) -> bool:
        """Whether nothing has ended by itself for so long that what was learned may hold no more."""
        return self.cut_off >= _LOST_AFTER

    def predict(self, question: Question, quantile: float | None = None) -> Prediction:
        """What such a call takes, for all that is known; `quantile` replaces the one that is learned for."""
        location, spread = self._curves(question)
        location += self.speed.level
        tail = self.tail if quantile is None else self.scores.exceeded_by(self.conformal.level(1.0 - quantile))
        low, median, high = self.spread.deciles
        return _prediction(location, spread, tail, median, low, high)

    def predict_at(self, question: Question, started_at: float) -> Prediction:
        """What would have been said of a call when it started, in so far as that has been kept."""
        if not self.history.times:
            return self.predict(question)
        location, spread = self._curves(question)
        level, tail = self.history.at(started_at)
        low, median, high = self.spread.deciles
        return _prediction(location + level, spread, tail / self.spread.usual, median, low, high)

    def learn(self, outcome: Outcome, timeout_s: float, target: float) -> None:
        """Learns a call that would have been given that timeout; `target` is the share of calls to cut off."""
        location, spread = self._curves(outcome.question)
        seconds = log(outcome.duration_s)
        if not any(self.location.weights):
            location = seconds
        residual = seconds - location - self.speed.level
        self.calls += 1
        self.cut_off_share += (outcome.cut_off - self.cut_off_share) / min(self.calls, _RECENT)
        if outcome.cut_off:
            self._learn_cut_off(outcome, timeout_s, target, residual, spread)
        else:
            self._learn_ended(outcome, timeout_s, target, residual, spread, location)
        wanted = self.scores.exceeded_by(self.conformal.level(target))
        self.tail = min(wanted, self.tail + _LARGEST_GROWTH / spread) if self.samples > 1 else wanted
        self.history.add(outcome.ended_at, self.speed.level, self.tail * self.spread.usual)
        self.learned_at = max(self.learned_at, outcome.ended_at)

    def _learn_ended(
        self, outcome: Outcome, timeout_s: float, target: float, residual: float, spread: float, location: float
    ) -> None:
        self.conformal.learn(outcome.duration_s > timeout_s, target, self._weight(outcome))
        score = residual / spread
        self.scores.add(score)
        self.speed.learn(residual)
        prompt, allowed = place(outcome.question.prompt_tokens), place(outcome.question.max_tokens)
        step = max(-_LARGEST_STEP, min(_LARGEST_STEP, residual))
        if not self.samples and not any(self.location.weights):
            self.location.values = [location] * len(self.location.values)
        self.location.learn(*prompt, step)
        if outcome.question.max_tokens is not None or any(self.allowance.weights):
            self.allowance.learn(*allowed, step)
        self.spread.learn(*prompt, residual, score)
        self.samples += 1
        self.cut_off = 0

    def _learn_cut_off(self, outcome: Outcome, timeout_s: float, target: float, residual: float, spread: float) -> None:
        """A call that was cut off would have lasted longer than its limit, or for ever: such a one proves nothing.

        One whose limit was another than ours is left out: a shorter limit tells nothing of ours, and what outlasts
        a longer one is taken to hang. Of those that ours cut off, up to twice as many as it is meant to are taken to
        be slow, the others to hang (they are the plateau of a cure model, Maller and Zhou 1996): a slow one missed
        its timeout, and the scores above gain its weight (Efron 1967), or else a tail that is never seen would shrink.
        """
        self.cut_off += 1
        score = residual / spread
        if not 1.0 / _SAME_LIMIT <= outcome.duration_s / timeout_s <= _SAME_LIMIT:
            return
        slow = min(1.0, _SLOW * max(self.scores.share_above(score), target) / self.cut_off_share)
        self.conformal.learn(1.0, target, slow)
        self.scores.add_above(score, slow)

    def _weight(self, outcome: Outcome) -> float:
        """How many calls of that length have started, for one that has ended: the others are still under way.

        This is the inverse of the share of the time so far in which such a call could start and be seen to end, the
        weight of what is truncated on the right (Lynden-Bell 1971); 5 at most.
        """
        started_at = outcome.ended_at - outcome.duration_s
        self.born_at = min(self.born_at, started_at)
        age = started_at - self.born_at
        return min(_HEAVIEST, (age + outcome.duration_s) / age) if age > 0.0 else 1.0

    def _curves(self, question: Question) -> tuple[float, float]:
        prompt = place(question.prompt_tokens)
        location = self.location.at(*prompt)
        if question.max_tokens is not None:
            location += self.allowance.at(*place(question.max_tokens))
        return location, self.spread.at(*prompt)


def _prediction(location: float, spread: float, *scores: float) -> Prediction:
    return Prediction(*[exp(max(-20.0, min(20.0, location + spread * score))) for score in scores])
