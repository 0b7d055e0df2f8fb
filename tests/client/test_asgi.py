"""The middleware around plain ASGI applications, Starlette's and FastAPI's."""

from __future__ import annotations

import asyncio
import gc
import os
import weakref
from collections.abc import AsyncIterator
from typing import Any

import fastapi
import httpx
import pytest
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket

from exporter.client.asgi import AsgiMiddleware
from exporter.client.in_flight import InFlight
from exporter.client.request_tracer import RequestTracer
from exporter.client.traceparent import current
from tests.client.doubles import Broken, Later, Memory, child_succeeds, fork
from tests.client.test_traceparent import HEADER, SPAN, TRACE


@pytest.fixture
def memory() -> Memory:
    return Memory()


async def plain(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


def scope_of(method: str = "GET", headers: list[tuple[bytes, bytes]] | None = None) -> dict[str, Any]:
    return {"type": "http", "method": method, "path": "/x", "headers": headers or []}


def serve(app: Any, scope: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """The messages that a server gets."""
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    asyncio.run(app(scope or scope_of(), receive, send))
    return sent


async def order(request: Request) -> PlainTextResponse:
    if request.path_params["number"] == 500:
        raise ValueError("broken order")
    return PlainTextResponse("an order")


async def echo(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text(await socket.receive_text())
    await socket.close()


ROUTES = [
    Route("/orders/{number:int}", order, methods=["GET", "POST"]),
    Mount("/shops/{shop}", routes=[Route("/orders/{number:int}", order), Mount("/deep", routes=[Route("/", order)])]),
    Mount("/plain", app=plain),
    WebSocketRoute("/ws", echo),
]


def starlette(recorder: Any) -> Starlette:
    return Starlette(routes=ROUTES, middleware=[Middleware(AsgiMiddleware, recorder=recorder, service="shop")])


def fast(recorder: Any) -> fastapi.FastAPI:
    app, sub, inner = fastapi.FastAPI(), fastapi.FastAPI(), fastapi.APIRouter()
    router = fastapi.APIRouter(prefix="/parts")

    @app.get("/orders/{number}")
    async def order(number: int) -> int:
        if number == 500:
            raise ValueError("broken order")
        if number == 404:
            raise fastapi.HTTPException(404)
        return number

    @router.get("/{name}")
    def part(name: str) -> str:
        return name

    @inner.get("/screws/{size}")
    def screw(size: int) -> int:
        return size

    @sub.get("/{item:path}")
    def anything(item: str) -> str:
        return item

    router.include_router(inner, prefix="/of/{maker}")
    app.include_router(router, prefix="/v1")
    app.mount("/sub", sub)
    app.add_middleware(AsgiMiddleware, recorder=recorder, service="shop")
    return app


def answered(app: Any, method: str, path: str) -> int:
    return int(TestClient(app, raise_server_exceptions=False).request(method, path, follow_redirects=False).status_code)


class TestPlain:
    def test_a_request_is_recorded(self, memory: Memory) -> None:
        headers = [(b"host", b"x"), (b"traceparent", HEADER.encode())]
        sent = serve(AsgiMiddleware(plain, memory, "shop"), scope_of(headers=headers))
        assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
        event = memory.only()
        assert event.pop("timestamp") > 1.7e9
        assert 0 <= event.pop("duration_ms") < 1000
        assert event == {
            "kind": "http",
            "service": "shop",
            "route": "unmatched",
            "method": "GET",
            "status": 200,
            "trace_id": TRACE,
        }

    def test_a_route_that_the_application_tells_is_recorded(self, memory: Memory) -> None:
        async def routed(scope: Any, receive: Any, send: Any) -> None:
            scope["exai.route"] = "/x/{id}"
            await plain(scope, receive, send)

        serve(AsgiMiddleware(routed, memory, "shop"))
        serve(AsgiMiddleware(plain, memory, "shop", route_of=lambda scope: scope["path"]))
        assert [event["route"] for event in memory.taken()] == ["/x/{id}", "/x"]

    def test_what_is_told_later_is_the_same_and_holds_nothing_of_the_request(self) -> None:
        later, held = Later(), Memory()
        known, scope = weakref.ref(held), scope_of("POST") | {"state": held}
        serve(AsgiMiddleware(plain, later, "shop", route_of=lambda scope: scope["path"]), scope)
        del held, scope
        gc.collect()
        assert (known(), later.events) == (None, [])
        (event,) = later.taken()
        assert (event["route"], event["method"], event["status"]) == ("/x", "POST", 200)

    @pytest.mark.parametrize("method", ["BREW", "get", ""])
    def test_methods_are_bounded(self, memory: Memory, method: str) -> None:
        serve(AsgiMiddleware(plain, memory, "shop"), scope_of(method))
        assert memory.only()["method"] == "other"

    def test_an_exception_is_recorded_and_raised_untouched(self, memory: Memory) -> None:
        error = KeyError("no luck")

        async def broken(*_: Any) -> None:
            raise error

        with pytest.raises(KeyError) as found:
            serve(AsgiMiddleware(broken, memory, "shop"))
        assert found.value is error
        assert (memory.only()["status"], memory.only()["error"]) == (500, "KeyError: 'no luck'")

    def test_a_request_that_is_given_up_is_recorded_as_such(self, memory: Memory) -> None:
        async def waiting(*_: Any) -> None:
            await asyncio.Event().wait()

        async def give_up() -> None:
            task = asyncio.create_task(AsgiMiddleware(waiting, memory, "shop")(scope_of(), plain, plain))  # type: ignore[arg-type]
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        asyncio.run(give_up())
        assert memory.only()["status"] == 499

    def test_an_application_that_answers_nothing_is_a_server_error(self, memory: Memory) -> None:
        async def silent(*_: Any) -> None:
            """Answers nothing."""

        serve(AsgiMiddleware(silent, memory, "shop"))
        assert memory.only()["status"] == 500

    @pytest.mark.parametrize("kind", ["lifespan", "websocket", "something new"])
    def test_what_is_no_request_passes_through(self, memory: Memory, kind: str) -> None:
        passed = []

        async def app(*given: Any) -> None:
            passed.append(given)

        given: tuple[Any, ...] = ({"type": kind}, object(), object())
        asyncio.run(AsgiMiddleware(app, memory, "shop")(*given))
        assert passed == [given]
        assert memory.events == []

    def test_requests_inside_are_in_flight(self, memory: Memory) -> None:
        in_flight, seen = InFlight(), []

        async def looking(scope: Any, receive: Any, send: Any) -> None:
            seen.append(in_flight.values()["in_flight"])
            await plain(scope, receive, send)

        serve(AsgiMiddleware(looking, memory, "shop", in_flight=in_flight))
        assert (seen, in_flight.values()["in_flight"]) == ([{"http": 1}], {"http": 0})

    def test_a_trace_in_the_application_continues_the_request(self, memory: Memory) -> None:
        traced = RequestTracer(memory).traced("order")(plain)
        serve(AsgiMiddleware(traced, memory, "shop"), scope_of(headers=[(b"traceparent", HEADER.encode())]))
        request, trace = sorted(memory.taken(), key=lambda event: str(event["kind"]))
        assert trace["trace_id"] == request["trace_id"] == TRACE
        assert trace["parent_span_id"] == SPAN
        assert current.get() is None

    def test_a_recorder_or_a_route_that_raises_disturbs_nobody(self, memory: Memory) -> None:
        assert len(serve(AsgiMiddleware(plain, Broken(), "shop"))) == 2
        assert len(serve(AsgiMiddleware(plain, memory, "shop", route_of=lambda _: str(1 / 0)))) == 2
        assert memory.only()["route"] == "unmatched"

    def test_headers_that_are_none_disturb_nobody(self, memory: Memory) -> None:
        serve(AsgiMiddleware(plain, memory, "shop"), scope_of(headers=[(b"traceparent", b"\xff\x00")]))
        assert "trace_id" not in memory.only()

    def test_a_forked_worker_serves_on(self, memory: Memory) -> None:
        app = AsgiMiddleware(plain, memory, "shop")
        with app.in_flight._lock:
            child = fork()
            if child == 0:
                serve(app)
                os._exit(0 if len(memory.events) == 1 else 1)
            assert child_succeeds(child)


class TestStarlette:
    @pytest.mark.parametrize(
        ("method", "path", "route", "status"),
        [
            ("GET", "/orders/17", "/orders/{number}", 200),
            ("HEAD", "/orders/17", "/orders/{number}", 200),
            ("DELETE", "/orders/17", "/orders/{number}", 405),
            ("GET", "/orders/500", "/orders/{number}", 500),
            ("GET", "/shops/ours/orders/17", "/shops/{shop}/orders/{number}", 200),
            ("GET", "/nowhere/17", "unmatched", 404),
            ("GET", "/orders/17/", "unmatched", 307),
            ("GET", "/plain/any/thing", "/plain/{path}", 200),
        ],
    )
    def test_a_request_is_recorded_by_its_template(
        self, memory: Memory, method: str, path: str, route: str, status: int
    ) -> None:
        assert answered(starlette(memory), method, path) == status
        event = memory.only()
        assert (event["method"], event["route"], event["status"]) == (method, route, status)

    def test_mounts_below_mounts_are_templates_too(self, memory: Memory) -> None:
        answered(starlette(memory), "GET", "/shops/ours/deep/")
        assert memory.only()["route"] == "/shops/{shop}/deep/"

    def test_it_may_be_put_around_the_application(self, memory: Memory) -> None:
        app = AsgiMiddleware(Starlette(routes=ROUTES), memory, "shop")
        assert answered(app, "GET", "/shops/ours/orders/17") == 200
        assert memory.only()["route"] == "/shops/{shop}/orders/{number}"

    def test_a_root_path_is_no_mount(self, memory: Memory) -> None:
        client = TestClient(starlette(memory), root_path="/behind/a/proxy")
        assert client.get("/behind/a/proxy/shops/ours/orders/17").status_code == 200
        assert memory.only()["route"] == "/shops/{shop}/orders/{number}"

    @pytest.mark.parametrize(
        ("path", "route"),
        [("/orders/17", "/orders/{number}"), ("/shops/ours/deep/", "/shops/{shop}/deep/")],
    )
    def test_a_starlette_that_names_the_endpoint_alone_is_understood(
        self, memory: Memory, path: str, route: str
    ) -> None:
        async def forgetful(scope: Any, receive: Any, send: Any) -> None:
            async def forgetting(message: Any) -> None:
                scope.pop("route", None)
                await send(message)

            await inner(scope, receive, forgetting)

        async def one(_: Request) -> PlainTextResponse:
            return PlainTextResponse("1")

        async def two(_: Request) -> PlainTextResponse:
            return PlainTextResponse("2")

        deep = Mount("/deep", routes=[Route("/", two)])
        inner = Starlette(routes=[Route("/orders/{number}", one), Mount("/shops/{shop}", routes=[deep])])
        forgetful.routes = inner.routes  # type: ignore[attr-defined]
        assert answered(AsgiMiddleware(forgetful, memory, "shop"), "GET", path) == 200
        assert memory.only()["route"] == route

    def test_a_stream_is_measured_to_its_end_and_not_beyond(self, memory: Memory) -> None:
        seen = []

        async def pieces() -> AsyncIterator[bytes]:
            for piece in (b"a", b"b"):
                assert memory.events == []
                yield piece

        async def stream(_: Request) -> StreamingResponse:
            return StreamingResponse(pieces(), background=BackgroundTask(lambda: seen.append(len(memory.events))))

        middleware = [Middleware(AsgiMiddleware, recorder=memory, service="shop")]
        with TestClient(Starlette(routes=[Route("/stream", stream)], middleware=middleware)) as client:
            assert client.get("/stream").content == b"ab"
        assert memory.only()["route"] == "/stream"
        assert seen == [1]

    def test_a_stream_that_breaks_is_recorded_and_raises(self, memory: Memory) -> None:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"a"
            raise OSError("the disk is gone")

        async def stream(_: Request) -> StreamingResponse:
            return StreamingResponse(pieces())

        app = Starlette(routes=[Route("/stream", stream)])
        app.add_middleware(AsgiMiddleware, recorder=memory, service="shop")
        with pytest.raises(OSError, match="disk"):
            TestClient(app).get("/stream")
        assert (memory.only()["status"], memory.only()["error"]) == (200, "OSError: the disk is gone")

    def test_websockets_pass_through(self, memory: Memory) -> None:
        with TestClient(starlette(memory)).websocket_connect("/ws") as socket:
            socket.send_text("hello")
            assert socket.receive_text() == "hello"
        assert memory.events == []


class TestFastApi:
    @pytest.mark.parametrize(
        ("method", "path", "route", "status"),
        [
            ("GET", "/orders/17", "/orders/{number}", 200),
            ("GET", "/orders/404", "/orders/{number}", 404),
            ("GET", "/orders/500", "/orders/{number}", 500),
            ("GET", "/orders/x", "/orders/{number}", 422),
            ("POST", "/orders/17", "/orders/{number}", 405),
            ("GET", "/v1/parts/screw", "/v1/parts/{name}", 200),
            ("GET", "/v1/parts/of/us/screws/4", "/v1/parts/of/{maker}/screws/{size}", 200),
            ("GET", "/sub/any/thing", "/sub/{item}", 200),
            ("GET", "/openapi.json", "/openapi.json", 200),
            ("GET", "/nowhere/17", "unmatched", 404),
        ],
    )
    def test_a_request_is_recorded_by_its_template(
        self, memory: Memory, method: str, path: str, route: str, status: int
    ) -> None:
        assert answered(fast(memory), method, path) == status
        event = memory.only()
        assert (event["method"], event["route"], event["status"]) == (method, route, status)

    def test_an_exception_is_recorded_and_goes_on(self, memory: Memory) -> None:
        with pytest.raises(ValueError, match="broken order"):
            TestClient(fast(memory)).get("/orders/500")
        assert memory.only()["error"] == "ValueError: broken order"

    def test_requests_at_once_are_told_apart(self, memory: Memory) -> None:
        async def ask() -> list[int]:
            transport = httpx.ASGITransport(app=fast(memory))
            async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
                paths = [f"/orders/{number}" if number % 2 else f"/v1/parts/{number}" for number in range(20)]
                return [reply.status_code for reply in await asyncio.gather(*map(client.get, paths))]

        assert set(asyncio.run(ask())) == {200}
        routes = [event["route"] for event in memory.taken()]
        assert (routes.count("/orders/{number}"), routes.count("/v1/parts/{name}")) == (10, 10)
