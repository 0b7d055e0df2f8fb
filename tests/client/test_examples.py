"""The sample applications run, and what they do is visible in Prometheus."""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.client.test_traceparent import HEADER, TRACE
from tests.servers import LOOPBACK, ROOT, Server, free_port, port_open, prometheus_server, running, wait_until

Ask = Callable[..., Any]


@contextmanager
def example(name: str, exporter: Server, tmp_path: Path) -> Iterator[Ask]:
    """Runs a sample against an exporter, and asks it."""
    port = free_port()
    argv = [sys.executable, str(ROOT / "examples" / name), str(port)]
    env = {**os.environ, "EXAI_EXPORTER_URL": exporter.url, "PYTHONPATH": str(ROOT)}

    def ask(method: str, path: str, body: Any = None) -> Any:
        headers = {"Content-Type": "application/json", "traceparent": HEADER}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://{LOOPBACK}:{port}{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310
            return json.load(reply)

    with running(argv, ready=lambda: port_open(port), log=tmp_path / "example.log", env=env):
        yield ask


def visible(tmp_path: Path, exporter: Server, expected: dict[str, float]) -> None:
    """Waits until Prometheus has each series with its value."""
    with prometheus_server(tmp_path, {"exai-exporter": [exporter.address]}) as prometheus:
        for query, value in expected.items():
            wait_until(lambda: prometheus.value(query) == value, 40, query)  # noqa: B023 - it is asked at once


def exemplars(exporter: Server, series: str) -> str:
    """The exemplars of a series, as OpenMetrics shows them."""
    request = urllib.request.Request(  # noqa: S310
        f"{exporter.url}/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"}
    )
    with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310
        lines = reply.read().decode().splitlines()
    return "\n".join(line.partition(" # ")[2] for line in lines if line.startswith(series))


def test_the_flask_sample_is_visible(exporter_server: Callable[[dict[str, str]], Server], tmp_path: Path) -> None:
    exporter = exporter_server({})
    with example("flask_app.py", exporter, tmp_path) as ask:
        answer = ask("POST", "/predictions/result", {"features": [1, 2], "actual": 3.5})
        assert answer == {"predicted": 3, "quality": {"mae": 0.5, "r2": None, "samples": 1}}
        ask("POST", "/predictions/result", {"features": [4], "actual": 4.5})
        assert ask("GET", "/models/result")["quality"]["samples"] == 2
        with pytest.raises(urllib.error.HTTPError):
            ask("POST", "/predictions/result", {"features": ["x"]})
        service = 'service="ml-api"'
        post = f'{service},route="/predictions/<model>",method="POST"'
        visible(
            tmp_path,
            exporter,
            {
                f'exai_http_requests_total{{{post},status="200"}}': 2,
                f'exai_http_requests_total{{{post},status="500"}}': 1,
                f'exai_http_requests_total{{{service},route="/models/<model>",status="200"}}': 1,
                f'exai_http_request_duration_seconds_count{{{post},status="200"}}': 2,
                f'exai_model_predictions_total{{{service},model="result"}}': 2,
                f'exai_model_absolute_error_sum{{{service},model="result"}}': 1,
                f'exai_model_r2{{{service},model="result"}}': 0,
                f'exai_model_baseline_mae{{{service},model="result"}}': 1,
                f"exai_process_memory_bytes{{{service}}} > bool 1e7": 1,
                f"exai_process_uptime_seconds{{{service}}} > bool 0": 1,
                'exai_requests_in_flight{layer="http"}': 0,
            },
        )
    assert TRACE in exemplars(exporter, "exai_http_request_duration_seconds_bucket")


def test_the_fastapi_sample_is_visible(exporter_server: Callable[[dict[str, str]], Server], tmp_path: Path) -> None:
    exporter = exporter_server({})
    with example("fastapi_app.py", exporter, tmp_path) as ask:
        for _ in range(3):
            assert ask("POST", "/conversations/c1/messages", {"text": "how are you"}) == {"answer": "how are you"}
        ask("POST", "/conversations/c2/messages", {"text": "hello"})
        ask("DELETE", "/conversations/c2")
        with pytest.raises(urllib.error.HTTPError):
            ask("GET", "/nowhere/17")
        service = 'service="chat-gateway"'
        call = 'gen_ai_operation_name="chat",gen_ai_provider_name="kimi",gen_ai_request_model="kimi-k2"'
        visible(
            tmp_path,
            exporter,
            {
                f'exai_http_requests_total{{{service},route="/conversations/{{conversation}}/messages"}}': 4,
                f'exai_http_requests_total{{{service},route="unmatched",status="404"}}': 1,
                'exai_requests_total{tool="chat",status="success"}': 4,
                'exai_layer_duration_seconds_count{layer="ai_api",tool="chat"}': 4,
                'exai_call_duration_seconds_count{call="3",layer="ai_api"}': 1,
                f"gen_ai_client_operation_duration_seconds_count{{{call}}}": 4,
                f'gen_ai_client_token_usage_sum{{{call},gen_ai_token_type="output"}}': 10,
                'sum(exai_timeout_outcomes_total{model="kimi-k2",outcome="within"})': 4,
                "exai_sessions_active": 1,
                "exai_session_messages": 3,
                f"exai_process_uptime_seconds{{{service}}} > bool 0": 1,
                'exai_requests_in_flight{layer="http"}': 0,
            },
        )
    assert TRACE in exemplars(exporter, "exai_http_request_duration_seconds_bucket")
    assert TRACE in exemplars(exporter, "exai_layer_duration_seconds_bucket")
