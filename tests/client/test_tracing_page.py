"""docs/tracing.md: its programs run one after another, and its tables are complete."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from exporter.client import in_flight, process_gauges, semaphore_tracker, trackers, websocket_tracker
from exporter.client.model_replies import _OURS
from exporter.client.traces import LAYERS, layer_named
from tests.client.openai_stub import openai_stub
from tests.servers import ROOT
from tests.timeouts.doubles import Estimator, Gateway, counter, served, timeouts_app
from tests.timeouts.moonshot import moonshot

PAGE = (ROOT / "docs/tracing.md").read_text()
PROGRAMS = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def table(title: str) -> dict[str, str]:
    """The rows of the table with that title: what is behind the name in their first column."""
    rows = PAGE.split(f"\n| {title} |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    return {row.split("|")[1].strip(" `"): row.split("|")[2].strip() for row in rows}


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with moonshot() as provider, served(timeouts_app(Estimator(), counter(provider))) as gateway:
        yield gateway


def test_the_programs_run(gateway: Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    with openai_stub() as provider:
        names: dict[str, Any] = {"base_url": provider.url}
        for program in PROGRAMS:
            exec(program.replace("http://127.0.0.1:9464", gateway.url), names)  # noqa: S102
    assert names["shop"].test_client().get("/orders/17", buffered=True).data == b"order 17"
    assert TestClient(names["gateway"]).get("/nowhere").status_code == 404
    assert asyncio.run(names["analyze"]("why")) == "why"
    names["moonshot"].close()
    names["processor"].shutdown()
    names["provider"].shutdown()
    names["client"].close()
    kinds = {event["kind"] for event in gateway.events}
    assert kinds == {"http", "trace", "duration", "prediction", "gauge"}
    subjects = {event.get("subject") for event in gateway.events}
    assert subjects >= {"session", "semaphore", "websocket", "pool", "process", "request"}
    assert {event["tool_name"] for event in gateway.events if event["kind"] == "trace"} == {"chat", "analyze"}
    assert "Quality(mae=1.0" in capsys.readouterr().out


def test_every_layer_is_told() -> None:
    told = table("layer")
    assert tuple(told) == LAYERS
    assert all(layer_named(other) == layer for layer, other in told.items() if other)


def test_every_argument_of_a_model_call_is_told() -> None:
    assert set(table("argument")) == set(_OURS)


def test_every_tracker_is_told_with_what_it_hears() -> None:
    known = {
        name: kind
        for module in (in_flight, process_gauges, semaphore_tracker, trackers, websocket_tracker)
        for name, kind in inspect.getmembers(module, inspect.isclass)
        if hasattr(kind, "subject")
    }
    told = table("tracker")
    assert set(told) == set(known)
    for name, kind in known.items():
        public = {each for each in vars(kind) if not each.startswith("_")} - {"begin", "values", "subject"}
        assert public == set(re.findall(r"`(\w+)`", told[name]))
