"""The pages on events are true: the values of gauges, the entries of a stream, the types of rows."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args, get_type_hints
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from exporter import conventions as series
from exporter.decode.gateway_shapes import Connection, Operation, Performance
from exporter.decode.postgres_rows import HANDLERS, decode_row
from exporter.events import KINDS, CacheEvent, GaugeEvent
from exporter.gauge_values import BY_SUBJECT
from tests.core.examples import full
from tests.servers import ROOT, Redis, Server, wait_until

NOW = 1_800_000_000.0
WORD = re.compile(r"`(\w+)`")

CALL = {"direction": "duration_recorded", "response_time_ms": 9, "metadata": {"model": "kimi-k2", "prompt_tokens": 1}}
ROWS: dict[str, list[Mapping[str, Any]]] = {
    "connection_event": [{"service": "redis"}, {"connection_type": "kimi", **CALL}],
    "performance": [{"model": "glm-4", "duration_ms": 1}, {"operation": "search", "duration_ms": 1}],
}
"""Data of rows that have all the ways of their type to be counted; of other types any data will do."""

SHAPES = {"cache_hit": Operation, "connection_event": Connection, "performance": Performance}


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def row_types() -> Iterator[tuple[str, str, str]]:
    """Each type of a row, what the page says that it counts as, and what its data may hold."""
    _, _, section = page("postgres.md").partition("## Which rows count")
    for line in section.partition("\n## ")[0].splitlines():
        if line.startswith("| `"):
            types, counts_as, data = line.strip("|").split("|")
            yield from ((name, counts_as, data) for name in WORD.findall(types))


def kinds_of(kind: str) -> set[str]:
    """The kinds of the events that rows of a type count as."""
    canonical = kind in KINDS.values()
    found = (
        [{name: value for name, value in full(kind).items() if name != "kind"}] if canonical else ROWS.get(kind, [{}])
    )
    rows = [{"type": kind, "timestamp": NOW, "source": None, "data": data, "event_id": "row"} for data in found]
    events = [event for row in rows for event in decode_row("monitoring.metrics_raw", json.dumps(row).encode(), NOW)]
    return {KINDS[type(event)] for event in events}


def counted(exporter: Server) -> dict[str, float]:
    """How many events of the stream have been counted, by kind."""
    with urlopen(f"{exporter.url}/metrics", timeout=10) as reply:  # noqa: S310
        families = text_string_to_metric_families(reply.read().decode())
    samples = (sample for family in families for sample in family.samples)
    return {
        sample.labels["kind"]: sample.value
        for sample in samples
        if sample.name == series.INGESTED.name and sample.labels["source"] == "redis_stream"
    }


def test_every_subject_of_a_gauge_is_on_its_page_and_named_with_the_event() -> None:
    assert re.findall(r"^## `(\w+)`$", page("gauges.md"), re.MULTILINE) == list(BY_SUBJECT)
    (named,) = re.findall(r"subject of a gauge: (.*?)\.", page("events.md"), re.DOTALL)
    assert WORD.findall(named) == list(BY_SUBJECT) == list(get_args(get_type_hints(GaugeEvent)["subject"]))


def test_every_value_of_a_gauge_is_listed_with_its_series() -> None:
    rows = page("gauges.md")
    for row in (
        "| `current_ping_ms` | number | milliseconds | level | `exai_websocket_ping_seconds` |",
        "| `circuit_breaker.state` | `closed` (0), `half_open` (1), `open` (2) | none | level |",
        "| `total_leaks_detected` | integer | count | running total | `exai_semaphore_leaks_total` |",
        '| `idle` | integer | count | level | `exai_pool_connections{pool="<instance>", state="idle"}` |',
        "| `disk_used_ratio` | number | 0 to 1 | level |",
        "| `implementation` | text | none | label | label `implementation` |",
    ):
        assert row in rows


def test_the_types_of_rows_that_count_are_those_that_are_decoded() -> None:
    assert sorted(name for name, _, _ in row_types()) == sorted(HANDLERS)
    operations = get_args(get_type_hints(CacheEvent)["operation"])
    (named,) = re.findall(r"Its `operation_type` is (.*)\.", page("postgres.md"))
    assert tuple(WORD.findall(named)) == operations


@pytest.mark.parametrize(
    ("kind", "counts_as", "data"), [*row_types()], ids=lambda part: part if part in HANDLERS else ""
)
def test_a_row_counts_as_what_the_page_says(kind: str, counts_as: str, data: str) -> None:
    own = counts_as.strip() == "the event of that kind"
    named = {kind} if own else {word for word in WORD.findall(counts_as) if word in KINDS.values()}
    assert kinds_of(kind) == named
    if kind in SHAPES:
        assert set(WORD.findall(data)) == set(SHAPES[kind].__struct_fields__)


def test_the_entries_that_the_page_adds_to_the_stream_count(
    redis_server: Redis, exporter_server: Callable[[Mapping[str, str]], Server], tmp_path: Path
) -> None:
    config = tmp_path / "config.yml"
    config.write_text("redis: {stream: exai-events}")
    exporter = exporter_server({"EXAI_REDIS_URL": redis_server.url, "EXAI_CONFIG": str(config)})
    redis_cli = shutil.which("redis-cli")
    assert redis_cli, "redis-cli is missing: apt-get install redis-tools"
    commands = re.findall(r"^redis-cli (XADD .*?)^```$", page("events.md"), re.MULTILINE | re.DOTALL)
    assert len(commands) == 2
    for command in commands:
        subprocess.run([redis_cli, "-p", str(redis_server.port), *shlex.split(command)], check=True)
    wait_until(lambda: counted(exporter) == {"cache": 2, "duration": 1}, what="the three events are counted")
