"""The share of acknowledged alerts is of the alerts that it is a share of."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests import servers
from tests.auditor.conftest import STARTED, Audited, alert
from tests.blocks import at, prometheus_of
from tests.core.harness import running
from tests.grafana.shipped import targets

STEP_S, LASTS_S = 15, 1800
SHOWN_S = 900
BEGINNING, ENDED = STARTED.timestamp(), STARTED.timestamp() + LASTS_S
(ACKNOWLEDGED,) = (
    each for each in targets() if each.panel["title"] == "Noise of each alert" and each.json["refId"] == "E"
)

Clock = list[float]


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Prometheus]:
    """A Prometheus with half an hour of an exporter whose alerts began, were acknowledged and ended."""
    home = tmp_path_factory.mktemp("shares")
    now = [BEGINNING]
    with running(home / "state", lambda: now[0], alertmanager_url="http://127.0.0.1:9") as exporter:
        lines = list(scraped(Audited(exporter, home / "state"), now))
    with prometheus_of(home, lines) as server:
        yield server


def scraped(audited: Audited, now: Clock) -> Iterator[str]:
    """Yield the samples of each scrape, and do between two of them what is planned for then."""
    for now[0] in range(int(BEGINNING), int(ENDED) + 1, STEP_S):
        happen(audited, now[0] - BEGINNING)
        yield from at(audited.running.client.get("/metrics").text, now[0])


def happen(audited: Audited, second: float) -> None:
    """Begin five alerts early, acknowledge them in the last quarter of an hour, begin eight more, and end all."""
    if second in range(60, 360, 60):
        audited.send(alert("Early", service=f"early-{second:.0f}"))
    if second in range(960, 1200, 60):
        service = f"late-{second:.0f}"
        audited.send(alert("Early", service=service), alert("Loud", service=service))
    if second == 1200:
        for found in audited.found("metric_name=Early"):
            if found["labels"]["service"].startswith("early"):
                audited.acknowledge(f"/auditor/acknowledge/{found['id']}", {"minutes": 0})
    if second == 1500:
        over = STARTED + timedelta(seconds=second)
        known = [(found["metric_name"], found["labels"]["service"]) for found in audited.found("open=true&limit=100")]
        audited.send(*(alert(name, service=service, over=over) for name, service in known))


def shares(prometheus: servers.Prometheus) -> dict[str, float]:
    rows = prometheus.query(ACKNOWLEDGED.expression(None, range=f"{SHOWN_S}s"), at=ENDED)
    return {row["metric"]["alertname"]: float(row["value"][1]) for row in rows}


def test_five_of_nine_alerts_that_ended_were_acknowledged_though_only_four_began(
    prometheus: servers.Prometheus,
) -> None:
    assert shares(prometheus) == {"Early": pytest.approx(5 / 9), "Loud": 0}


def test_there_is_no_share_before_one_has_ended(prometheus: servers.Prometheus) -> None:
    assert prometheus.query(ACKNOWLEDGED.expression(None, range="600s"), at=BEGINNING + 1200) == []
