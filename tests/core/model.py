"""The counters and histograms of a list of wire events, counted naively: what the fold must agree with."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

from exporter.conventions import FAMILIES
from tests.core.examples import NOW

SPACES_AND_JOINERS = "\u00a0\u3000\u200d"
"""Of those that a label may hold, what `strategies.names` brings."""

Labels = tuple[str, ...]
Event = dict[str, Any]


class Model:
    """Plain dictionaries: counts by family and labels, and every observation of each histogram."""

    def __init__(self) -> None:
        self.counters: Counter[tuple[str, Labels]] = Counter()
        self.observed: dict[tuple[str, Labels], list[float]] = {}
        self._ids: set[str] = set()
        self._first_calls: dict[str, tuple[str, dict[str, float]]] = {}

    def take(self, events: Iterable[Event], source: str = "http", received: float = NOW) -> None:
        """Count events; an id that came before does not count."""
        for event in events:
            if event.get("event_id") in self._ids:
                self.count("exai_exporter_events_duplicate_total", source)
                continue
            if event.get("event_id") is not None:
                self._ids.add(event["event_id"])
            self.count("exai_exporter_events_ingested_total", source, event["kind"])
            if event["kind"] != "gauge":
                at = event["end_time" if event["kind"] == "trace" else "timestamp"]
                self.observe("exai_exporter_event_age_seconds", max(0.0, received - at), source)
            getattr(self, f"_{event['kind']}", lambda _: None)(event)

    def count(self, family: str, *labels: str, amount: int = 1) -> None:
        self.counters[family, labels] += amount

    def observe(self, family: str, value: float, *labels: str) -> None:
        self.observed.setdefault((family, labels), []).append(value)

    def buckets(self, key: tuple[str, Labels]) -> tuple[int, ...]:
        """How many observations lie in each bucket, upper bounds included, the rest in the last."""
        bounds = FAMILIES[key[0]].buckets
        found = [0] * (len(bounds) + 1)
        for value in self.observed[key]:
            found[next((i for i, bound in enumerate(bounds) if value <= bound), len(bounds))] += 1
        return tuple(found)

    def _connection(self, event: Event) -> None:
        kind, script, function = (label(event[f]) for f in ("connection_type", "script_name", "function_name"))
        direction = {"inbound": "receive", "outbound": "send"}.get(event["direction"], event["direction"])
        self.count("exai_connection_events_total", kind, direction, script, function)
        if event["error"] or direction == "error":
            cause = label(event["error_type"]) if event["error_type"] else _cause(event["error"])
            self.count("exai_connection_errors_total", kind, script, function, cause)
        if outcome := _outcome(direction, event):
            self.count("exai_connection_operations_total", kind, function, outcome)
        if direction != "duration_recorded":
            if event["data_size_bytes"]:
                self.count("exai_connection_bytes_total", kind, direction, amount=event["data_size_bytes"])
            if event["response_time_ms"] is not None:
                seconds = event["response_time_ms"] / 1000
                self.observe("exai_connection_response_seconds", seconds, kind, function)

    def _cache(self, event: Event) -> None:
        implementation, operation = label(event["implementation"]), event["operation"]
        self.count("exai_cache_operations_total", implementation, operation)
        if event["response_time_ms"] is not None:
            self.observe("exai_cache_response_seconds", event["response_time_ms"] / 1000, implementation, operation)
        if event["similarity"] is not None:
            self.observe("exai_cache_similarity_ratio", event["similarity"], implementation, operation)
        if operation == "error" or event["error_type"]:
            self.count("exai_cache_errors_total", implementation, label(event["error_type"]))

    def _duration(self, event: Event) -> None:
        model, seconds = label(event["model"]), event["duration_ms"] / 1000
        provider = label(event["provider"]) if event["provider"] else _provider(event["model"])
        call = (label(event["operation"]), provider, model)
        error = "" if event["outcome"] == "ok" else event["outcome"]
        self.observe("gen_ai_client_operation_duration_seconds", seconds, *call, error)
        for field, token_type in (("prompt_tokens", "input"), ("completion_tokens", "output")):
            if event[field]:
                self.observe("gen_ai_client_token_usage", event[field], *call, token_type)
        if event["time_to_first_token_ms"] is not None:
            first = event["time_to_first_token_ms"] / 1000
            self.observe("gen_ai_client_operation_time_to_first_chunk_seconds", first, *call)
        if event["estimated_timeout_s"]:
            self._timeout(event, model, seconds)

    def _timeout(self, event: Event, model: str, seconds: float) -> None:
        timeout = event["estimated_timeout_s"]
        self.observe("kimi_adaptive_timeout_seconds", timeout, model, label(event["estimate_source"]))
        if event["outcome"] == "error":
            return
        self.observe("kimi_estimate_accuracy_ratio", seconds / timeout, model)
        outcome = "exceeded" if seconds > timeout or event["outcome"] == "timeout" else "within"
        for each in ("within", "exceeded"):
            labels = (model, label(event["request_type"] or "text_only"), each)
            self.counters["exai_timeout_outcomes_total", labels] += each == outcome

    def _trace(self, event: Event) -> None:
        tool, status = label(event["tool_name"]), label(event["status"])
        self.count("exai_requests_total", tool, status)
        self.observe("exai_request_duration_seconds", event["end_time"] - event["start_time"], tool, status)
        for span in event["spans"]:
            seconds = span["end_time"] - span["start_time"]
            self.observe("exai_layer_duration_seconds", seconds, span["layer"], tool)
            if event["call_index"]:
                call = str(event["call_index"]) if event["call_index"] < 5 else "5+"
                self.observe("exai_call_duration_seconds", seconds, call, span["layer"])
        if event["call_index"] and event["conversation_id"] and event["status"] != "error":
            self._slowdown(event, tool)

    def _slowdown(self, event: Event, tool: str) -> None:
        conversation, number, provider = event["conversation_id"], event["call_index"], label(event["provider"])
        layers = {span["layer"] for span in event["spans"]}
        seconds = {
            layer: sum(span["end_time"] - span["start_time"] for span in event["spans"] if span["layer"] == layer)
            for layer in layers
        }
        if number == 1:
            self._first_calls.setdefault(conversation, (provider, seconds))
            return
        of, first = self._first_calls.get(conversation, (None, {}))
        for layer in layers & first.keys():
            if of == provider and first[layer]:
                call = str(number) if number < 5 else "5+"
                self.observe("exai_call_slowdown_ratio", seconds[layer] / first[layer], call, layer, tool, provider)

    def _http(self, event: Event) -> None:
        labels = (label(event["service"]), label(event["route"]), event["method"], str(event["status"]))
        self.count("exai_http_requests_total", *labels)
        self.observe("exai_http_request_duration_seconds", event["duration_ms"] / 1000, *labels)

    def _prediction(self, event: Event) -> None:
        labels = (label(event["service"]), label(event["model"]))
        self.count("exai_model_predictions_total", *labels)
        if event["absolute_error"] is not None:
            self.observe("exai_model_absolute_error", event["absolute_error"], *labels)


def label(value: str | None) -> str:
    """1 to 128 printable characters, or the word for what it is not."""
    if not value:
        return "unknown"
    shown = all(each.isprintable() or each in SPACES_AND_JOINERS for each in value)
    return value if shown and len(value) <= 128 else "invalid"


def _outcome(direction: str, event: Event) -> str:
    """The outcome of the operation that a connection event ends; empty where it ends none."""
    if direction == "duration_recorded":
        return ""
    if direction in ("reject", "rate_limit"):
        return "refused"
    if direction == "error" or event["error"]:
        return "error"
    return "ok" if event["response_time_ms"] is not None or direction in ("receive", "success", "connect") else ""


def _cause(text: str | None) -> str:
    """The identifier before the first colon."""
    before, colon, _ = (text or "").partition(":")
    return before.strip() if colon and re.fullmatch(r"[A-Za-z_][\w.]*", before.strip()) else "unknown"


def _provider(model: str) -> str:
    lowered = model.lower()
    if any(word in lowered for word in ("kimi", "k2", "moonshot")):
        return "kimi"
    return "glm" if any(word in lowered for word in ("glm", "zhipu")) else "unknown"
