"""Alerts of a month: rows as the exporter copies them to Postgres, and alerts that an exporter is told of."""

from __future__ import annotations

import json
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, LiteralString

import psycopg

from tests import servers
from tests.auditor.conftest import alert, body

_OBSERVED: LiteralString = """
    insert into public.cache_auditor_observations (severity, category, title, description, recommendation, subject,
      metric_name, metadata, started_at, timestamp, resolved_at, acknowledged, acknowledged_at, acknowledged_by,
      acknowledged_note)
    select severity, 'reliability', name || ' of ' || service, name, 'See its runbook.',
      'service="' || service || '", severity="' || severity || '"', name,
      jsonb_build_object('labels', jsonb_build_object('service', service), 'dashboard', '/d/exai-gateway-overview'),
      now() - since, now() - since, now() - since + lasted, waited is not null, now() - since + waited, who, note
    from (values
      ('critical', 'ExaiProviderDown', 'kimi', interval '20 minutes', null, interval '2 minutes', 'ada', 'on it'),
      ('warning', 'ExaiConnectionErrorRatioHigh', 'kimi', interval '5 minutes', null, null, null, null),
      ('info', 'ExaiTimeoutConfidenceLow', 'glm', interval '1 minute', null, null, null, null),
      ('warning', 'ExaiConnectionErrorRatioHigh', 'glm', interval '9 minutes', interval '1 minute', null, null, null),
      ('warning', 'ExaiConnectionErrorRatioHigh', 'kimi', interval '9 days', interval '3 minutes',
       interval '1 minute', 'bob', 'ended by itself'),
      ('warning', 'ExaiConnectionErrorRatioHigh', 'kimi', interval '8 days', interval '1 minute', null, null, null),
      ('critical', 'ExaiRedisDown', 'redis', interval '3 days', interval '30 minutes', interval '5 minutes', 'ada',
       'the disk was full'),
      ('info', 'ExaiOfLastQuarter', 'redis', interval '60 days', interval '1 hour', null, null, null)
    ) o (severity, name, service, since, lasted, waited, who, note)
"""


def keep(connection: psycopg.Connection[Any]) -> None:
    """Writes the rows."""
    connection.execute(_OBSERVED)


def tell(exporter: servers.Server, state: Path, prometheus: servers.Prometheus) -> None:
    """Tells of Watchdogs that began five minutes ago, acknowledges them once they are scraped, and ends them."""
    now = datetime.now(UTC)
    start = {"startsAt": (now - timedelta(minutes=5)).isoformat()}
    _post(exporter, "/api/v1/alerts", body(alert("Watchdog", **start)))
    # Not one of the past, which another exporter showed.
    scraped = f'exai_alert_acknowledgements_total{{instance="{exporter.address}"}}'
    servers.wait_until(lambda: prometheus.query(scraped), 30, "the alert is scraped before it is acknowledged")
    token = (state / "admin-token").read_text().strip()
    (observed,) = servers.get_json(f"{exporter.url}/auditor/observations?metric_name=Watchdog")["observations"]
    _post(exporter, f"/auditor/acknowledge/{observed['id']}", {"minutes": 0}, token)
    _post(exporter, "/api/v1/alerts", body(alert("Watchdog", over=now, **start)))


def _post(exporter: servers.Server, path: str, document: object, token: str = "") -> None:
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    request = urllib.request.Request(exporter.url + path, json.dumps(document).encode(), headers)  # noqa: S310
    urllib.request.urlopen(request, timeout=10).close()  # noqa: S310
