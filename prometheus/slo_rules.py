"""The rules that watch how fast the objectives of config/slos.yml are missed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from string import Template

from prometheus.slos import Slos

WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")


@dataclass(frozen=True, slots=True)
class _Counted:
    """The names of the recorded series that count the total and the bad of an objective."""

    slo: str
    total: str
    bad: str


AVAILABILITY = _Counted("availability", "operations", "failed_operations")
"""Under the names of 0.1, which counted events, its history would be a part of the new budget."""

LATENCY = _Counted("latency", "events", "bad")


def slo_rules(slos: Slos) -> str:
    """The file of the objectives, how fast they are missed, and the alerts."""
    return _FILE.substitute(
        objectives="".join(_objectives(slos)),
        within=" or\n".join(_within(slos)),
        burns="".join(_burns(slos)),
        months="".join(_of_each(_MONTH)),
        slots="".join(_of_each(_SLOT)),
        least=slos.minimum_events,
        availability=_alerts(
            slos,
            AVAILABILITY,
            category="reliability",
            does="fails",
            events="operations fail",
            first="Mend what fails most often: its error's type says where to look.",
        ),
        latency=_alerts(
            slos,
            LATENCY,
            category="performance",
            does="answers late",
            events="answers come late",
            first="Mend what is slow: compare services first, then models.",
        ),
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


def _burns(slos: Slos) -> Iterator[str]:
    for window in WINDOWS:
        yield from _of_each(_BURN, window=window, least=slos.minimum_events)


def _of_each(template: Template, **words: object) -> Iterator[str]:
    """The rules of both objectives, which are alike but for what they count."""
    for counted in (AVAILABILITY, LATENCY):
        yield template.substitute(words, slo=counted.slo, total=counted.total, bad=counted.bad)


def _alerts(slos: Slos, counted: _Counted, **words: str) -> str:
    name = f"ExaiSlo{counted.slo.title()}Burn"
    return _ALERTS.substitute(words, slo=counted.slo, bad=counted.bad, name=name, failures=slos.minimum_failures)


_OBJECTIVE = Template("""\
      - record: connection_type:exai_slo_objective:ratio
        labels: { slo: $slo, connection_type: $service }
        expr: vector($objective)
""")

_BURN = Template("""\
      - record: connection_type:exai_slo_burn:rate$window
        expr: |
          sum_over_time(connection_type:exai_slo_$bad:increase1m{slo="$slo"}[$window])
            / (sum_over_time(connection_type:exai_slo_$total:increase1m{slo="$slo"}[$window]) >= $least)
            / (1 - connection_type:exai_slo_objective:ratio)
""")

_MONTH = Template("""\
      - record: connection_type:exai_slo_events:increase30d
        expr: |
          sum_over_time(connection_type:exai_slo_$total:increase5m{slo="$slo"}[30d])
            or sum_over_time(connection_type:exai_slo_$total:increase1m{slo="$slo"}[5m])
      - record: connection_type:exai_slo_bad:increase30d
        expr: |
          sum_over_time(connection_type:exai_slo_$bad:increase5m{slo="$slo"}[30d])
            or sum_over_time(connection_type:exai_slo_$bad:increase1m{slo="$slo"}[5m])
""")

_SLOT = Template("""\
      - record: connection_type:exai_slo_$total:increase5m
        expr: sum_over_time(connection_type:exai_slo_$total:increase1m{slo="$slo"}[5m])
      - record: connection_type:exai_slo_$bad:increase5m
        expr: sum_over_time(connection_type:exai_slo_$bad:increase1m{slo="$slo"}[5m])
""")

_ALERTS = Template("""\
      - alert: $name
        expr: |
          connection_type:exai_slo_burn:rate1h{slo="$slo"} > 14.4
            and connection_type:exai_slo_burn:rate5m > 14.4
            and sum_over_time(connection_type:exai_slo_$bad:increase1m[1h]) >= $failures
            or
          connection_type:exai_slo_burn:rate6h{slo="$slo"} > 6
            and connection_type:exai_slo_burn:rate30m > 6
            and sum_over_time(connection_type:exai_slo_$bad:increase1m[6h]) >= $failures
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
          recommendation: "$first"
          dashboard: "/d/exai-gateway-overview?var-service={{ $$labels.connection_type | urlquery }}"
          runbook: /runbooks/$name
      - alert: $name
        expr: |
          connection_type:exai_slo_burn:rate1d{slo="$slo"} > 3
            and connection_type:exai_slo_burn:rate2h > 3
            and sum_over_time(connection_type:exai_slo_$bad:increase1m[1d]) >= $failures
            or
          connection_type:exai_slo_burn:rate3d{slo="$slo"} > 1
            and connection_type:exai_slo_burn:rate6h > 1
            and sum_over_time(connection_type:exai_slo_$bad:increase1m[3d]) >= $failures
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
      - record: connection_type:exai_slo_operations:increase1m
        labels: { slo: availability }
        expr: sum by (connection_type) (increase(exai_connection_operations_total{outcome!="refused"}[1m]))
      - record: connection_type:exai_slo_failed_operations:increase1m
        labels: { slo: availability }
        expr: |
          sum by (connection_type) (increase(exai_connection_operations_total{outcome="error"}[1m]))
            or 0 * sum by (connection_type) (increase(exai_connection_operations_total{outcome!="refused"}[1m]))
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

      # What is left of the bad events that a month may have. A month of minutes is 43,200 samples a series, so it is
      # added up from slots of 5 minutes: 8,640 samples of each of two series an objective, once a minute. A slot of
      # which Prometheus did not see the end counts as a time without traffic.
$months      # Below $least events nothing is said of a service.
      - record: connection_type:exai_slo_allowed:increase30d
        expr: |
          (connection_type:exai_slo_events:increase30d >= $least)
            * (1 - connection_type:exai_slo_objective:ratio)
      # 1: nothing is spent. 0: all of it. Below: the objective is missed.
      - record: connection_type:exai_slo_error_budget:ratio30d
        expr: |
          1 - connection_type:exai_slo_bad:increase30d / (connection_type:exai_slo_allowed:increase30d > 0)
      - record: slo:exai_slo_error_budget:ratio30d
        expr: |
          1 - sum by (slo) (connection_type:exai_slo_bad:increase30d and connection_type:exai_slo_allowed:increase30d)
            / (sum by (slo) (connection_type:exai_slo_allowed:increase30d) > 0)

  - name: exai-slos-slots
    interval: 5m
    rules:
$slots
  - name: exai-slos-alerts
    interval: 1m
    rules:
$availability
$latency""")
