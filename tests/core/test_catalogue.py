"""Every declared family is rendered by some event, and nothing is rendered that is not declared."""

from __future__ import annotations

import json
import time
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from exporter import conventions as series
from exporter.conventions import FAMILIES
from exporter.decode.canonical import decode
from exporter.types import Batch
from tests.auditor.conftest import alert, body
from tests.core.examples import full, minimal
from tests.core.harness import running
from tests.core.test_exposition import EVERYTHING

TALLIES = [
    (series.SOURCE_MISSING, ("redis_zset", "kimi"), 1),
    (series.SOURCE_LATE, ("redis_zset",), 1),
    (series.ROWS_WRITTEN, ("errors",), 1),
    (series.ROWS_DROPPED, ("errors", "full"), 1),
]
LEVELS = [(family, ("new",), 1.0) for name, family in FAMILIES.items() if name.startswith("exai_cache_baseline_")]
"""What only Redis and PostgreSQL bring; their own tests show that they do."""


FOLLOWS_LOAD = {"name": "response_p95_seconds", "service": "redis", "per_rate": [{"above": 10, "value": 1}]}


def test_every_declared_family_is_rendered_and_nothing_else(tmp_path: Path) -> None:
    with running(
        tmp_path, sources={"prediction": "redis_stream"}, budgets={"exai_connection_events_total": 1}
    ) as exporter:
        exporter.push(EVERYTHING)
        exporter.push([full("http", event_id="again"), full("http", event_id="again"), {"kind": "nope"}])
        exporter.push([minimal("connection", function_name=f"f{number}") for number in range(3)])
        exporter.push([minimal("prediction")])
        loop = exporter.app.loop
        loop.submit(Batch("redis_zset", tallies=TALLIES, levels=LEVELS, received=time.time()))
        loop.submit(Batch("redis_stream", decoded_prediction(), received=time.time()))
        exporter.client.post("/api/v1/alerts", json=body(alert()))
        admin = {"Authorization": f"Bearer {(tmp_path / 'admin-token').read_text().strip()}"}
        assert exporter.client.post("/alerts/configure", json=FOLLOWS_LOAD, headers=admin).status_code == 200
        text = exporter.client.get("/metrics").text
    rendered = {family.name: family for family in text_string_to_metric_families(text) if family.samples}
    ours = {name + "_total" if family.type == "counter" else name: family for name, family in rendered.items()}
    ours = {name: family for name, family in ours.items() if not name.startswith("process_")}
    assert sorted(ours) == sorted(FAMILIES)
    for name, family in ours.items():
        assert family.type == str(FAMILIES[name].kind)
        assert family.documentation == FAMILIES[name].help
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(FAMILIES[name].labels)


def decoded_prediction() -> list[object]:
    return list(decode(json.dumps(full("prediction")).encode(), time.time()).events)
