"""`make demo` natively: a bundle of its own, which reads nothing real, tells nobody, and leaves nothing behind."""

from __future__ import annotations

import json
import time
import urllib.parse
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import yaml
from redis import Redis as Client

from exporter.bundle import postgres
from exporter.bundle.demo_environment import demo_environment
from tests.alerts.conftest import fired
from tests.bundle.conftest import Clone
from tests.servers import LOOPBACK, Redis, free_port, get_json, wait_until
from tests.sinks import HttpSink

EVENTS = "exai_connection_events_total"
GATEWAYS_OWN = "connection_monitor:openai:events"
"""The sorted set of a real gateway's events with a provider that the demo does not have."""


def from_exporter(clone: Clone, path: str) -> Any:
    """The exporter's answer to GET."""
    return get_json(f"{clone.endpoints.exporter.url}{path}")


def values(clone: Clone, label: str, series: str) -> list[str]:
    """The values that a label of a family has had in Prometheus within the weeks that a demo's past has."""
    query = urllib.parse.urlencode({"match[]": series, "start": time.time() - 20 * 86400})
    return list(get_json(f"{clone.endpoints.prometheus.url}/api/v1/label/{label}/values?{query}")["data"])


def remembered(clone: Clone, at: float) -> float:
    """How many series Prometheus has that are from before a moment (Unix seconds)."""
    query = urllib.parse.urlencode({"query": 'count(last_over_time({__name__!=""}[20d]))', "time": at})
    result = get_json(f"{clone.endpoints.prometheus.url}/api/v1/query?{query}")["data"]["result"]
    return float(result[0]["value"][1]) if result else 0.0


def from_database(clone: Clone, query: str) -> object:
    """The first value that the demo's own PostgreSQL answers."""
    with psycopg.connect(postgres.url(clone.layout.demo)) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def write_event(redis: Redis) -> None:
    """Write an event as a real gateway does."""
    now = time.time()
    member = {"connection_type": "openai", "direction": "receive", "function_name": "f", "timestamp": now}
    with Client.from_url(redis.url) as client:
        client.zadd(GATEWAYS_OWN, {json.dumps(member): now})


def fire(clone: Clone) -> None:
    """Have Prometheus' alert of the demo come to Alertmanager, without waiting for an incident."""
    alert = fired("ExaiProviderDown", datetime.now(UTC), service="kimi", provider="kimi", environment="demo")
    request = urllib.request.Request(  # noqa: S310
        f"{clone.endpoints.alertmanager.url}/api/v2/alerts",
        json.dumps([alert]).encode(),
        {"Content-Type": "application/json"},
    )
    urllib.request.urlopen(request, timeout=10).close()  # noqa: S310


def test_nothing_of_a_demo_is_in_the_real_bundle_that_comes_after_it(clone: Clone, redis_server: Redis) -> None:
    write_event(redis_server)
    (clone.root / ".env").write_text(f"EXAI_REDIS_URL={redis_server.url}\n")
    printed = clone.demo()
    assert "Bringing the demo up" in printed
    assert "Prometheus finds it within a minute" in printed
    fire(clone)
    wait_until(lambda: clone.value('sum(exai_connection_events_total{environment="demo"})'), 40, "events in Prometheus")
    wait_until(lambda: from_exporter(clone, "/api/v1/timeout/models")["models"], 40, "estimates")
    wait_until(lambda: from_exporter(clone, "/auditor/observations")["total"], 40, "an observation")
    wait_until(lambda: from_database(clone, "select count(*) from public.cache_metrics"), 40, "rows")
    assert list(clone.layout.demo.data("prometheus").glob("01*")), "the past"
    assert "openai" not in values(clone, "connection_type", EVENTS), "the demo has read the real Redis"
    with Client.from_url(redis_server.url) as client:
        assert client.keys() == [GATEWAYS_OWN.encode()], "the demo has written to the real Redis"
    assert clone.run("down").returncode == 0

    started = time.time()
    clone.up()
    wait_until(lambda: clone.value(f'{EVENTS}{{connection_type="openai"}}') == 1, 40, "the real event")
    assert values(clone, "connection_type", EVENTS) == ["openai"]
    assert values(clone, "environment", '{__name__!=""}') == []
    assert values(clone, "gen_ai_request_model", '{__name__=~"gen_ai_.+"}') == []
    assert remembered(clone, started) == 0
    assert from_exporter(clone, "/api/v1/timeout/models")["models"] == []
    assert from_exporter(clone, "/auditor/observations")["total"] == 0
    assert "postgres" not in clone.owned()
    assert not clone.layout.postgres.exists()


def test_each_is_refused_while_the_other_runs_and_nothing_is_touched(clone: Clone) -> None:
    clone.up()
    before = clone.owned()
    refused = clone.run("demo", "--native")
    assert refused.returncode == 1
    assert "end it with `make down`, then run `make demo` again" in refused.stderr
    assert clone.owned() == before
    assert not clone.layout.demo.state.exists()
    assert clone.run("down").stdout.endswith("The bundle is down; its data stays.\n")

    clone.demo()
    before = clone.demo_owned()
    refused = clone.run("up", "--native", GRAFANA_HOME="/nowhere")
    assert refused.returncode == 1
    assert "end it with `make down`, then run `make up` again" in refused.stderr
    assert clone.demo_owned() == before
    assert not clone.owned()
    shown = clone.run("status", "--native")
    assert (shown.returncode, shown.stdout.splitlines()[0]) == (0, "This is the demo: its gateway is simulated.")
    assert clone.run("token").stdout.strip() == (clone.layout.demo.state / "push-token").read_text().strip()

    clone.demo("--incident", "error-burst")
    after = clone.demo_owned()
    assert {name for name in after if after[name] != before[name]} == {"demo"}
    assert after["demo"].cmdline()[-6:-2] == ["--rhythm", "--on-call", "--incident", "error-burst"]
    assert clone.run("down").stdout.endswith("The demo is down; its data stays.\n")
    assert not clone.demo_owned()


def test_the_demo_tells_people_only_when_it_is_asked_to(clone: Clone, http_sink: HttpSink) -> None:
    people = {"SLACK_WEBHOOK_URL": http_sink.url, "EXAI_WATCHDOG_URL": http_sink.url}
    assert "EXAI_NOTIFY switches every channel off" in clone.demo(**people)
    rendered = clone.layout.demo.alertmanager / "alertmanager.yml"
    assert http_sink.url not in rendered.read_text()
    before = clone.demo_owned()
    assert "alerts go to slack" in clone.demo("--notify", **people)
    assert {name: process for name, process in clone.demo_owned().items() if name != "demo"}.items() <= before.items()
    receivers = {receiver["name"]: receiver for receiver in yaml.safe_load(rendered.read_text())["receivers"]}
    assert receivers["critical"]["slack_configs"][0]["api_url"] == http_sink.url
    fire(clone)
    wait_until(lambda: titles(http_sink), 60, "the demo's alert in Slack")
    assert titles(http_sink) == ["[demo] Critical · ExaiProviderDown"]


def titles(sink: HttpSink) -> list[str]:
    """The titles of the messages in Slack; the Watchdog's webhook has none."""
    return [attachment["title"] for body in sink.bodies for attachment in body.get("attachments", [])]


def test_what_leads_to_something_real_is_set_to_nothing(tmp_path: Path) -> None:
    real = {
        "EXAI_REDIS_URL": f"redis://{LOOPBACK}:{free_port()}", "EXAI_DATABASE_URL": "postgresql://h/d",
        "EXAI_CONFIG": "config/exai.yml", "EXAI_ALERT_FILE": "alerts", "EXAI_ALERTS_URL": "http://h",
        "EXAI_TOKEN_FILE": "token", "MOONSHOT_API_KEY": "key", "SLACK_WEBHOOK_URL_FILE": "slack",
        "SMTP_PASSWORD": "secret", "EXAI_WATCHDOG_URL": "http://h", "GRAFANA_POSTGRES_URL": "h:5432",
    }  # fmt: skip
    kept = {"EXAI_THRESHOLDS_FILE": "thresholds.yml", "EXAI_STATE_DIR": str(tmp_path), "GRAFANA_HOME": "/grafana"}
    env = demo_environment({**real, **kept})
    assert {name: env[name] for name in real} == dict.fromkeys(real, "")
    assert env["EXAI_THRESHOLDS_FILE"] == "thresholds.yml"
    assert env["EXAI_STATE_DIR"] == str(tmp_path / "demo")
    assert (env["EXAI_ENVIRONMENT"], env["COMPOSE_PROJECT_NAME"], env["EXAI_NOTIFY"]) == ("demo", "exai-demo", "false")
    notifying = demo_environment({**real, **kept}, notify=True)
    assert notifying["SLACK_WEBHOOK_URL_FILE"] == "slack"
    assert notifying["EXAI_REDIS_URL"] == ""
