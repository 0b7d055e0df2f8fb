"""A real Prometheus and a real Alertmanager that fail: the alerts about them see it in their own series."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers import (
    ROOT,
    Alertmanager,
    Prometheus,
    alertmanager_server,
    prometheus_server,
    wait_until,
    write_targets,
)
from tests.sinks import http_sink

SHIPPED_FLAGS = (ROOT / "prometheus/flags").read_text().split()
AMBIGUOUS_RULE = "groups: [{ name: bad, rules: [{ record: 'a:b:c', expr: up * on () up }] }]"


def raised(prometheus: Prometheus, alert: str) -> list[dict[str, str]]:
    """Return the labels with which an alert is pending or fires."""
    return [row["metric"] for row in prometheus.query(f'ALERTS{{alertname="{alert}"}}')]


def unreachable(prometheus: Prometheus, address: str) -> bool:
    """Return whether the alert names this Alertmanager; one about messages that were dropped names none."""
    alerts = raised(prometheus, "ExaiAlertmanagerUnreachable")
    return any(address in alert.get("alertmanager", "") for alert in alerts)


def reload(prometheus: Prometheus) -> None:
    """Have it read its configuration and rules again."""
    assert prometheus.process
    os.kill(prometheus.process.pid, signal.SIGHUP)


@contextmanager
def watched(tmp_path: Path, alertmanager: str) -> Iterator[Prometheus]:
    """Run a Prometheus that scrapes itself and an Alertmanager each second."""
    flags = [*SHIPPED_FLAGS, "--rules.alert.resend-delay=5s"]
    with prometheus_server(tmp_path, {}, alertmanager, flags) as prometheus:
        write_targets(tmp_path / "prometheus/targets", {"prometheus": [prometheus.address]})
        config = tmp_path / "prometheus/prometheus.yml"
        config.write_text(re.sub(r"(_interval|_timeout): \d+s", r"\1: 1s", config.read_text()))
        reload(prometheus)
        wait_until(lambda: len(prometheus.query("up == 1")) == 2, 60, "both are scraped")
        yield prometheus


@contextmanager
def refused_messages(tmp_path: Path) -> Iterator[Alertmanager]:
    """Run an Alertmanager whose only channel refuses each message."""
    with http_sink() as sink:
        sink.status = 400
        receiver = {"name": "x", "webhook_configs": [{"url": sink.url}]}
        config = {"route": {"receiver": "x", "group_wait": "1s", "group_interval": "5s"}, "receivers": [receiver]}
        (tmp_path / "alertmanager.yml").write_text(json.dumps(config))
        with alertmanager_server(tmp_path, tmp_path / "alertmanager.yml") as alertmanager:
            yield alertmanager


def test_failures_of_prometheus_and_alertmanager_raise_their_alerts(tmp_path: Path) -> None:
    home = tmp_path / "prometheus"
    with refused_messages(tmp_path) as alertmanager, watched(tmp_path, alertmanager.address) as prometheus:
        # Before the first scrape nothing was stored yet.
        wait_until(lambda: not raised(prometheus, "ExaiPrometheusStale"), what="the samples are noticed")
        for alert in ("ExaiRuleFailing", "ExaiReloadFailed", "ExaiAlertmanagerUnreachable"):
            assert raised(prometheus, alert) == []
        wait_until(lambda: raised(prometheus, "ExaiNotificationsFailing"), 60, "a refused message is noticed")
        (failing,) = raised(prometheus, "ExaiNotificationsFailing")
        assert failing["integration"] == "webhook"

        (home / "rules/bad.yml").write_text(AMBIGUOUS_RULE)
        reload(prometheus)
        wait_until(lambda: raised(prometheus, "ExaiRuleFailing"), 60, "the rule that fails is noticed")
        assert raised(prometheus, "ExaiRuleFailing")[0]["rule_group"].endswith("/rules/bad.yml;bad")

        (home / "rules/bad.yml").write_text("no rules")
        reload(prometheus)
        wait_until(lambda: raised(prometheus, "ExaiReloadFailed"), 60, "the refused configuration is noticed")
        assert raised(prometheus, "ExaiReloadFailed")[0]["job"] == "prometheus"

        alertmanager.kill()
        wait_until(lambda: unreachable(prometheus, alertmanager.address), 60, "the lost Alertmanager is noticed")

        write_targets(home / "targets", {"prometheus": [], "alertmanager": []})
        wait_until(lambda: raised(prometheus, "ExaiPrometheusStale"), 60, "that nothing is scraped is noticed")
