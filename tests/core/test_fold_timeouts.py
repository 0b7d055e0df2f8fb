"""How the fold scores timeouts, and what it lets the learner learn."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from exporter.calls import Estimate, Outcome, Question
from exporter.fold.apply import Fold
from exporter.fold.state import State
from tests.core.examples import T, minimal
from tests.core.harness import folded, view

WOULD_HAVE_GIVEN_S = 10.0


@dataclass
class Recorder:
    """A learner that gives every call ten seconds, and keeps what it is told."""

    told: list[Outcome] = field(default_factory=list)

    def learn(self, outcome: Outcome) -> Estimate:
        self.told.append(outcome)
        question = outcome.question
        return Estimate(
            WOULD_HAVE_GIVEN_S, 0.75, "adaptive", 4.0, (2.0, 8.0), 0.99, len(self.told),
            question.model.lower(), question.request_type, question.provider,
        )  # fmt: skip

    def name_of(self, question: Question) -> str:
        return question.model.lower()

    def take_unsaved(self) -> dict[str, bytes]:
        return {}

    def restore(self, name: str, saved: bytes) -> None:
        raise AssertionError(name, saved)


def call(**fields: Any) -> dict[str, Any]:
    return minimal("duration", model="Kimi-K2", **fields)


def learned(*events: dict[str, Any]) -> tuple[Recorder, dict[Any, Any]]:
    recorder = Recorder()
    found = view(folded(list(events), Fold(State(), learner=recorder)).state)
    return recorder, found


def outcomes(found: dict[Any, Any]) -> dict[str, float]:
    return {
        labels[-1]: value for (name, labels), value in found.items() if name == "exai_timeout_outcomes_total" and value
    }


def test_the_other_outcome_is_shown_before_there_is_one() -> None:
    _, found = learned(call(duration_ms=1_000, estimated_timeout_s=20))
    shown = {labels[-1]: value for (name, labels), value in found.items() if name == "exai_timeout_outcomes_total"}
    assert shown == {"within": 1, "exceeded": 0}


@pytest.mark.parametrize(("duration_ms", "outcome"), [(9_999, "within"), (10_000, "within"), (10_001, "exceeded")])
def test_a_call_without_a_timeout_is_scored_against_the_one_that_it_would_have_got(
    duration_ms: float, outcome: str
) -> None:
    _, found = learned(call(duration_ms=duration_ms))
    assert outcomes(found) == {outcome: 1}
    total, _ = found["kimi_adaptive_timeout_seconds", ("kimi-k2", "shadow")]
    assert total == WOULD_HAVE_GIVEN_S
    ratio, _ = found["kimi_estimate_accuracy_ratio", ("kimi-k2",)]
    assert ratio == pytest.approx(duration_ms / 10_000)


def test_a_timeout_that_the_caller_names_is_the_one_that_counts() -> None:
    _, found = learned(call(duration_ms=15_000, estimated_timeout_s=20, estimate_source="static"))
    assert outcomes(found) == {"within": 1}
    assert found["kimi_adaptive_timeout_seconds", ("kimi-k2", "static")][0] == 20
    assert ("kimi_adaptive_timeout_seconds", ("kimi-k2", "shadow")) not in found


def test_a_call_that_its_own_timeout_cut_off_has_exceeded_it() -> None:
    _, found = learned(call(duration_ms=20_000, estimated_timeout_s=20, outcome="timeout"))
    assert outcomes(found) == {"exceeded": 1}


def test_a_call_that_somebody_cut_off_before_we_would_have_is_not_scored() -> None:
    recorder, found = learned(call(duration_ms=3_000, outcome="timeout"))
    assert outcomes(found) == {}
    assert [outcome.cut_off for outcome in recorder.told] == [True]


def test_a_call_that_hung_past_what_we_would_have_given_has_exceeded_it() -> None:
    _, found = learned(call(duration_ms=300_000, outcome="timeout"))
    assert outcomes(found) == {"exceeded": 1}


def test_a_failed_call_is_neither_learned_nor_scored() -> None:
    recorder, found = learned(call(duration_ms=20, outcome="error", estimated_timeout_s=20))
    assert recorder.told == []
    assert outcomes(found) == {}
    assert ("kimi_estimate_accuracy_ratio", ("kimi-k2",)) not in found


def test_the_learner_is_told_what_was_known_before_the_call() -> None:
    known = {"prompt_tokens": 100, "max_tokens": 900, "request_type": "file_based"}
    recorder, _ = learned(call(**known, completion_tokens=50, time_to_first_token_ms=10))
    (told,) = recorder.told
    question = told.question
    assert (question.prompt_tokens, question.max_tokens, question.request_type) == (100, 900, "file_based")
    assert (question.model, question.provider) == ("Kimi-K2", "kimi")
    assert (told.duration_s, told.ended_at) == (1.5, T)


def test_the_newest_estimate_is_shown_as_gauges() -> None:
    _, found = learned(call(), call(timestamp=T + 1))
    key = ("kimi-k2", "text_only")
    assert found["exai_timeout_seconds", key][0] == WOULD_HAVE_GIVEN_S
    assert found["exai_timeout_confidence_ratio", key][0] == 0.75
    assert found["exai_timeout_samples", key][0] == 2


def test_a_repeat_of_a_call_is_learned_once() -> None:
    recorder, _ = learned(call(event_id="e-1"), call(event_id="e-1"))
    assert len(recorder.told) == 1


def test_a_call_that_failed_is_told_under_the_same_name_as_others() -> None:
    _, found = learned(
        call(duration_ms=9, outcome="error", estimated_timeout_s=20, estimate_source="static", error="429"),
        call(duration_ms=9_000, estimated_timeout_s=20, estimate_source="static"),
    )
    total, _ = found["kimi_adaptive_timeout_seconds", ("kimi-k2", "static")]
    assert total == 40
