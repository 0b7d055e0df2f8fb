"""A request through its layers, by the seed's three calls, by blocks, and by decorators."""

from __future__ import annotations

import asyncio
import os
import threading
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from exporter.client.call_index import CallIndex
from exporter.client.request_tracer import RequestTracer
from exporter.client.traceparent import TraceParent, current
from exporter.client.traces import LAYERS, MOST_SPANS, layer_named
from tests.client.doubles import Broken, Memory, child_succeeds, fork
from tests.client.test_traceparent import HEADER, SPAN, TRACE
from tests.servers import ROOT

NOW = 1_760_000_000.0
_MODEL_CALL = {"gen_ai.request.model": "kimi-k2", "gen_ai.provider.name": "moonshot"}


class Clock:
    """A second passes each time that somebody looks."""

    def __init__(self) -> None:
        self.now = NOW - 1

    def __call__(self) -> float:
        self.now += 1
        return self.now


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def tracer(memory: Memory) -> RequestTracer:
    return RequestTracer(memory, clock=Clock())


def layers(event: dict[str, Any]) -> list[str]:
    return [span["layer"] for span in event["spans"]]


class TestTheSeedsCalls:
    def test_a_trace_is_recorded_when_it_is_completed(self, tracer: RequestTracer, memory: Memory) -> None:
        trace = tracer.start_trace("req-1", "chat", {"prompt": "a secret"})
        tracer.add_span("req-1", "websocket", NOW, NOW + 0.25, {"port": 8079})
        tracer.add_span("req-1", "ai_api", NOW + 0.25, NOW + 1)
        assert memory.events == []
        tracer.complete_trace("req-1")
        event = memory.only()
        assert len(event.pop("span_id")) == 16
        assert event == {
            "kind": "trace",
            "trace_id": "req-1",
            "tool_name": "chat",
            "start_time": NOW,
            "end_time": NOW + 1,
            "status": "success",
            "spans": [
                {"layer": "websocket", "start_time": NOW, "end_time": NOW + 0.25, "metadata": {"port": 8079}},
                {"layer": "ai_api", "start_time": NOW + 0.25, "end_time": NOW + 1},
            ],
        }
        assert (trace["total_duration_ms"], trace["error"]) == (1000, None)

    def test_what_is_returned_is_the_seeds_trace(self, tracer: RequestTracer) -> None:
        trace = tracer.start_trace("req-1", "chat", {"prompt": "hello"})
        tracer.add_span("req-1", "tool", NOW, NOW + 2)
        assert tracer.active_traces == {"req-1": trace}
        seed = {"trace_id", "tool_name", "parameters", "start_time", "spans", "status"}
        assert {key: trace[key] for key in seed - {"spans"}} == {
            "trace_id": "req-1",
            "tool_name": "chat",
            "parameters": {"prompt": "hello"},
            "start_time": NOW,
            "status": "active",
        }
        span = trace["spans"][0]
        assert (span["layer"], span["duration_ms"], span["metadata"]) == ("tool", 2000, {})
        tracer.complete_trace("req-1")
        assert tracer.active_traces == {}

    def test_an_error_keeps_its_type_and_message(self, tracer: RequestTracer, memory: Memory) -> None:
        tracer.start_trace("req-1", "chat", None)
        tracer.complete_trace("req-1", status="error", error=KeyError("model"))
        assert (memory.only()["status"], memory.only()["error"]) == ("error", "KeyError: 'model'")

    def test_a_trace_is_recorded_once(self, tracer: RequestTracer, memory: Memory) -> None:
        tracer.start_trace("req-1", "chat")
        for _ in range(3):
            tracer.complete_trace("req-1")
        tracer.complete_trace("never started")
        tracer.add_span("never started", "tool", NOW, NOW)
        assert len(memory.events) == 1

    def test_a_clock_that_is_set_back_spoils_nothing(self, memory: Memory) -> None:
        times = iter((NOW, NOW - 10))
        tracer = RequestTracer(memory, clock=lambda: next(times))
        tracer.start_trace("req-1", "chat")
        tracer.add_span("req-1", "tool", NOW, NOW - 5)
        tracer.complete_trace("req-1")
        event = memory.only()
        assert event["end_time"] == NOW
        assert event["spans"][0]["end_time"] == NOW

    @pytest.mark.parametrize(
        "span",
        [
            ("kitchen", NOW, NOW),
            ("tool", "noon", NOW),
            ("tool", float("nan"), NOW),
            ("tool", NOW, float("inf")),
            (None, NOW, NOW),
        ],
    )
    def test_a_span_that_is_none_is_left_out(self, tracer: RequestTracer, memory: Memory, span: Any) -> None:
        tracer.start_trace("req-1", "chat")
        tracer.add_span("req-1", *span)
        tracer.complete_trace("req-1")
        assert memory.only()["spans"] == []

    def test_metadata_that_json_does_not_know_becomes_text(self, tracer: RequestTracer, memory: Memory) -> None:
        tracer.start_trace("req-1", "chat", metadata={"where": ROOT, "n": 1})
        tracer.start_trace("req-2", "chat", metadata={"n": float("nan")})
        tracer.complete_trace("req-1")
        tracer.complete_trace("req-2")
        first, second = memory.taken()
        assert first["metadata"] == {"where": str(ROOT), "n": 1}
        assert second["metadata"] == {"n": None}

    def test_traces_that_never_end_are_given_up_and_counted(self, memory: Memory) -> None:
        tracer = RequestTracer(memory, most=3)
        for number in range(5):
            tracer.start_trace(f"req-{number}", "chat")
        assert (set(tracer.active_traces), tracer.abandoned) == ({"req-2", "req-3", "req-4"}, 2)

    def test_spans_are_bounded(self, tracer: RequestTracer, memory: Memory) -> None:
        tracer.start_trace("req-1", "chat")
        for _ in range(MOST_SPANS + 5):
            tracer.add_span("req-1", "tool", NOW, NOW)
        tracer.complete_trace("req-1")
        assert len(memory.only()["spans"]) == MOST_SPANS

    @pytest.mark.parametrize(
        ("written", "layer"),
        [
            *((layer, layer) for layer in LAYERS),
            ("Shim Layer", "shim"),
            ("AI API Layer", "ai_api"),
            ("Provider-Selection", "provider_selection"),
            ("daemon", "websocket"),
            ("storage", "supabase"),
            ("", None),
        ],
    )
    def test_layers_are_known_by_the_names_that_people_write(self, written: str, layer: str | None) -> None:
        assert layer_named(written) == layer


class TestBlocks:
    def test_a_block_is_a_request_and_blocks_in_it_are_layers(self, tracer: RequestTracer, memory: Memory) -> None:
        with tracer.trace("chat", conversation_id="c1") as trace:
            with tracer.span("provider_selection"):
                pass
            with tracer.span("ai_api", {"model": "kimi-k2"}):
                assert current.get() != trace["span_id"]
        event = memory.only()
        assert layers(event) == ["provider_selection", "ai_api"]
        assert (event["status"], event["conversation_id"], event["call_index"]) == ("success", "c1", 1)
        assert event["start_time"] < event["spans"][0]["start_time"] < event["spans"][1]["end_time"] < event["end_time"]
        assert current.get() is None

    @pytest.mark.parametrize(
        ("raised", "status"),
        [
            (ValueError, "error"),
            (TimeoutError, "timeout"),
            (asyncio.CancelledError, "cancelled"),
            (KeyboardInterrupt, "cancelled"),
        ],
    )
    def test_what_is_raised_is_recorded_and_goes_on(
        self, tracer: RequestTracer, memory: Memory, raised: type[BaseException], status: str
    ) -> None:
        error = raised("no luck")
        with pytest.raises(raised) as found, tracer.trace("chat"), tracer.span("ai_api"):
            raise error
        assert found.value is error
        event = memory.only()
        assert (event["status"], event["error"], layers(event)) == (status, f"{raised.__name__}: no luck", ["ai_api"])
        assert tracer.in_flight.values() == {"in_flight": {"ai_api": 0}}

    def test_a_layer_outside_of_any_request_is_still_in_flight(self, tracer: RequestTracer, memory: Memory) -> None:
        with tracer.span("shim"), tracer.span("shim"), tracer.span("tool"):
            assert tracer.in_flight.values() == {"in_flight": {"shim": 2, "tool": 1}}
        assert tracer.in_flight.values() == {"in_flight": {"shim": 0, "tool": 0}}
        assert memory.events == []

    def test_another_thread_names_the_trace(self, tracer: RequestTracer, memory: Memory) -> None:
        def store(trace_id: str) -> None:
            with tracer.span("supabase", trace_id=trace_id):
                pass

        with tracer.trace("chat", request_id="req-1") as trace, ThreadPoolExecutor(1) as pool:
            pool.submit(store, trace["trace_id"]).result()
        assert layers(memory.only()) == ["supabase"]

    @pytest.mark.parametrize("trace_id", ["never started", ["x"], ""])
    def test_a_layer_of_an_unknown_trace_is_nobodys(self, tracer: RequestTracer, memory: Memory, trace_id: Any) -> None:
        with tracer.trace("chat"), tracer.span("supabase", trace_id=trace_id):
            pass
        assert layers(memory.only()) == []

    def test_requests_of_many_threads_do_not_mix(self, memory: Memory) -> None:
        tracer = RequestTracer(memory)
        gate = threading.Barrier(8)

        def serve(number: int) -> None:
            gate.wait()
            for _ in range(50):
                with tracer.trace(f"tool-{number}"), tracer.span(LAYERS[number % 6]):
                    pass

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(serve, range(8)))
        assert len(memory.taken()) == 400
        assert all(layers(event) == [LAYERS[int(event["tool_name"][5:]) % 6]] for event in memory.events)
        assert set(tracer.in_flight.values()["in_flight"].values()) == {0}

    def test_requests_of_many_tasks_do_not_mix(self, tracer: RequestTracer, memory: Memory) -> None:
        async def serve(number: int) -> None:
            with tracer.trace(f"tool-{number}"):
                await asyncio.sleep(0)
                with tracer.span(LAYERS[number % 6]):
                    await asyncio.sleep(0)

        async def all_of_them() -> None:
            await asyncio.gather(*map(serve, range(20)))

        asyncio.run(all_of_them())
        assert all(layers(event) == [LAYERS[int(event["tool_name"][5:]) % 6]] for event in memory.taken())


class TestPropagation:
    def test_a_request_continues_the_trace_that_its_header_tells(self, tracer: RequestTracer, memory: Memory) -> None:
        with tracer.trace("chat", traceparent=HEADER):
            sent = TraceParent.parse(tracer.traceparent())
        event = memory.only()
        assert sent == TraceParent(TRACE, event["span_id"])
        assert (event["trace_id"], event["parent_span_id"]) == (TRACE, SPAN)

    def test_an_invalid_header_begins_a_new_trace(self, tracer: RequestTracer, memory: Memory) -> None:
        with tracer.trace("chat", traceparent=HEADER[:-1]):
            assert TraceParent.parse(tracer.traceparent())
        assert "parent_span_id" not in memory.only()

    def test_the_next_process_hangs_below_the_layer_that_called_it(self, tracer: RequestTracer) -> None:
        with tracer.trace("chat") as trace:
            with tracer.span("ai_api"):
                sent = TraceParent.parse(tracer.traceparent())
            assert sent
            assert sent.trace_id == trace["trace_id"]
            assert sent.span_id == trace["spans"][0]["span_id"]
        assert tracer.traceparent() == ""

    def test_a_decision_not_to_sample_is_handed_on(self, tracer: RequestTracer) -> None:
        with tracer.trace("chat", traceparent=HEADER[:-2] + "00"):
            assert tracer.traceparent().endswith("-00")

    def test_a_requests_own_id_stays_with_it(self, tracer: RequestTracer, memory: Memory) -> None:
        name = str(uuid.uuid4())
        with tracer.trace("chat", request_id=name):
            assert name.replace("-", "") in tracer.traceparent()
        with tracer.trace("chat", request_id="req-2", traceparent=HEADER):
            tracer.add_span("req-2", "tool", NOW, NOW)
        alone, continued = memory.taken()
        assert alone["trace_id"] == name
        assert (continued["trace_id"], continued["metadata"]) == (TRACE, {"request_id": "req-2"})
        assert layers(continued) == ["tool"]

    def test_a_request_within_a_request_is_its_child(self, tracer: RequestTracer, memory: Memory) -> None:
        with tracer.trace("outer"), tracer.trace("inner"), tracer.span("tool"):
            pass
        inner, outer = memory.taken()
        assert (inner["trace_id"], inner["parent_span_id"]) == (outer["trace_id"], outer["span_id"])
        assert (layers(inner), layers(outer)) == (["tool"], [])


class TestDecorators:
    def test_a_function_is_a_request_each_time(self, tracer: RequestTracer, memory: Memory) -> None:
        @tracer.traced("chat", conversation_id="c1")
        def serve(question: str) -> str:
            """Answers."""
            return select(question)

        @tracer.in_layer("provider_selection")
        def select(question: str) -> str:
            return question.upper()

        assert [serve("a"), serve("b")] == ["A", "B"]
        assert [event["call_index"] for event in memory.taken()] == [1, 2]
        assert (serve.__name__, serve.__doc__) == ("serve", "Answers.")

    def test_an_async_function_is_timed_to_its_end(self, tracer: RequestTracer, memory: Memory) -> None:
        @tracer.traced("chat")
        @tracer.in_layer("tool")
        async def serve() -> int:
            await asyncio.sleep(0)
            assert tracer.in_flight.values() == {"in_flight": {"tool": 1}}
            return 7

        assert asyncio.run(serve()) == 7
        assert layers(memory.only()) == ["tool"]

    def test_generators_are_timed_to_their_last_item(self, tracer: RequestTracer, memory: Memory) -> None:
        @tracer.traced("chat")
        def pieces() -> Iterator[int]:
            yield 1
            yield 2

        @tracer.traced("chat")
        async def async_pieces() -> AsyncIterator[int]:
            yield 1
            yield 2

        async def collect() -> list[int]:
            found = []
            async for piece in async_pieces():
                assert len(memory.events) == 1
                found.append(piece)
            return found

        for _ in pieces():
            assert memory.events == []
        assert asyncio.run(collect()) == [1, 2]
        assert [event["status"] for event in memory.taken()] == ["success"] * 2

    def test_a_generator_that_is_given_up_is_cancelled(self, tracer: RequestTracer, memory: Memory) -> None:
        @tracer.traced("chat")
        def pieces() -> Iterator[int]:
            yield 1

        given_up: Any = pieces()
        next(given_up)
        given_up.close()
        assert memory.only()["status"] == "cancelled"


class TestCallIndex:
    def test_calls_of_a_conversation_are_numbered(self) -> None:
        calls = CallIndex()
        assert [calls.next("a"), calls.next("b"), calls.next("a"), calls.next("a")] == [1, 1, 2, 3]

    def test_the_conversation_that_was_silent_for_longest_is_forgotten(self) -> None:
        calls = CallIndex(most=2)
        for name in ("a", "b", "a", "c"):
            calls.next(name)
        assert (len(calls), calls.next("a"), calls.next("b")) == (2, 3, 1)

    def test_a_number_that_is_told_is_taken(self, tracer: RequestTracer, memory: Memory) -> None:
        tracer.start_trace("req-1", "chat", conversation_id="c1", call_index=7)
        tracer.complete_trace("req-1")
        assert memory.only()["call_index"] == 7


class TestHarm:
    def test_a_recorder_that_raises_disturbs_nobody(self, caplog: pytest.LogCaptureFixture) -> None:
        tracer = RequestTracer(Broken())
        for _ in range(3):
            with tracer.trace("chat"), tracer.span("tool"):
                pass
        assert len(caplog.messages) <= 1

    def test_a_clock_or_a_listener_that_raises_disturbs_nobody(self, memory: Memory) -> None:
        def broken(*_: object) -> float:
            raise RuntimeError("broken")

        with RequestTracer(memory, clock=broken).trace("chat") as trace:
            assert trace == {}
        listened_to = RequestTracer(memory, also=[broken])
        with listened_to.trace("chat"):
            pass
        assert memory.only()["tool_name"] == "chat"

    @pytest.mark.parametrize("name", [None, 7, object(), "x" * 5000])
    def test_names_of_any_kind_disturb_nobody(self, tracer: RequestTracer, name: Any) -> None:
        tracer.start_trace(name, name, name, conversation_id=name, traceparent=name)
        tracer.add_span(name, name, name, name, name)
        tracer.complete_trace(name, name, name)
        with tracer.trace(name), tracer.span(name, name):
            pass

    def test_a_forked_child_begins_with_nothing_under_way(self, tracer: RequestTracer, memory: Memory) -> None:
        tracer.start_trace("req-1", "chat")
        with tracer.span("tool"):
            child = fork()
            if child == 0:
                tracer.complete_trace("req-1")
                empty = memory.events == [] and tracer.in_flight.values() == {"in_flight": {}}
                with tracer.trace("chat"):
                    pass
                os._exit(0 if empty and len(memory.events) == 1 else 1)
            assert child_succeeds(child)
        tracer.complete_trace("req-1")
        assert len(memory.events) == 1

    def test_a_lock_that_is_held_while_another_thread_forks_holds_up_no_child(self, tracer: RequestTracer) -> None:
        with tracer.in_flight._lock, tracer._calls._lock:
            child = fork()
            if child == 0:
                with tracer.trace("chat", conversation_id="c1"), tracer.span("tool"):
                    pass
                os._exit(0)
            assert child_succeeds(child)


class TestOpenTelemetry:
    def test_our_traces_become_spans(self, memory: Memory) -> None:
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

        from exporter.client.otel_out import to_otel

        exported = InMemorySpanExporter()
        tracer = RequestTracer(memory, also=[to_otel(SimpleSpanProcessor(exported), "gateway")])
        with pytest.raises(ValueError, match="x"), tracer.trace("chat", traceparent=HEADER), tracer.span("ai_api"):
            raise ValueError("x")
        layer, request = exported.get_finished_spans()
        assert (layer.name, request.name) == ("ai_api", "chat")
        assert f"{request.context.trace_id:032x}" == f"{layer.context.trace_id:032x}" == TRACE
        assert layer.parent
        assert request.parent
        assert (layer.parent.span_id, f"{request.parent.span_id:016x}") == (request.context.span_id, SPAN)
        assert request.start_time
        assert layer.start_time
        assert request.start_time <= layer.start_time
        assert (request.status.description, request.resource.attributes["service.name"]) == ("ValueError: x", "gateway")

    def test_our_traces_go_out_as_otlp(self, memory: Memory, otlp: list[bytes]) -> None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor

        from exporter.client.otel_out import to_otel

        endpoint = otlp.pop().decode()
        processor = SimpleSpanProcessor(OTLPSpanExporter(endpoint))
        with RequestTracer(memory, also=[to_otel(processor)]).trace("chat"):
            pass
        processor.shutdown()
        request = ExportTraceServiceRequest.FromString(otlp[0])
        (span,) = request.resource_spans[0].scope_spans[0].spans
        assert (span.name, span.trace_id.hex()) == ("chat", memory.only()["trace_id"])

    def test_spans_of_opentelemetry_become_our_traces(self, memory: Memory) -> None:
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.trace import StatusCode

        from exporter.client.otel_in import SpanEvents

        provider = TracerProvider()
        provider.add_span_processor(BatchSpanProcessor(SpanEvents(memory)))
        theirs = provider.get_tracer("test")
        with theirs.start_as_current_span("chat", attributes={"gen_ai.conversation.id": "c1"}) as root:
            with theirs.start_as_current_span("POST", attributes=_MODEL_CALL):
                pass
            with theirs.start_as_current_span("insert", attributes={"db.system.name": "postgresql"}):
                pass
            with theirs.start_as_current_span("helper"):
                pass
            with theirs.start_as_current_span("look", attributes={"exai.layer": "Provider Selection"}):
                pass
            root.set_status(StatusCode.ERROR, "no luck")
        provider.shutdown()
        event = memory.only()
        assert layers(event) == ["ai_api", "supabase", "provider_selection"]
        assert event["trace_id"] == f"{root.get_span_context().trace_id:032x}"
        told = (event["tool_name"], event["conversation_id"], event["call_index"], event["status"], event["error"])
        assert told == ("chat", "c1", 1, "error", "no luck")
        assert event["provider"] == "moonshot"

    def test_roots_that_never_come_are_bounded(self, memory: Memory) -> None:
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor

        from exporter.client.otel_in import SpanEvents

        events = SpanEvents(memory, most=3)
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(events))
        theirs = provider.get_tracer("test")
        for _ in range(9):
            with theirs.start_as_current_span("chat") as root, theirs.start_as_current_span("tool"):
                pass
            assert root
        roots = [theirs.start_span("chat") for _ in range(9)]
        from opentelemetry.trace import set_span_in_context

        for open_root in roots:
            theirs.start_span("tool", set_span_in_context(open_root)).end()
        assert (len(memory.taken()), len(events._waiting)) == (9, 3)
        provider.shutdown()

    def test_our_request_continues_the_span_of_opentelemetry_that_it_is_in(
        self, tracer: RequestTracer, memory: Memory
    ) -> None:
        from opentelemetry.sdk.trace import TracerProvider

        theirs = TracerProvider().get_tracer("test")
        with theirs.start_as_current_span("theirs") as span, tracer.trace("chat"):
            pass
        context = span.get_span_context()
        event = memory.only()
        assert (event["trace_id"], event["parent_span_id"]) == (f"{context.trace_id:032x}", f"{context.span_id:016x}")


@pytest.fixture
def otlp() -> Iterator[list[bytes]]:
    """A collector: its address first, then the bodies that are posted to it."""
    from http.server import BaseHTTPRequestHandler, HTTPServer

    bodies: list[bytes] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        bodies.append(f"http://127.0.0.1:{server.server_port}/v1/traces".encode())
        try:
            yield bodies
        finally:
            server.shutdown()
            thread.join()


def test_a_decorated_function_keeps_its_kind(tracer: RequestTracer) -> None:
    import inspect

    async def coroutine() -> None:
        """Does nothing."""

    decorate: Callable[[Any], Any] = tracer.traced("chat")
    assert inspect.iscoroutinefunction(decorate(coroutine))
