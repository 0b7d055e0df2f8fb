"""The life of one request: from the shim through the layers and back."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from exporter.demo import call_sites as sites
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

_WRAPPED_RATIO = 0.2
"""The share of kimi's calls that `ask` makes, which records them once more."""
_REFUSED_RATIO = 0.01
_TTL_S = 3600


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
        refused = recorder.attempt(sites.SEND, "send", 8, 900, {"timestamp": sites.shown(recorder.at)})
        error = refused or (call.error if call else None)
        status = "error" if refused else _STATUS[call.outcome if call else "ok"]
        provider = call.model.provider if call else None
        recorder.events.append(self._trace(tool, call_index, provider, started, status, error))
        return Life(recorder.events, recorder.spans, provider, recorder.at)

    def _arrive(self) -> None:
        recorder = self.recorder
        written_at = {"timestamp": sites.shown(recorder.at)}
        client = {"client_ip": "127.0.0.1", "client_port": recorder.rng.randrange(32_768, 61_000)}
        if self.session.calls == 1:
            connection = {"connection_id": f"conn-{self.number}"}
            recorder.record(sites.SERVE, "connect", 0, None, {**client, **connection, **written_at})
        if recorder.rng.random() < _REFUSED_RATIO:
            recorder.record(sites.SERVE, "reject", 0, None, {**client, "reason": "limit", **written_at})
        if recorder.rng.random() < _REFUSED_RATIO:
            recorder.record(sites.SERVE, "rate_limit", 10, None, {"reason": "messages a minute"})
        recorder.record(sites.HANDLE, "receive", 700, recorder.rng.uniform(1, 25), written_at)

    def _look_up(self) -> tuple[str, bool]:
        implementation = self.cache.pick()
        key = self._thread()
        sizes = {"request_size": len(key), "response_size": 300}
        metadata = {"key": key, "hit": self.session.calls > 1, **sizes, "timestamp": sites.shown(self.recorder.at)}
        failure = self.recorder.attempt(sites.GET, "receive", 8, 300, metadata)
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
        if not call.error and not self._store():
            recorder.events += self.cache.keep(implementation, recorder.at)
        return call

    def _store(self) -> str | None:
        metadata = {"key": self._thread(), "ttl": _TTL_S, "timestamp": sites.shown(self.recorder.at)}
        return self.recorder.attempt(sites.SET, "send", 9, 60, metadata)

    def _thread(self) -> str:
        return f"thread:{self.session.conversation_id}"

    def _predict(self) -> None:
        recorder = self.recorder
        if recorder.rng.random() < _PREDICTED_RATIO:
            took_ms = around(recorder.rng, ml_api.PREDICTION_MS)
            recorder.pass_time(took_ms)
            recorder.events += ml_api.predict_for(self.trace_id, recorder.rng, recorder.at, took_ms)

    def _call(self, call: ModelCall, tool: str) -> None:
        recorder, provider = self.recorder, call.model.provider
        recorder.pass_time(call.duration_ms)
        # Before the gateway's own event: from the first of these on, a model counts from them alone.
        if call.model.instrumented:
            recorder.called(call, tool, f"req-{self.number:06d}")
        direction: Direction = "error" if call.error else "receive"
        size = 4 * call.completion_tokens or 100
        site = recorder.rng.choice(sites.MODEL_CALLS[provider])
        recorder.record(site, direction, size, call.duration_ms, self._described(site, call), call.error)
        if provider == "kimi" and recorder.rng.random() < _WRAPPED_RATIO:
            ended: Direction = "error" if call.error else "success"
            recorder.record(sites.ASK, ended, 150, call.duration_ms, {}, call.error)

    def _described(self, site: sites.CallSite, call: ModelCall) -> sites.Metadata:
        tokens = 0 if call.error else call.prompt_tokens + call.completion_tokens
        conversation, failed = self.session.conversation_id, bool(call.error)
        return sites.model_call(site, call.model.name, tokens, conversation, failed=failed, at=self.recorder.at)

    def _remember(self) -> None:
        metadata = {"request_size": 120, "timestamp": sites.shown(self.recorder.at)}
        if self.recorder.rng.random() < 0.5:
            self.recorder.attempt(sites.LOAD, "receive", 14, 500, metadata)
        self.recorder.attempt(sites.SAVE, "send", 16, 300, metadata)

    def _trace(
        self, tool: str, call_index: int, provider: str | None, started: float, status: str, error: str | None
    ) -> TraceEvent:
        return {
            "kind": "trace",
            "trace_id": self.trace_id,
            "tool_name": tool,
            "conversation_id": self.session.conversation_id,
            "call_index": call_index,
            "provider": provider,
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
    trace_id, recorder = f"{rng.getrandbits(128):032x}", Recorder(rng, conditions, session, started)
    life = Request(number, trace_id, session, cache, recorder).live()
    session.busy_until = life.ended_at
    return life
