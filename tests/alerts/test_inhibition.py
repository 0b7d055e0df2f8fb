"""Who hears of a cause is not told of what follows from it: a real Alertmanager says what it suppresses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.alerts.notifications import CONFIG_DIR
from exporter.conventions import FAMILIES
from tests.alerts.conftest import fired
from tests.promql import alerts, rules, series_names
from tests.servers import Alertmanager, alertmanager_server, get_json, wait_until

Alerts = Sequence[dict[str, Any]]
SEEN_WITHOUT_THE_EXPORTER = {
    "ExaiAlertmanagerUnreachable", "ExaiExporterDown", "ExaiNotificationsFailing", "ExaiPrometheusStale",
    "ExaiRedisDown", "ExaiRedisPersistenceFailing", "ExaiReloadFailed", "ExaiRuleFailing", "ExaiTargetDown", "Watchdog",
}  # fmt: skip
KIMI = {"provider": "kimi", "service": "kimi"}


@pytest.fixture(scope="module")
def alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alertmanager]:
    home = tmp_path_factory.mktemp("inhibition")
    with alertmanager_server(home, CONFIG_DIR / "alertmanager.yml") as server:
        yield server


def told(alertmanager: Alertmanager, cause: dict[str, Any], explained: Alerts, others: Alerts = ()) -> None:
    """Of these alerts only the others are told while the cause lasts, and all of them when it is over.

    Something must be explained: by that it is seen that Alertmanager knows the cause.
    """
    alertmanager.post(cause, *explained, *others)
    wait_until(lambda: all(_inhibited(alertmanager, alert) for alert in explained), what="all of them are suppressed")
    assert not any(_inhibited(alertmanager, alert) for alert in (cause, *others))
    alertmanager.post(_ended(cause))
    wait_until(lambda: not any(_inhibited(alertmanager, alert) for alert in explained), what="none is suppressed")
    alertmanager.post(*map(_ended, (*explained, *others)))


def _ended(alert: dict[str, Any]) -> dict[str, Any]:
    return {**alert, "endsAt": alert["startsAt"]}


def _inhibited(alertmanager: Alertmanager, alert: dict[str, Any]) -> bool:
    (found,) = [each for each in get_json(f"{alertmanager.url}/api/v2/alerts") if each["labels"] == alert["labels"]]
    return bool(found["status"]["inhibitedBy"])


def rests_on(names: set[str]) -> set[str]:
    """These series, and all that they are made of."""
    made_of = {name for rule in rules() if rule.get("record") in names for name in series_names(rule["expr"])}
    return names if made_of <= names else rests_on(names | made_of)


def test_the_exporters_silence_explains_every_alert_that_rests_on_its_series(
    alertmanager: Alertmanager, started: datetime
) -> None:
    ours = {name for family in FAMILIES.values() for name in family.series_names}
    derived = {alert["alert"] for alert in alerts() if rests_on(series_names(alert["expr"])) & ours}
    names = {alert["alert"] for alert in alerts()}
    assert names - derived == SEEN_WITHOUT_THE_EXPORTER
    # A provider of its own each: one that is down explains others.
    explained = [fired(name, started, provider=name) for name in sorted(derived)]
    others = [fired(name, started) for name in sorted(SEEN_WITHOUT_THE_EXPORTER - {"ExaiExporterDown"})]
    told(alertmanager, fired("ExaiExporterDown", started), explained, others)


def test_an_alert_of_somebody_else_and_a_test_are_told_without_the_exporter(
    alertmanager: Alertmanager, started: datetime
) -> None:
    others = [fired("NodeDown", started), fired("ExaiTestAlert", started)]
    told(alertmanager, fired("ExaiExporterDown", started), [fired("ExaiSourceDown", started)], others)


def test_nothing_explains_a_test(alertmanager: Alertmanager, started: datetime) -> None:
    others = [
        fired("ExaiTestAlert", started, severity="warning", **subject) for subject in (KIMI, {"service": "redis"})
    ]
    for source in (fired("ExaiProviderDown", started, **KIMI), fired("ExaiRedisDown", started, service="redis")):
        told(alertmanager, source, [], others)
    told(alertmanager, fired("ExaiTestAlert", started, **KIMI), [], others)


def test_critical_explains_the_warning_of_the_same_alert_and_subject_alone(
    alertmanager: Alertmanager, started: datetime
) -> None:
    name = "ExaiConnectionErrorRatioHigh"
    explained = [fired(name, started, severity="warning", **KIMI)]
    others = [
        fired(name, started, severity="warning", provider="glm", service="glm"),
        fired("ExaiProviderRateLimited", started, severity="warning", **KIMI),
    ]
    told(alertmanager, fired(name, started, **KIMI), explained, others)


@pytest.mark.parametrize(
    "name",
    ["ExaiModelLatencyHigh", "ExaiConnectionResponseSlow", "ExaiTimeoutCoverageLow", "ExaiTimeoutConfidenceLow",
     "ExaiProviderRateLimited", "ExaiConnectionErrorRatioHigh", "ExaiSloLatencyBurn"],
)  # fmt: skip
def test_a_provider_that_is_down_explains_its_latency_its_timeouts_and_its_errors(
    name: str, alertmanager: Alertmanager, started: datetime
) -> None:
    assert name in {alert["alert"] for alert in alerts()}
    explained = [fired(name, started, severity="warning", model="kimi-k2", **KIMI)]
    others = [
        fired(name, started, severity="warning", model="glm-4.6", provider="glm", service="glm"),
        fired(name, started, severity="warning"),
    ]
    told(alertmanager, fired("ExaiProviderDown", started, **KIMI), explained, others)


def test_redis_that_is_down_explains_what_is_read_from_it_and_kept_in_it(
    alertmanager: Alertmanager, started: datetime
) -> None:
    explained = [
        fired("ExaiConnectionErrorRatioHigh", started, service="redis"),
        fired("ExaiSloAvailabilityBurn", started, service="redis"),
        fired("ExaiRedisMemoryHigh", started, severity="warning", service="redis"),
        fired("ExaiCacheErrorRatioHigh", started, severity="warning", service="cache", implementation="new"),
        fired("ExaiSourceDown", started, source="redis_zset"),
        fired("ExaiSourceStale", started, severity="warning", source="redis_stream"),
    ]
    others = [
        fired("ExaiSourceDown", started, source="postgres"),
        fired("ExaiConnectionErrorRatioHigh", started, service="supabase"),
        fired("ExaiCheckpointStale", started),
    ]
    told(alertmanager, fired("ExaiRedisDown", started, service="redis"), explained, others)


def test_every_alert_that_a_rule_of_inhibition_names_exists() -> None:
    config = yaml.safe_load(Path(CONFIG_DIR, "alertmanager.yml").read_text())
    text = str(config["inhibit_rules"])
    named = {word for word in text.replace('"', "|").split("|") if word.startswith("Exai") and word.isalpha()}
    assert named - {alert["alert"] for alert in alerts()} == {"ExaiTestAlert"}
