"""A simulated gateway that has an incident, all that watches it, each of them real, and the truth about it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import Event

from tests import servers
from tests.databases import postgres_server
from tests.grafana.live import alertmanager_server
from tests.incidents.alert_log import AlertLog
from tests.incidents.gateway import AFTER_S, CALM_S, LASTS_S, Gateway, post
from tests.incidents.truth import Fields, Truth

PHASES = {"before": CALM_S, "during": CALM_S + LASTS_S, "after": CALM_S + LASTS_S + AFTER_S}
"""When the boards are read, in seconds from the start."""

_ACKNOWLEDGED_AT_S = CALM_S + 50


@dataclass(frozen=True)
class Acknowledged:
    """An alert that somebody has acknowledged, by its id in Alertmanager, when, and so many seconds after its start."""

    id: str
    at: float
    after_s: float


@dataclass
class Story:
    """The servers, and what has happened."""

    exporter: servers.Server
    prometheus: servers.Prometheus
    alerts: AlertLog
    database: str
    state: Path
    threads: ThreadPoolExecutor
    ended: Event
    truth: Truth = field(default_factory=Truth)
    acknowledged: list[Acknowledged] = field(default_factory=list)
    started: float = 0.0

    def play(self, incident: str) -> Iterator[str]:
        """Let the gateway live; yield the name of each phase when it ends."""
        gateway = Gateway(self.exporter.url, self.state, incident, self.truth)
        self.started = gateway.started
        running = [self.threads.submit(work, self.ended) for work in (gateway.live, self.alerts.keep)]
        for phase, ends_s in PHASES.items():
            if phase == "during":
                self._wait(_ACKNOWLEDGED_AT_S, running)
                self._acknowledge()
            self._wait(ends_s, running)
            yield phase

    def _wait(self, until_s: float, running: list[Future[None]]) -> None:
        """Wait until so many seconds after the start, or until something fails."""
        end = self.started + until_s

        def over() -> bool:
            for work in running:
                if work.done():
                    work.result()
            return time.time() >= end

        servers.wait_until(over, until_s + 60, "the phase is over")

    def _acknowledge(self) -> None:
        """Acknowledge an alert of which the exporter has been told, if there is one."""
        told = servers.get_json(f"{self.exporter.url}/auditor/observations?acknowledged=false&limit=1")["observations"]
        for observation in told:
            now, since = time.time(), datetime.fromisoformat(observation["started_at"]).timestamp()
            url = f"{self.exporter.url}/auditor/acknowledge/{observation['id']}"
            post(url, {"minutes": 0}, self.state / "admin-token")
            ids = (alert["id"] for alert in self.alerts.answers[-1].firing if _is(observation, alert))
            self.acknowledged.append(Acknowledged(next(ids, ""), now, now - since))


def _is(observation: Fields, alert: Fields) -> bool:
    since = datetime.fromisoformat(observation["started_at"]).timestamp()
    return bool(observation["metric_name"] == alert["alertname"] and abs(since - alert["since"]) < 1)


@contextmanager
def story(home: Path) -> Iterator[Story]:
    """Return the exporter, Prometheus, Alertmanager and PostgreSQL with all that is shipped."""
    with ExitStack() as stack:
        database = stack.enter_context(postgres_server(home)).migrated("incident")
        exporter = stack.enter_context(servers.exporter_server(home, {"EXAI_DATABASE_URL": database}))
        alertmanager = stack.enter_context(alertmanager_server(home, exporter))
        jobs = {"exai-exporter": [exporter.address]}
        prometheus = stack.enter_context(servers.prometheus_server(home, jobs, alertmanager.address))
        servers.write_targets(home / "prometheus/targets", {"prometheus": [prometheus.address]})
        threads, ended = stack.enter_context(ThreadPoolExecutor()), Event()
        stack.callback(ended.set)
        yield Story(exporter, prometheus, AlertLog(alertmanager.url), database, home / "state", threads, ended)
