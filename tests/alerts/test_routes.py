"""Each alert takes the route of its severity, and of the first team that it matches: amtool says so."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from exporter.alerts.notifications import CONFIG_DIR, check, render, write
from exporter.alerts.routing import EXPORTER, SEVERITIES
from exporter.alerts.trial_routes import ALERT, TEAM, TEST_ID, is_copy
from exporter.alerts.values import NotificationError
from tests.promql import Rule, alerts
from tests.servers import binary

SLACK = {"SLACK_WEBHOOK_URL": "https://hooks.slack.example/of-all", "SLACK_CHANNEL": "#all"}
EMAIL = {"SMTP_HOST": "mail.example", "SMTP_FROM": "exai@example.org", "SMTP_TO": "all@example.org"}
TEAMS = """
teams:
  - name: models
    match: { provider: kimi|glm }
    tell: { SLACK_CHANNEL: "#models" }
  - name: data
    match: { service: supabase|redis|cache, severity: critical|warning }
    tell: { SMTP_TO: data@example.org, SLACK_WEBHOOK_URL_FILE: /of/data, ALERT_WEBHOOK_URL_FILE: /of/data }
"""


@pytest.fixture(scope="module")
def everybody(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The configuration without teams."""
    return rendered(tmp_path_factory.mktemp("everybody"), "")


@pytest.fixture(scope="module")
def teams(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The configuration with two teams."""
    home = tmp_path_factory.mktemp("teams")
    (home / "hook").write_text("https://hook.example/of-data\n")
    return rendered(home, TEAMS.replace("/of/data", str(home / "hook")))


def rendered(home: Path, routing: str) -> Path:
    path = home / "routing.yml"
    path.write_text(routing or "teams: []")
    environ = {**SLACK, **EMAIL, "EXAI_ALERT_ROUTING": str(path)}
    write(render(CONFIG_DIR, environ), home)
    assert check(home, environ)
    return home / "alertmanager.yml"


def receivers(config: Path, labels: dict[str, str]) -> list[str]:
    """Who is told, as amtool has it."""
    argv = [binary("amtool"), "config", "routes", "test", f"--config.file={config}"]
    argv += [f"{name}={value}" for name, value in labels.items()]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    return done.stdout.strip().split(",")


def labels_of(alert: Rule, **others: str) -> dict[str, str]:
    """The labels of an alert, where what its rule fills in is filled in with something."""
    filled = {name: re.sub(r"\{\{.*\}\}", "something", value) for name, value in alert["labels"].items()}
    return {"alertname": alert["alert"], **filled, **others}


ALERTS = pytest.mark.parametrize("alert", alerts(), ids=lambda alert: f"{alert['alert']}-{alert['labels']['severity']}")


@ALERTS
def test_without_teams_an_alert_goes_where_its_severity_says_and_to_the_exporter(alert: Rule, everybody: Path) -> None:
    labels = labels_of(alert)
    watchdog = alert["alert"] == "Watchdog"
    assert receivers(everybody, labels) == (["watchdog"] if watchdog else [EXPORTER, labels["severity"]])


@ALERTS
def test_an_alert_goes_to_the_first_team_that_it_matches_in_place_of_all(alert: Rule, teams: Path) -> None:
    provider = labels_of(alert, provider="glm", service="redis")
    service = labels_of(alert, provider="all", service="redis")
    severity = alert["labels"]["severity"]
    if alert["alert"] == "Watchdog":
        assert receivers(teams, provider) == receivers(teams, service) == ["watchdog"]
        return
    assert receivers(teams, provider) == [EXPORTER, f"models-{severity}"]
    assert receivers(teams, service) == [EXPORTER, severity if severity == "info" else f"data-{severity}"]
    assert receivers(teams, labels_of(alert, provider="all", service="all")) == [EXPORTER, severity]


@pytest.mark.parametrize("severity", SEVERITIES)
def test_an_alert_of_somebody_else_takes_the_same_routes(severity: str, everybody: Path) -> None:
    assert receivers(everybody, {"alertname": "Else", "severity": severity}) == [EXPORTER, severity]


def test_an_alert_without_a_severity_is_a_warning(everybody: Path) -> None:
    assert receivers(everybody, {"alertname": "Else"}) == [EXPORTER, "warning"]


def test_a_label_matches_a_team_whole_or_not_at_all(teams: Path) -> None:
    assert receivers(teams, {"severity": "info", "provider": "kimi-2"}) == [EXPORTER, "info"]


def test_a_team_is_told_in_its_own_places_and_else_where_all_are(teams: Path) -> None:
    config = yaml.safe_load(teams.read_text())
    found = {receiver["name"]: receiver for receiver in config["receivers"]}
    (slack,), (mail,) = found["models-critical"]["slack_configs"], found["models-critical"]["email_configs"]
    assert (slack["api_url"], slack["channel"]) == (SLACK["SLACK_WEBHOOK_URL"], "#models")
    assert mail["to"] == EMAIL["SMTP_TO"]
    (slack,), (mail,) = found["data-warning"]["slack_configs"], found["data-warning"]["email_configs"]
    assert (slack["channel"], mail["to"]) == (SLACK["SLACK_CHANNEL"], "data@example.org")
    assert slack["api_url"] == "https://hook.example/of-data"
    assert found["data-warning"]["webhook_configs"][0]["url"] == "https://hook.example/of-data"
    assert "email_configs" not in found["models-info"]
    assert "webhook_configs" not in found["warning"]


def test_alerts_are_grouped_by_name_provider_and_service(teams: Path) -> None:
    route = yaml.safe_load(teams.read_text())["route"]
    assert route["group_by"] == ["alertname", "provider", "service"]
    people = [child for child in route["routes"] if child["receiver"] != EXPORTER and not is_copy(child["receiver"])]
    leaves = [leaf for child in people for leaf in child.get("routes", [])]
    assert not any("group_by" in child for child in (*people, *leaves))


@pytest.mark.parametrize("severity", SEVERITIES)
def test_a_test_alert_goes_to_the_copies_of_the_receivers_and_to_the_exporter(severity: str, teams: Path) -> None:
    test = {"alertname": ALERT, TEST_ID: "0123abcd", "severity": severity}
    exporter = [EXPORTER, f"{EXPORTER}-test"]
    assert receivers(teams, test) == [*exporter, f"{severity}-test"]
    assert receivers(teams, {**test, "provider": "glm"}) == [*exporter, f"models-{severity}-test"]
    assert receivers(teams, {**test, "provider": "glm", TEAM: "data"}) == [*exporter, f"data-{severity}-test"]


def test_each_test_alert_is_a_group_of_its_own(teams: Path) -> None:
    route = yaml.safe_load(teams.read_text())["route"]
    (tests,) = [child for child in route["routes"] if is_copy(child["receiver"])]
    assert tests["group_by"] == [*route["group_by"], TEST_ID]


@pytest.mark.parametrize(
    ("routing", "fault"),
    [
        ("teams: [{name: models, match: {}, tell: {SMTP_TO: a@example.org}}]", "teams[0].match"),
        ("teams: [{name: Models, match: {a: b}, tell: {SMTP_TO: a@example.org}}]", "teams[0].name"),
        ("teams: [{name: models, match: {a: '('}, tell: {SMTP_TO: a@example.org}}]", "team models: match.a"),
        ("teams: [{name: models, match: {'a b': c}, tell: {SMTP_TO: a@example.org}}]", "teams[0].match"),
        ("teams: [{name: models, match: {a: b}, tell: {SMTP_HOST: mail.example}}]", "teams[0].tell"),
        ("teams: [{name: models, match: {a: b}, tell: {SMTP_TO: nobody}}]", "team models: SMTP_TO"),
        ("teams: [{name: x, match: {a: b}, tell: {SMTP_TO: a@b.c}}, {name: x, match: {a: c}, tell: {SMTP_TO: a@b.c}}]",
         "two of the teams have one name"),
        ("mute_times: [{name: nights, when: [{times: [{start_time: '25:00', end_time: '26:00'}]}]}]", "start_time"),
        ("mute_times: [{name: nights, when: []}]", "mute_times[0].when"),
        ("mute_times: [{name: nights, when: [{weekdays: [monday]}], severities: [critical]}]", "severities[0]"),
        ("nights: []", "nights"),
        ("teams: [", "routing.yml"),
    ],
)  # fmt: skip
def test_a_fault_in_the_file_is_named(routing: str, fault: str, tmp_path: Path) -> None:
    path = tmp_path / "routing.yml"
    path.write_text(routing)
    with pytest.raises(NotificationError) as refused:
        render(CONFIG_DIR, {**EMAIL, "EXAI_ALERT_ROUTING": str(path)})
    assert fault in str(refused.value)


def test_a_file_that_is_not_there_is_a_fault_and_the_shipped_one_changes_nothing(tmp_path: Path) -> None:
    with pytest.raises(NotificationError, match=r"EXAI_ALERT_ROUTING: .* cannot be read"):
        render(CONFIG_DIR, {"EXAI_ALERT_ROUTING": str(tmp_path / "routing.yml")})
    shipped = yaml.safe_load(render(CONFIG_DIR, {})["alertmanager.yml"])
    shipped["route"]["routes"] = [child for child in shipped["route"]["routes"] if not is_copy(child["receiver"])]
    assert shipped["route"] == yaml.safe_load((CONFIG_DIR / "alertmanager.yml").read_text())["route"]
    assert "time_intervals" not in shipped


def test_the_examples_in_the_shipped_file_work(tmp_path: Path) -> None:
    shipped = (CONFIG_DIR.parent / "config/routing.yml").read_text()
    examples = re.sub(r"^#  ", "  ", shipped, flags=re.MULTILINE).replace(": []", ":")
    config = yaml.safe_load(rendered(tmp_path, examples).read_text())
    assert {"models-critical", "models-warning", "models-info"} <= {each["name"] for each in config["receivers"]}
    assert [interval["name"] for interval in config["time_intervals"]] == ["nights-and-weekends"]
