"""Timeouts that keep their promise: at most 1 % of the calls that would have succeeded are cut off."""

from __future__ import annotations

from functools import lru_cache
from threading import Lock
from typing import Any, NamedTuple

from exporter.calls import Estimate, EstimateSource, Outcome, Question, normalised, provider_of
from exporter.timeout_settings import TimeoutSettings
from exporter.timeouts import prior, saved
from exporter.timeouts.confidence import confidence
from exporter.timeouts.learned import Learned, Prediction
from exporter.timeouts.policy import Policy, policy_for

_POOLED_EVERY = 8
_ALL_POOLED_BELOW = 100
_TYPICAL = Question("")

Key = tuple[str, str, str]
"""Model, request type, provider of what is learned apart; a pool has no model, the pool of a provider no type."""


class _Names(NamedTuple):
    model: str
    request_type: str
    provider: str
    policy: Policy

    @property
    def key(self) -> Key:
        return self.model, self.request_type, ""

    @property
    def pools(self) -> tuple[Key, Key]:
        return ("", self.request_type, self.provider), ("", "", self.provider)


class Estimator:
    """Learns from calls in the order in which they come; the same calls in the same order give the same answers.

    Every method may be called from any thread.
    """

    def __init__(self, settings: TimeoutSettings) -> None:
        self._settings = settings
        self._lock = Lock()
        self._learned: dict[Key, Learned] = {}
        self._providers: dict[Key, str] = {}
        self._models = 0
        self._unsaved: set[Key] = set()
        self._names = lru_cache(maxsize=4096)(self._named)

    def estimate(self, question: Question) -> Estimate:
        """The timeout for a call that is going to be made."""
        names = self._names(question.model, question.request_type, question.provider)
        with self._lock:
            learned = self._learned.get(names.key)
            prediction = learned.predict(question, question.quantile) if learned and learned.samples else None
            return self._answer(names, question, learned, prediction)

    def name_of(self, question: Question) -> str:
        """Return the name under which the model's timeouts are known: its versions share one."""
        return self._names(question.model, question.request_type, question.provider).model

    def learn(self, outcome: Outcome) -> Estimate:
        """Learns from a call; returns what it would have been given at its start.

        A duration that is not positive, or above `max_duration_s`, is not learned.
        """
        question = outcome.question
        names = self._names(question.model, question.request_type, question.provider)
        with self._lock:
            learned = self._learned.get(names.key)
            prediction = None
            if learned and learned.samples:
                prediction = learned.predict_at(question, outcome.ended_at - outcome.duration_s)
            answer = self._answer(names, question, learned, prediction)
            if 0.0 < outcome.duration_s <= self._settings.max_duration_s:
                self._learn(names, outcome, learned, answer.timeout_s)
            return answer

    def states(self) -> list[dict[str, Any]]:
        """What is known of every model, for a prompt whose tokens are not known."""
        with self._lock:
            keys = sorted(key for key in self._learned if key[0])
            return [self._state(key) for key in keys]

    def take_unsaved(self) -> dict[str, bytes]:
        """The states that have changed since the last call, by name."""
        with self._lock:
            taken = {"\t".join(key): saved.dump(self._learned[key], self._providers[key]) for key in self._unsaved}
            self._unsaved.clear()
            return taken

    def restore(self, name: str, state: bytes) -> None:
        """Takes a saved state back.

        Raises:
            ValueError: it is not one.
        """
        model, request_type, provider = name.split("\t")
        key = (model, request_type, provider)
        learned, learned_provider = saved.load(state)
        with self._lock:
            self._models += bool(model) and key not in self._learned
            self._learned[key], self._providers[key] = learned, learned_provider

    def _named(self, model: str, request_type: str, provider: str) -> _Names:
        model = normalised(model)
        provider = provider.lower() or provider_of(model)
        return _Names(model, request_type, provider, policy_for(self._settings, model, provider))

    def _learn(self, names: _Names, outcome: Outcome, learned: Learned | None, timeout_s: float) -> None:
        target = 1.0 - names.policy.quantile
        if learned is None and self._models < self._settings.most_models:
            learned = self._added(names.key, names.provider, prior.child(self._pool(names)))
            self._models += 1
        if learned is not None:
            learned.learn(outcome, timeout_s, target)
            self._unsaved.add(names.key)
        if learned is None or learned.calls <= _ALL_POOLED_BELOW or learned.calls % _POOLED_EVERY == 0:
            for key in names.pools:
                pool = self._learned.get(key) or self._added(key, names.provider, Learned())
                pool.learn(outcome, timeout_s, target)
                self._unsaved.add(key)

    def _added(self, key: Key, provider: str, learned: Learned) -> Learned:
        self._learned[key], self._providers[key] = learned, provider
        return learned

    def _pool(self, names: _Names) -> Learned | None:
        pools = (self._learned.get(key) for key in names.pools)
        return next((pool for pool in pools if pool and pool.samples >= prior.LEAST), None)

    def _answer(self, names: _Names, question: Question, learned: Learned | None, known: Prediction | None) -> Estimate:
        policy = names.policy
        samples = learned.samples if learned else 0
        pool = self._pool(names) if samples < prior.FORGOTTEN_AT else None
        pooled = pool.predict(question, question.quantile) if pool else None
        best = prior.blended(known, samples, pooled, policy.static_s)
        timeout_s, source = best.timeout_s, self._source(samples, pooled)
        if learned and learned.is_lost:
            timeout_s = max(timeout_s, policy.static_s)
        timeout_s = min(max(timeout_s, policy.floor_s), policy.ceiling_s)
        if policy.emergency_s is not None:
            timeout_s, source = policy.emergency_s, "emergency"
        coverage = learned.conformal.coverage if learned and learned.conformal.calls else None
        interval = (best.low_s, best.high_s)
        sure = confidence(samples, interval, coverage, question.quantile or policy.quantile)
        return Estimate(
            timeout_s,
            0.0 if learned and learned.is_lost else sure,
            source,
            best.median_s,
            interval,
            coverage,
            samples,
            names.model,
            names.request_type,
            names.provider,
        )

    @staticmethod
    def _source(samples: int, pooled: Prediction | None) -> EstimateSource:
        return "adaptive" if samples or pooled else "static"

    def _state(self, key: Key) -> dict[str, Any]:
        model, request_type, _ = key
        learned, provider = self._learned[key], self._providers[key]
        names = self._names(model, request_type, provider)
        question = Question(model, request_type, provider)
        answer = self._answer(names, question, learned, learned.predict(question) if learned.samples else None)
        return {
            "model": model,
            "request_type": request_type,
            "provider": provider,
            "timeout_s": answer.timeout_s,
            "source": answer.source,
            "confidence": answer.confidence,
            "samples": answer.samples,
            "coverage": answer.coverage,
            "expected_duration_s": answer.expected_duration_s,
            "interval": list(answer.interval),
            "learned_at": learned.learned_at,
        }
