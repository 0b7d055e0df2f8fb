"""The middleware around plain WSGI applications and Flask's."""

from __future__ import annotations

import gc
import io
import os
import urllib.error
import urllib.request
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from wsgiref.util import FileWrapper, setup_testing_defaults
from wsgiref.validate import validator

import pytest
from flask import Blueprint, Flask, Response, abort

from exporter.client.in_flight import InFlight
from exporter.client.request_tracer import RequestTracer
from exporter.client.traceparent import current
from exporter.client.wsgi import WsgiMiddleware
from tests.client.doubles import Broken, Later, Memory, child_succeeds, fork
from tests.client.test_traceparent import HEADER, SPAN, TRACE
from tests.served_app import served_app

Serve = Callable[..., Any]


@pytest.fixture
def memory() -> Memory:
    return Memory()


def served(app: Any, recorder: Any, path: str = "/x", method: str = "GET", **environ: Any) -> tuple[str, Any]:
    """What a server gets: the status, and the body as it is handed over."""
    given: dict[str, Any] = {"PATH_INFO": path, "REQUEST_METHOD": method, **environ}
    setup_testing_defaults(given)
    told: list[str] = []
    body = WsgiMiddleware(app, recorder, "shop")(given, lambda status, *_: told.append(status))
    return (told or [""])[-1], body


def plain(environ: dict[str, Any], start_response: Serve) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]


def flask_app(memory: Any) -> Flask:
    app = Flask("shop")
    parts = Blueprint("parts", "parts", url_prefix="/parts")

    @app.route("/orders/<int:number>", methods=["GET", "POST", "DELETE"])
    def order(number: int) -> Response:
        if number == 404:
            abort(404)
        if number == 500:
            raise ValueError("broken order")
        return Response("an order")

    @parts.get("/<name>")
    def part(name: str) -> str:
        return name

    @app.get("/stream")
    def stream() -> Response:
        def pieces() -> Iterator[str]:
            yield "a"
            assert memory.events == []
            yield "b"

        return Response(pieces())

    app.register_blueprint(parts)
    app.wsgi_app = WsgiMiddleware(app.wsgi_app, memory, "shop")  # type: ignore[method-assign]
    return app


class TestPlain:
    def test_a_request_is_recorded(self, memory: Memory) -> None:
        status, body = served(plain, memory, HTTP_TRACEPARENT=HEADER)
        assert (status, body) == ("200 OK", [b"hello"])
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
        def routed(environ: dict[str, Any], start_response: Serve) -> Iterable[bytes]:
            environ["exai.route"] = "/x/{id}"
            return plain(environ, start_response)

        served(routed, memory, "/x/17")
        assert memory.only()["route"] == "/x/{id}"

    def test_a_route_may_be_read_by_a_function(self, memory: Memory) -> None:
        app = WsgiMiddleware(plain, memory, "shop", route_of=lambda environ: environ["SCRIPT_NAME"])
        app({"SCRIPT_NAME": "/mounted", "REQUEST_METHOD": "GET"}, lambda *_: None)
        assert memory.only()["route"] == "/mounted"

    @pytest.mark.parametrize("method", ["BREW", "get", "", "GET\r\nX: y"])
    def test_methods_are_bounded(self, memory: Memory, method: str) -> None:
        served(plain, memory, method=method)
        assert memory.only()["method"] == "other"

    def test_what_is_told_later_is_the_same_and_holds_nothing_of_the_request(self) -> None:
        later = Later()
        app = WsgiMiddleware(plain, later, "shop", route_of=lambda environ: environ["PATH_INFO"])
        held = Memory()
        known = weakref.ref(held)
        app({"PATH_INFO": "/x", "REQUEST_METHOD": "GET", "HTTP_TRACEPARENT": HEADER, "held": held}, lambda *_: None)
        del held
        gc.collect()
        assert (known(), later.events) == (None, [])
        (event,) = later.taken()
        assert (event["route"], event["method"], event["status"]) == ("/x", "GET", 200)
        assert (event["service"], event["trace_id"]) == ("shop", TRACE)

    def test_an_exception_is_recorded_and_raised_untouched(self, memory: Memory) -> None:
        error = KeyError("no luck")

        def broken(*_: Any) -> Iterable[bytes]:
            raise error

        with pytest.raises(KeyError) as found:
            served(broken, memory, HTTP_TRACEPARENT=HEADER)
        assert found.value is error
        assert (memory.only()["status"], memory.only()["error"]) == (500, "KeyError: 'no luck'")
        assert current.get() is None

    def test_a_stream_is_measured_to_its_end(self, memory: Memory) -> None:
        def streaming(_: Any, start_response: Serve) -> Iterable[bytes]:
            start_response("206 Partial Content", [])
            yield b"a"
            yield b"b"

        _, body = served(streaming, memory)
        for _ in body:
            assert memory.events == []
        assert memory.only()["status"] == 206
        body.close()
        assert len(memory.events) == 1

    def test_a_stream_that_breaks_is_recorded_and_raises(self, memory: Memory) -> None:
        def breaking(_: Any, start_response: Serve) -> Iterable[bytes]:
            start_response("200 OK", [])
            yield b"a"
            raise OSError("the disk is gone")

        parts = iter(served(breaking, memory)[1])
        next(parts)
        with pytest.raises(OSError, match="disk"):
            next(parts)
        assert (memory.only()["status"], memory.only()["error"]) == (200, "OSError: the disk is gone")

    def test_a_stream_that_the_client_leaves_is_closed_and_recorded(self, memory: Memory) -> None:
        file = io.BytesIO(b"abc")

        def downloading(_: Any, start_response: Serve) -> Iterable[bytes]:
            start_response("200 OK", [])
            return FileWrapper(file, 1)

        _, body = served(downloading, memory)
        next(iter(body))
        body.close()
        assert file.closed
        assert memory.only()["status"] == 200

    def test_the_last_status_counts(self, memory: Memory) -> None:
        def changing(_: Any, start_response: Serve) -> Iterable[bytes]:
            start_response("200 OK", [])
            try:
                raise ValueError
            except ValueError:
                import sys

                start_response("503 Service Unavailable", [], sys.exc_info())
            return [b""]

        assert served(changing, memory)[0] == "503 Service Unavailable"
        assert memory.only()["status"] == 503

    def test_the_protocol_is_kept(self, memory: Memory) -> None:
        def streaming(environ: dict[str, Any], start_response: Serve) -> Iterable[bytes]:
            write = start_response("200 OK", [("Content-Type", "text/plain")])
            write(b"first")
            return iter([b"last"])

        environ: dict[str, Any] = {"PATH_INFO": "/x", "SCRIPT_NAME": "", "QUERY_STRING": ""}
        setup_testing_defaults(environ)
        app = validator(WsgiMiddleware(validator(streaming), memory, "shop"))  # type: ignore[arg-type]
        body: Any = app(environ, lambda *_: lambda _: None)
        assert list(body) == [b"last"]
        body.close()
        assert memory.only()["status"] == 200

    def test_requests_inside_are_in_flight(self, memory: Memory) -> None:
        in_flight = InFlight()
        seen = []

        def looking(environ: dict[str, Any], start_response: Serve) -> Iterable[bytes]:
            seen.append(in_flight.values()["in_flight"])
            return plain(environ, start_response)

        app = WsgiMiddleware(looking, memory, "shop", in_flight=in_flight)
        app({"REQUEST_METHOD": "GET"}, lambda *_: None)
        assert (seen, in_flight.values()["in_flight"]) == ([{"http": 1}], {"http": 0})

    def test_a_trace_in_the_application_continues_the_request(self, memory: Memory) -> None:
        tracer = RequestTracer(memory)

        @tracer.traced("order")
        def traced(environ: dict[str, Any], start_response: Serve) -> Iterable[bytes]:
            return plain(environ, start_response)

        served(traced, memory, HTTP_TRACEPARENT=HEADER)
        trace, request = memory.taken()
        assert trace["trace_id"] == request["trace_id"] == TRACE
        assert trace["parent_span_id"] == SPAN

    @pytest.mark.parametrize("header", ["", "nonsense", HEADER + "-", 7])
    def test_an_invalid_traceparent_is_none(self, memory: Memory, header: Any) -> None:
        served(plain, memory, HTTP_TRACEPARENT=header)
        assert "trace_id" not in memory.only()

    def test_a_recorder_or_a_route_that_raises_disturbs_nobody(self, memory: Memory) -> None:
        assert served(plain, Broken())[1] == [b"hello"]
        app = WsgiMiddleware(plain, memory, "shop", route_of=lambda _: str(1 / 0))
        assert app({"REQUEST_METHOD": "GET"}, lambda *_: None) == [b"hello"]
        assert memory.only()["route"] == "unmatched"

    def test_a_status_that_is_none_disturbs_nobody(self, memory: Memory) -> None:
        def odd(_: Any, start_response: Serve) -> Iterable[bytes]:
            start_response("fine", [])
            return [b"hello"]

        assert served(odd, memory) == ("fine", [b"hello"])

    @pytest.mark.parametrize("status", ["999 Beyond", "042 Below", "000 Nothing"])
    def test_a_status_that_http_does_not_have_is_a_server_error(self, memory: Memory, status: str) -> None:
        def odd(_: Any, start_response: Serve) -> Iterable[bytes]:
            start_response(status, [])
            return [b"hello"]

        served(odd, memory)
        assert memory.only()["status"] == 500

    def test_a_forked_worker_serves_on(self, memory: Memory) -> None:
        app = WsgiMiddleware(plain, memory, "shop")
        with app.in_flight._lock:
            child = fork()
            if child == 0:
                app({"REQUEST_METHOD": "GET"}, lambda *_: None)
                os._exit(0 if len(memory.events) == 1 else 1)
            assert child_succeeds(child)


class TestFlask:
    @pytest.mark.parametrize(
        ("method", "path", "route", "status"),
        [
            ("GET", "/orders/17", "/orders/<int:number>", 200),
            ("DELETE", "/orders/18", "/orders/<int:number>", 200),
            ("GET", "/orders/404", "/orders/<int:number>", 404),
            ("GET", "/orders/500", "/orders/<int:number>", 500),
            ("GET", "/parts/screw", "/parts/<name>", 200),
            ("GET", "/nowhere/17", "unmatched", 404),
            ("PUT", "/orders/17", "unmatched", 405),
            ("HEAD", "/orders/17", "/orders/<int:number>", 200),
        ],
    )
    def test_a_request_is_recorded_by_its_rule(
        self, memory: Memory, method: str, path: str, route: str, status: int
    ) -> None:
        answer = flask_app(memory).test_client().open(path, method=method, buffered=True)
        event = memory.only()
        assert (event["method"], event["route"], event["status"], answer.status_code) == (method, route, status, status)

    def test_a_stream_is_measured_to_its_end(self, memory: Memory) -> None:
        assert flask_app(memory).test_client().get("/stream").data == b"ab"
        assert memory.only()["route"] == "/stream"

    def test_an_exception_goes_on_where_flask_lets_it(self, memory: Memory) -> None:
        app = flask_app(memory)
        app.testing = True
        with pytest.raises(ValueError, match="broken order"):
            app.test_client().get("/orders/500")
        assert (memory.only()["status"], memory.only()["error"]) == (500, "ValueError: broken order")

    def test_it_works_behind_a_real_server(self, memory: Memory) -> None:
        with served_app(flask_app(memory)) as url:
            with urllib.request.urlopen(f"{url}/stream", timeout=10) as reply:  # noqa: S310
                assert reply.read() == b"ab"
            with pytest.raises(urllib.error.HTTPError):
                urllib.request.urlopen(f"{url}/orders/500", timeout=10)  # noqa: S310
        assert [(event["route"], event["status"]) for event in memory.taken()] == [
            ("/stream", 200),
            ("/orders/<int:number>", 500),
        ]
