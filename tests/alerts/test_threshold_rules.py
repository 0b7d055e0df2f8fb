"""A real exporter and a real Prometheus with the shipped thresholds and rules, and a person who changes one."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

from tests.servers import Server, exporter_server, prometheus_server, wait_until

MISSING = 'ALERTS{alertname="ExaiThresholdsMissing"}'
RESOLVED = 'subject:exai_threshold:resolved{name="source_lag_seconds"}'


def configure(exporter: Server, state: Path, change: dict[str, object]) -> None:
    token = (state / "admin-token").read_text().strip()
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    request = urllib.request.Request(  # noqa: S310
        f"{exporter.url}/alerts/configure", json.dumps({"name": "source_lag_seconds", **change}).encode(), headers
    )
    urllib.request.urlopen(request, timeout=10).close()  # noqa: S310


def test_what_the_api_changes_is_what_the_rules_compare_with(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with (
        exporter_server(tmp_path) as exporter,
        prometheus_server(tmp_path, {"exai-exporter": [exporter.address]}) as prometheus,
    ):
        wait_until(lambda: prometheus.value(RESOLVED) == 60, what="the shipped value is resolved")
        # The rule may have been evaluated before the first scrape: it is pending until it is evaluated again.
        wait_until(lambda: not prometheus.query(MISSING), what="no threshold is missing")
        configure(exporter, state, {"value": 90})
        wait_until(lambda: prometheus.value(RESOLVED) == 90, what="the changed value is resolved")
        configure(exporter, state, {"enabled": False})
        wait_until(lambda: not prometheus.query(RESOLVED), what="what is switched off is compared with nothing")
        assert prometheus.value('exai_threshold_enabled{name="source_lag_seconds"}') == 0
        configure(exporter, state, {"reset": True})
        wait_until(lambda: prometheus.value(RESOLVED) == 60, what="the shipped value is back")
