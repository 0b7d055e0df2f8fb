"""From an incident in the gateway to the message that a person reads, through every shipped part."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.alerts.conftest import GRAFANA, messenger
from tests.servers import ROOT, Server, prometheus_server, running, wait_until

StartExporter = Callable[[Mapping[str, str]], Server]


def test_a_burst_of_errors_is_told_over_slack_and_mail(tmp_path: Path, exporter_server: StartExporter) -> None:
    exporter = exporter_server({})
    token = tmp_path / "state/push-token"
    burst = ["--incident", "error-burst", "--incident-after", "0", "--for", "300"]
    demo = [sys.executable, "-m", "exporter", "demo", *burst]
    demo += ["--exporter", exporter.url, "--redis", "", "--token-file", str(token), "--seed", "3"]
    targets = {"exai-exporter": [exporter.address]}
    with (
        messenger(tmp_path) as told,
        prometheus_server(tmp_path, targets, told.alertmanager.address) as prometheus,
        running(demo, ready=lambda: True, log=tmp_path / "demo.log", cwd=ROOT),
    ):
        wait_until(lambda: prometheus.firing("ExaiConnectionErrorRatioHigh"), 120, "the alert fires")
        attachment = told.attachment("Critical · ExaiConnectionErrorRatioHigh")
        fields = {field["title"]: field["value"] for field in attachment["fields"]}
        assert fields["What"] == "kimi fails more often than it answers"
        assert fields["How bad"].endswith("% of the operations of the last 2 minutes failed.")
        assert (fields["Where"], fields["Provider"], fields["Model"]) == ("kimi", "kimi", "all")
        assert fields["Severity"] == "Critical"
        assert fields["Since"].endswith(" UTC")
        assert attachment["title_link"] == f"{GRAFANA}/d/exai-errors?var-service=kimi"

        mail = told.mail("[Critical] kimi fails more often than it answers")
        for kind in ("plain", "html"):
            body = mail.get_body((kind,))
            assert body is not None
            assert fields["How bad"] in body.get_content()
        assert prometheus.value('service:exai_service_state:code{service="kimi"}') == 3
        assert prometheus.value('service:exai_service_state:code{service="glm"}') == 1
