"""A simulated gateway and all that watches it, each of them real, and what the boards show of it."""

from __future__ import annotations

import math
import os
import sys
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from exporter.alerts.notifications import CONFIG_DIR, render, write
from tests import past, servers
from tests.databases import postgres_server
from tests.grafana import kept_alerts, last_week
from tests.grafana.shipped import Choice, SqlTarget, Target

PUSHED, STORED = "pushed", "through Redis and Postgres"
"""The ways of a gateway's events to the exporter."""

_STEP_S = 5
_SHOWN = timedelta(minutes=15)
_INCIDENTS = ("error-burst", "model-drift", "slow-kimi")
_AN_ALERT = {"alertname": "ExaiTestAlert", "severity": "info", "category": "reliability", "service": "all"}


@dataclass(frozen=True)
class Live:
    """A run of the demo, watched since a moment (Unix seconds); its Postgres is where `database` says."""

    prometheus: servers.Prometheus
    database: str
    since: float

    def shown(self, target: Target) -> list[float]:
        """What a target shows now, without what is no number."""
        rows = self.prometheus.query(target.expression(None, **windows(target)))
        return [value for row in rows if not math.isnan(value := float(row["value"][1]))]

    def moved(self, target: Target) -> bool:
        """Whether a target has shown a number other than zero since then."""
        asked = {"query": target.expression(None, **windows(target)), "step": _STEP_S}
        rows = self._ask("query_range", start=self.since, end=time.time(), **asked)["result"]
        values = (float(value) for row in rows for _, value in row["values"])
        return any(value and math.isfinite(value) for value in values)

    def kept(self, target: SqlTarget) -> bool:
        """Whether a target finds more than nothing in the rows of Postgres, rolled up as each minute."""
        now = datetime.now(UTC)
        with psycopg.connect(self.database, autocommit=True) as connection:
            connection.execute("call monitoring.roll_up()")
            return any(any(row) for row in connection.execute(target.statement(now - _SHOWN, now)).fetchall())

    def choices(self, of: Choice) -> list[str]:
        """What a variable of a board can be, as Grafana asks for it."""
        return [str(value) for value in self._ask(f"label/{of.label}/values", **{"match[]": of.selector()})]

    def _ask(self, what: str, **parameters: object) -> Any:
        return servers.get_json(f"{self.prometheus.url}/api/v1/{what}?{urllib.parse.urlencode(parameters)}")["data"]


@contextmanager
def running(home: Path, way: str) -> Iterator[Live]:
    """The demo, which Prometheus, remembering weeks before it, sees through the exporter."""
    with ExitStack() as stack:
        postgres = stack.enter_context(postgres_server(home))
        redis = stack.enter_context(servers.redis_server(home)).url if way == STORED else ""
        database = postgres.migrated("live") if way == STORED else last_week.remembering(postgres, "live")
        sources = {"EXAI_REDIS_URL": redis, "EXAI_DATABASE_URL": database}
        exporter = stack.enter_context(servers.exporter_server(home, sources))
        alertmanager = stack.enter_context(alertmanager_server(home, exporter))
        postgres_exporter = stack.enter_context(postgres_exporter_server(home, database))
        jobs = {"exai-exporter": [exporter.address], "postgres": [postgres_exporter.address]}
        jobs["node"] = [stack.enter_context(node_exporter_server(home)).address]
        prometheus = stack.enter_context(servers.prometheus_server(home, jobs, alertmanager.address))
        servers.write_targets(home / "prometheus/targets", {"prometheus": [prometheus.address]})
        past.remember(prometheus, home)
        stack.enter_context(_gateway(home, exporter, redis, database if way == STORED else ""))
        kept_alerts.tell(exporter, home / "state", prometheus)
        servers.wait_until(lambda: prometheus.query("alertmanager_notifications_total"), what="messages are counted")
        alertmanager.post({"labels": _AN_ALERT})
        # Until the exporter is scraped, the rules look at the end of the past, to which no price is known.
        missing = "gateway:exai_token_price_missing:count"
        servers.wait_until(lambda: prometheus.value(missing) == 0, what="the rules have seen the exporter")
        # Prometheus sees no increase that comes before its first sample.
        servers.wait_until(lambda: prometheus.query("pg_stat_database_xact_rollback"), what="PostgreSQL is scraped")
        _roll_back(database)
        yield Live(prometheus, database, time.time())


def windows(target: Target) -> dict[str, str]:
    """What Grafana fills in on the boards' default time range: a rate reaches over four steps."""
    return {"rate_interval": "1m" if target.json.get("interval") == "15s" else "20s", "range": "15m"}


def alertmanager_server(home: Path, exporter: servers.Server) -> AbstractContextManager[servers.Alertmanager]:
    """Tells the exporter, as in the bundle."""
    token = home / "state/push-token"
    rendered = render(CONFIG_DIR, {"EXAI_LISTEN": exporter.address, "EXAI_ALERTS_TOKEN_FILE": str(token)})
    write(rendered, home / "rendered")
    return servers.alertmanager_server(home, home / "rendered/alertmanager.yml")


def node_exporter_server(home: Path) -> AbstractContextManager[servers.Server]:
    """What watches this machine, as the bundle runs it."""
    port = servers.free_port()
    argv = [servers.binary("node_exporter"), f"--web.listen-address={servers.LOOPBACK}:{port}"]
    return servers.running(argv, ready=servers.answers(port, "/"), log=home / "node.log", port=port)


def postgres_exporter_server(home: Path, database: str) -> AbstractContextManager[servers.Server]:
    """Run a postgres_exporter with the login of the connection string."""
    port, (login, _, place) = servers.free_port(), urllib.parse.urlsplit(database).netloc.rpartition("@")
    name = database.rpartition("/")[2]
    env = {**os.environ, "DATA_SOURCE_URI": f"{place}/{name}?sslmode=disable", "DATA_SOURCE_USER": login}
    argv = [servers.binary("prometheus-postgres-exporter"), f"--web.listen-address={servers.LOOPBACK}:{port}"]
    return servers.running(argv, ready=servers.answers(port, "/"), log=home / "pg-exporter.log", port=port, env=env)


def _roll_back(database: str) -> None:
    """Roll a transaction back, which nothing else here does."""
    with psycopg.connect(database) as connection:
        connection.execute("select 1")
        connection.rollback()


def _gateway(home: Path, exporter: servers.Server, redis: str, database: str) -> AbstractContextManager[servers.Server]:
    """The demo, which pushes to `exporter` what it writes not to `redis` nor to `database`; soon much fails."""
    options = ["--exporter", exporter.url, "--redis", redis, "--database", database, "--seed", "1"]
    options += [part for name in _INCIDENTS for part in ("--incident", name)]
    options += ["--incident-after", "15", "--incident-for", "3600"]
    env = {**os.environ, "EXAI_STATE_DIR": str(home / "state")}
    argv = [sys.executable, "-m", "exporter", "demo", *options]
    return servers.running(argv, ready=lambda: True, log=home / "demo.log", env=env, cwd=servers.ROOT)
