"""The rules that watch how fast the objectives of config/slos.yml are missed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from string import Template
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from exporter.conventions import LATENCY_BUCKETS

Objective = Annotated[float, Meta(gt=0, lt=1)]
Service = Annotated[str, Meta(pattern="^[A-Za-z0-9_-]+$")]

WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")


class Latency(Struct, frozen=True, forbid_unknown_fields=True):
    """The share of answers that come within so many seconds."""

    within_seconds: float
    objective: Objective


class Slos(Struct, frozen=True, forbid_unknown_fields=True):
    """The objectives of each connection type."""

    minimum_events: Annotated[int, Meta(ge=1)]
    availability: dict[Service, Objective]
    latency: dict[Service, Latency]


def read_slos(path: Path) -> Slos:
    """The objectives of the file; ValueError names what cannot be used."""
    slos = msgspec.yaml.decode(path.read_bytes(), type=Slos)
    for service, latency in slos.latency.items():
        if latency.within_seconds not in LATENCY_BUCKETS:
            bounds = ", ".join(f"{bound:g}" for bound in LATENCY_BUCKETS)
            raise ValueError(f"latency.{service}.within_seconds: {latency.within_seconds:g} is none of {bounds}")
    return slos


def slo_rules(slos: Slos) -> str:
    """The file of the objectives, how fast they are missed, and the alerts."""
    return _FILE.substitute(
        objectives="".join(_objectives(slos)),
        within=" or\n".join(_within(slos)),
        burns="".join(_BURN.substitute(window=window, least=slos.minimum_events) for window in WINDOWS),
        availability=_alerts("availability", "reliability", "fails", "events fail"),
        latency=_alerts("latency", "performance", "answers late", "answers come late"),
    )


def _objectives(slos: Slos) -> Iterator[str]:
    late = {service: latency.objective for service, latency in slos.latency.items()}
    for slo, objectives in (("availability", slos.availability), ("latency", late)):
        for service, objective in objectives.items():
            yield _OBJECTIVE.substitute(slo=slo, service=service, objective=objective)


def _within(slos: Slos) -> Iterator[str]:
    """The answers in time, for each bound of time."""
    for bound in sorted({latency.within_seconds for latency in slos.latency.values()}):
        services = "|".join(name for name, latency in slos.latency.items() if latency.within_seconds == bound)
        selected = f'exai_connection_response_seconds_bucket{{connection_type=~"{services}", le="{bound!r}"}}'
        yield f"              sum by (connection_type) (increase({selected}[1m]))"


def _alerts(slo: str, category: str, does: str, events: str) -> str:
    return _ALERTS.substitute(slo=slo, name=f"ExaiSlo{slo.title()}Burn", category=category, does=does, events=events)


_OBJECTIVE = Template("""\
      - record: connection_type:exai_slo_objective:ratio
        labels: { slo: $slo, connection_type: $service }
        expr: vector($objective)
""")

_BURN = Template("""\
      - record: connection_type:exai_slo_burn:rate$window
        expr: |
          sum_over_time(connection_type:exai_slo_bad:increase1m[$window])
            / (sum_over_time(connection_type:exai_slo_events:increase1m[$window]) >= $least)
            / (1 - connection_type:exai_slo_objective:ratio)
""")

_ALERTS = Template("""\
      - alert: $name
        expr: |
          connection_type:exai_slo_burn:rate1h{slo="$slo"} > 14.4
            and connection_type:exai_slo_burn:rate5m > 14.4
            or
          connection_type:exai_slo_burn:rate6h{slo="$slo"} > 6
            and connection_type:exai_slo_burn:rate30m > 6
        labels: &$slo
          severity: critical
          category: $category
          service: "{{ $$labels.connection_type }}"
          provider: >-
            {{ if match "^(kimi|glm)$$" $$labels.connection_type }}{{ $$labels.connection_type }}{{ else }}all{{ end }}
          model: all
        annotations: &${slo}_burns
          summary: "{{ $$labels.connection_type }} $does far more often than it promises"
          description: >-
            {{ $$value | humanize }} times as many $events as its objective allows: at this rate what a month
            may have is spent within days.
          dashboard: "/d/exai-gateway-overview?var-service={{ $$labels.connection_type | urlquery }}"
          runbook: /runbooks/$name
      - alert: $name
        expr: |
          connection_type:exai_slo_burn:rate1d{slo="$slo"} > 3
            and connection_type:exai_slo_burn:rate2h > 3
            or
          connection_type:exai_slo_burn:rate3d{slo="$slo"} > 1
            and connection_type:exai_slo_burn:rate6h > 1
        labels:
          <<: *$slo
          severity: warning
        annotations:
          <<: *${slo}_burns
          summary: "{{ $$labels.connection_type }} $does more often than it promises"
          description: >-
            {{ $$value | humanize }} times as many $events as its objective allows, for hours or days.
""")

_FILE = Template("""\
# Made by prometheus/build.py of config/slos.yml.
groups:
  - name: exai-slos
    interval: 1m
    rules:
$objectives
      # What happened in each minute. Sums of it, unlike means of ratios, weigh a busy hour more than a quiet one.
      - record: connection_type:exai_slo_events:increase1m
        labels: { slo: availability }
        expr: sum by (connection_type) (increase(exai_connection_events_total[1m]))
      - record: connection_type:exai_slo_bad:increase1m
        labels: { slo: availability }
        expr: |
          sum by (connection_type) (increase(exai_connection_errors_total[1m]))
            or 0 * sum by (connection_type) (increase(exai_connection_events_total[1m]))
      - record: connection_type:exai_slo_events:increase1m
        labels: { slo: latency }
        expr: sum by (connection_type) (increase(exai_connection_response_seconds_count[1m]))
      - record: connection_type:exai_slo_bad:increase1m
        labels: { slo: latency }
        expr: |
          sum by (connection_type) (increase(exai_connection_response_seconds_count[1m]))
            - (
$within
            )

      # How many times as fast as the objective allows: at 1 all that a month may have is spent in a month.
$burns
  - name: exai-slos-alerts
    interval: 1m
    rules:
$availability
$latency""")
