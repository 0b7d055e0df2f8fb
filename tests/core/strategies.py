"""Random wire events of every kind, from few label values, so that they meet."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.core.examples import T

names = st.sampled_from(
    [
        "kimi", "glm", "redis", "", "日本 café", 'a"b\\c{}=', "line\nbreak", "tab\t", "no\u00a0break", "東京\u3000支社",
        "👩\u200d💻", "\u202eright", "x" * 128, "x" * 129,
    ]
)  # fmt: skip
texts = st.none() | names
times = st.integers(0, 5000).map(lambda seconds: T + seconds)
amounts = st.none() | st.sampled_from([0, 0.5, 1, 2.5, 999, 1000, 60_000, 600_000, 700_000.25]) | st.floats(0, 1e6)
counts = st.none() | st.integers(0, 2**53)
error_texts = st.sampled_from(
    [None, "", "TimeoutError: slow", "a.b_C : x", "no colon", "two words: x", ": x", "é1:", "\n"]
)
event_ids = st.none() | st.integers(0, 9).map("id-{}".format)


def _event(kind: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"kind": st.just(kind), "event_id": event_ids, **fields})


connections = _event(
    "connection",
    connection_type=names,
    direction=st.sampled_from([
        "send", "receive", "error", "inbound", "outbound", "duration_recorded", "success", "connect", "reject",
        "rate_limit",
    ]),
    timestamp=times, script_name=texts, function_name=texts, data_size_bytes=counts, response_time_ms=amounts,
    error=error_texts, error_type=st.sampled_from([None, None, "ValueError", "bad\ntype"]),
)  # fmt: skip
caches = _event(
    "cache",
    operation=st.sampled_from(["hit", "miss", "set", "evict", "error"]), implementation=names, timestamp=times,
    response_time_ms=amounts, cache_size=counts, similarity=st.none() | st.floats(0, 1),
    error_type=st.sampled_from([None, "", "ConnectionError"]),
)  # fmt: skip
durations = _event(
    "duration",
    model=st.sampled_from(["kimi-k2", "Moonshot-v1", "glm-4", "zhipu", "gpt", "", "a\nb"]),
    duration_ms=amounts.filter(lambda value: value is not None), timestamp=times, provider=texts,
    prompt_tokens=counts, completion_tokens=counts, request_type=texts,
    estimated_timeout_s=st.none() | st.sampled_from([0, 0.001, 0.5, 60, 600]),
    estimate_source=texts, time_to_first_token_ms=amounts, outcome=st.sampled_from(["ok", "error", "timeout"]),
    operation=names,
)  # fmt: skip
spans = st.builds(
    lambda layer, start, length: {"layer": layer, "start_time": start, "end_time": start + length},
    st.sampled_from(["shim", "websocket", "tool", "provider_selection", "ai_api", "supabase"]),
    times,
    st.sampled_from([0, 0.5, 1.0, 30.0, 700.5]),
)
traces = st.builds(
    lambda event, length: {**event, "end_time": event["start_time"] + length},
    _event(
        "trace", trace_id=names, tool_name=names, start_time=times, status=st.sampled_from(["ok", "error", "a\nb"]),
        spans=st.lists(spans, max_size=4), call_index=st.none() | st.integers(1, 9),
        conversation_id=st.sampled_from([None, "c1", "c2"]), provider=st.sampled_from([None, "kimi", "glm", "a\nb"]),
    ),
    st.sampled_from([0, 0.25, 1.0, 700.0]),
)  # fmt: skip
https = _event(
    "http",
    service=names, route=names, method=st.sampled_from(["GET", "POST"]), status=st.sampled_from([200, 404, 500]),
    duration_ms=amounts.filter(lambda value: value is not None), timestamp=times, trace_id=texts,
)  # fmt: skip
predictions = _event(
    "prediction",
    service=names, model=names, timestamp=times, absolute_error=st.none() | st.floats(0, 200),
    confidence=st.none() | st.floats(0, 1), r2=st.none() | st.floats(-2, 1), baseline_mae=st.none() | st.floats(0, 9),
)  # fmt: skip


def _gauges(subject: str, **values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return _event(
        "gauge", subject=st.just(subject), instance=st.sampled_from(["gw1", "gw2", ""]), timestamp=times,
        values=st.fixed_dictionaries({}, optional=values),
    )  # fmt: skip


gauges = st.one_of(
    _gauges("session", active_sessions=counts, conversation_length=counts),
    _gauges(
        "websocket", current_ping_ms=amounts, reconnection_count=counts, status=st.sampled_from(["connected", "stale"])
    ),
    _gauges("process", service=texts, cpu_ratio=st.floats(0, 1), memory_bytes=counts),
    _gauges("pool", name=texts, active=counts, idle=counts),
    _gauges("request", in_flight=st.dictionaries(st.sampled_from(["tool", "ai_api"]), st.integers(0, 99))),
)

events = st.one_of(connections, caches, durations, traces, https, predictions, gauges)
batches = st.lists(events, max_size=40)
