"""The life of one request: from the shim through the layers and back."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from exporter.demo import ml_api
from exporter.demo.conditions import Conditions
from exporter.demo.lookups import SemanticCache
from exporter.demo.model_calls import ModelCall, around, call_model
from exporter.demo.recorder import Recorder
from exporter.demo.sessions import TOOLS, Session
from exporter.demo.shapes import Direction, Event, Span, TraceEvent

_STATUS = {"ok": "success", "error": "error", "timeout": "timeout"}
_PREDICTED_RATIO = 0.25
"""The share of model calls whose duration the ML API is asked for before."""

_CALLS = {"kimi": ("chat_completions",), "glm": ("chat_completions", "generate")}


@dataclass(frozen=True, slots=True)
class Life:
    """All that one request does, and the provider that it waits for, if any."""

    events: list[Event]
    spans: list[Span]
    provider: str | None
    ended_at: float


@dataclass(slots=True)
class Request:
    """One request that starts at `recorder.at`; `number` names it, `trace_id` its trace."""

    number: int
    trace_id: str
    session: Session
    cache: SemanticCache
    recorder: Recorder

    def live(self) -> Life:
        """Everything from its arrival to its answer."""
        rng, recorder, started = self.recorder.rng, self.recorder, self.recorder.at
        tool, call_index = rng.choice(TOOLS), self.session.calls
        with recorder.layer("shim", 2):
            pass
        with recorder.layer("websocket", 4):
            self._arrive()
        with recorder.layer("tool", 6):
            implementation, answered = self._look_up()
        call = None if answered else self._ask_a_model(tool, call_index, implementation)
        with recorder.layer("supabase", 2):
            self._remember()
        refused = recorder.exchange("websocket", "_safe_send", 8, 900)
        error = refused or (call.error if call else None)
        status = "error" if refused else _STATUS[call.outcome if call else "ok"]
        recorder.events.append(self._trace(tool, call_index, started, status, error))
        return Life(recorder.events, recorder.spans, call.model.provider if call else None, recorder.at)

    def _arrive(self) -> None:
        if self.session.calls == 1:
            self.recorder.exchange("websocket", "_ensure_session", 10, 400)
        took_ms = self.recorder.rng.uniform(1, 25)
        self.recorder.crossed("websocket", "receive", "_handle_message", 700, took_ms)

    def _look_up(self) -> tuple[str, bool]:
        implementation = self.cache.pick()
        failure = self.recorder.exchange("redis", "get", 8, 300)
        if not failure and self.recorder.rng.random() < 0.1:
            self.recorder.exchange("redis", "delete", 8, 40)
        event = self.cache.look_up(implementation, self.recorder.at, failure)
        self.recorder.events.append(event)
        return implementation, event["operation"] == "hit"

    def _ask_a_model(self, tool: str, call_index: int, implementation: str) -> ModelCall:
        recorder = self.recorder
        with recorder.layer("provider_selection", 1.5):
            self._predict()
            call = call_model(recorder.rng, recorder.conditions, call_index)
        with recorder.layer("ai_api", 5):
            self._call(call, tool)
        self.session.context_tokens += call.prompt_tokens + call.completion_tokens
        if not call.error and not recorder.exchange("redis", "set", 9, 60):
            recorder.events += self.cache.keep(implementation, recorder.at)
        return call

    def _predict(self) -> None:
        recorder = self.recorder
        if recorder.rng.random() < _PREDICTED_RATIO:
            took_ms = around(recorder.rng, ml_api.PREDICTION_MS)
            recorder.pass_time(took_ms)
            recorder.events += ml_api.predict_for(self.trace_id, recorder.rng, recorder.at, took_ms)

    def _call(self, call: ModelCall, tool: str) -> None:
        recorder, provider = self.recorder, call.model.provider
        if provider == "kimi" and call.request_type == "file_based":
            recorder.crossed(provider, "send", "upload_file", 1200, recorder.rng.uniform(2, 30))
        function = recorder.rng.choice(_CALLS[provider])
        if call.outcome != "error":
            recorder.crossed(provider, "send", function, 4 * call.prompt_tokens, recorder.rng.uniform(2, 30))
        recorder.pass_time(call.duration_ms)
        direction: Direction = "error" if call.error else "receive"
        size = 4 * call.completion_tokens or 250
        recorder.crossed(provider, direction, function, size, call.duration_ms, call.error)
        recorder.called(call, tool, f"req-{self.number:06d}")

    def _remember(self) -> None:
        if self.recorder.rng.random() < 0.5:
            self.recorder.exchange("supabase", "get_conversation", 14, 500)
        self.recorder.exchange("supabase", "save_message", 16, 300)

    def _trace(self, tool: str, call_index: int, started: float, status: str, error: str | None) -> TraceEvent:
        return {
            "kind": "trace",
            "trace_id": self.trace_id,
            "tool_name": tool,
            "conversation_id": self.session.conversation_id,
            "call_index": call_index,
            "start_time": started,
            "end_time": self.recorder.at,
            "status": status,
            "error": error,
            "spans": self.recorder.spans,
        }


def live(
    number: int, session: Session, cache: SemanticCache, conditions: Conditions, rng: Random, started: float
) -> Life:
    """The life of the request that `session` starts at `started` (Unix seconds)."""
    trace_id, recorder = f"{rng.getrandbits(128):032x}", Recorder(rng, conditions, session.conversation_id, started)
    return Request(number, trace_id, session, cache, recorder).live()
