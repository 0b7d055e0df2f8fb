"""Whatever an application hands over, no instrument raises anything into it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from exporter.client.asgi import AsgiMiddleware
from exporter.client.in_flight import InFlight
from exporter.client.model_calls import ModelCalls
from exporter.client.predictions import Predictions
from exporter.client.process_gauges import ProcessGauges
from exporter.client.request_tracer import RequestTracer
from exporter.client.semaphore_tracker import SemaphoreTracker
from exporter.client.snapshots import Snapshots
from exporter.client.timeouts import TimeoutClient
from exporter.client.trackers import PoolTracker, SessionTracker
from exporter.client.websocket_tracker import WebSocketTracker
from exporter.client.wsgi import WsgiMiddleware
from tests.client.doubles import Memory
from tests.client.odd import ANYTHING, Evil
from tests.servers import free_port

hostile = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def several(count: int) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.tuples(*([ANYTHING] * count))


@pytest.fixture(scope="module")
def client() -> Iterator[TimeoutClient]:
    """One whose exporter is away."""
    client = TimeoutClient(f"http://127.0.0.1:{free_port()}")
    yield client
    client.close(0.1)


@hostile
@given(several(7))
def test_a_trace_of_anything(client: TimeoutClient, odd: Any) -> None:
    tracer = RequestTracer(client)
    known = dict(zip(("conversation_id", "call_index", "traceparent", "metadata"), odd[3:], strict=True))
    tracer.start_trace(*odd[:3], **known)
    tracer.add_span(*odd[:5])
    tracer.complete_trace(*odd[:3])
    with tracer.trace(odd[0], request_id=odd[1], parameters=odd[2], **known) as trace:
        tracer.add_span(trace.get("key", ""), *odd[1:5])
        with tracer.span(odd[0], odd[1]), tracer.span("tool", odd[2]), tracer.span("tool", trace_id=odd[3]):
            assert isinstance(tracer.traceparent(), str)
    assert tracer.traced(odd[0], **known)(tracer.in_layer(odd[1], odd[2])(lambda: 7))() == 7


@hostile
@given(several(6))
def test_a_prediction_of_anything(client: TimeoutClient, odd: Any) -> None:
    predictions = Predictions(client, odd[0])
    predictions.record_prediction(*odd[1:4], confidence=odd[4], baseline_mae=odd[5])
    assert predictions.quality(odd[1]).samples in (0, 1)


@hostile
@given(several(3))
def test_levels_of_anything(odd: Any) -> None:
    sessions, semaphores, sockets, in_flight = (
        SessionTracker(odd[0]),
        SemaphoreTracker(),
        WebSocketTracker(),
        InFlight(),
    )
    for call in (
        sessions.opened,
        sessions.closed,
        sockets.opened,
        sockets.timeout_warned,
        sockets.stale,
        sockets.closed,
    ):
        call(odd[0])
    for call in (semaphores.leaked, in_flight.entered, in_flight.left):
        call(odd[1])
    sessions.message(*odd[:2])
    sockets.opened(odd[0])
    sockets.pinged(*odd[:2])
    semaphores.limit(*odd)
    with semaphores.held(odd[0], odd[2]):
        pool = PoolTracker(odd[0], lambda: odd[1])
        with Snapshots(Memory(), sessions, semaphores, sockets, in_flight, pool, ProcessGauges(odd[0], odd[1])) as all_:
            all_.send()


@hostile
@given(several(6))
def test_a_call_of_a_model_with_anything(client: TimeoutClient, odd: Any) -> None:
    names = ("model", "messages", "tool_name", "max_tokens", "extra_body", "reasoning_effort")
    given = dict(zip(names, odd, strict=True))
    calls = ModelCalls(client, usage_in_streams=True)
    assert calls.wrap(lambda **_: odd)(**given) is odd

    async def create(**_: Any) -> Any:
        return odd

    assert asyncio.run(calls.wrap_async(create)(**given)) is odd
    with client.timeout_for(*odd[:2], request_type=odd[2], prompt_tokens=odd[3], quantile=odd[4]) as call:
        call.completed(prompt_tokens=odd[0], completion_tokens=odd[1], time_to_first_token_ms=odd[2])
        assert call.seconds == 180


@hostile
@given(several(4))
@example(odd=(Evil(), None, None, None))
def test_a_request_with_anything(client: TimeoutClient, odd: Any) -> None:
    header, method, route, status = odd

    def serve(_: Any, start_response: Any) -> list[bytes]:
        start_response(status, [])
        return [b"x"]

    environ = {"HTTP_TRACEPARENT": header, "REQUEST_METHOD": method, "exai.route": route}
    assert list(WsgiMiddleware(serve, client, "shop")(environ, lambda *_: None)) == [b"x"]

    async def answer(_: Any, __: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": status})
        await send({"type": "http.response.body", "more_body": False})

    async def nothing(*_: Any) -> Any:
        return None

    scope = {"type": "http", "method": method, "exai.route": route, "headers": [(b"traceparent", header)]}
    asyncio.run(AsgiMiddleware(answer, client, "shop")(scope, nothing, nothing))


@hostile
@given(ANYTHING)
def test_a_record_of_anything(client: TimeoutClient, odd: Any) -> None:
    client.record(odd)
    client.record({"kind": "http", "route": odd})
