"""What the boards ask Prometheus about alerts: which fire, how often, who is told, and who reacts how soon.

Watchdog, which always fires, is left in where its gaps are to be seen: then nothing else would fire either.
"""

from __future__ import annotations

from grafana.panels import Query
from grafana.queries import SERVICE, increase, quantile_of, rate, share

SEVERITIES = "label_values(exai_observations_total, severity)"
CATEGORIES = "label_values(exai_observations_total, category)"

_KIND = 'severity=~"$severity",category=~"$category"'
_ALERTS = f'{_KIND},service=~"$service"'
_OBSERVED = "exai_observations"


def _alerts(where: str) -> str:
    return f"ALERTS{{{where},{_ALERTS}}}"


_FIRING = _alerts('alertstate="firing"')
_WATCHDOG = 'count(ALERTS{alertstate="firing",alertname="Watchdog"})'


def _firing(severity: str) -> Query:
    firing = _alerts(f'alertstate="firing",severity="{severity}",alertname!="Watchdog"')
    return Query(f"count({firing}) or 0 * {_WATCHDOG}", severity, instant=True)


def _waiting(severity: str) -> Query:
    return Query(f'sum({_OBSERVED}_unacknowledged{{severity="{severity}",{_KIND}}})', severity, instant=True)


_WORST_FIRST = ("critical", "warning", "info")
FIRING_NOW = [_firing(severity) for severity in _WORST_FIRST]
WAITING = [_waiting(severity) for severity in _WORST_FIRST]
ALERTING = [
    Query(_WATCHDOG, "Watchdog", instant=True),
    Query("min(prometheus_notifications_alertmanagers_discovered)", "Alertmanagers", instant=True),
    Query('sum(alertmanager_alerts{state="suppressed"})', "not told", instant=True),
    Query('sum(alertmanager_silences{state="active"})', "silences", instant=True),
]


def _took(family: str) -> list[Query]:
    """The quantiles of those that came to it in the time range; nothing where none did."""
    buckets = increase(f'{family}_bucket{{severity=~"$severity"}}', "le")
    return [
        Query(quantile_of(quantile, buckets), legend, instant=True)
        for legend, quantile in (("half within", 0.5), ("95 % within", 0.95))
    ]


TO_ACKNOWLEDGE = _took("exai_observation_acknowledge_seconds")
TO_RESOLVE = _took("exai_observation_resolve_seconds")

_CODES = {'alertstate="firing",severity="critical"': 3, 'alertstate="firing",severity="warning"': 2,
          'alertstate="firing",severity="info"': 1, 'alertstate="pending"': 0}  # fmt: skip
_WORST = f"max by (alertname) ({' or '.join(f'{code} * {_alerts(where)}' for where, code in _CODES.items())})"
STATES = [Query(_WORST, "{{alertname}}")]

_LOOKS_S = 15
_RANGE = f"[$__range:{_LOOKS_S}s]"
_BEGAN = f"sum by (alertname) (count_over_time(({_FIRING} unless {_FIRING} offset {_LOOKS_S}s){_RANGE}))"
_FIRED = f"sum by (alertname) (count_over_time({_FIRING}{_RANGE}))"
_ENDED = "exai_alert_observations_ended_total"
_SEEN = f'{_ENDED}{{acknowledged="true"}}'
NOISE = [
    Query(f"max_over_time({_WORST}{_RANGE}) > 0", table=True),
    Query(f"{_BEGAN} or 0 * {_FIRED}", table=True),
    Query(f"{_LOOKS_S} * {_FIRED}", table=True),
    Query(f"count by (alertname) ({_FIRING})", table=True),
    Query(share(f"round({increase(_SEEN, 'alertname')})", f"round({increase(_ENDED, 'alertname')})"), table=True),
]
"""Looked at every quarter of a minute; one whose firing is shorter may be missed.

The share of acknowledged ones is of those that ended. Of those that began it would pass 100 %, because an alert may be
acknowledged long after it began.
"""

BEGAN = [
    Query(f"60 * {rate(f'{_OBSERVED}_total{{{_KIND}}}', 'severity')}", "{{severity}}/min", step="15s"),
    Query(f"60 * {rate(f'{_OBSERVED}_acknowledged_total{{{_KIND}}}')}", "acknowledged/min", step="15s"),
]


def _burn(slo: str) -> list[Query]:
    burn = f'connection_type:exai_slo_burn:rate1h{{slo="{slo}",{SERVICE}}}'
    return [Query(burn, "{{connection_type}}")]


BURN_AVAILABILITY, BURN_LATENCY = _burn("availability"), _burn("latency")
BUDGET = [
    Query(
        f"min by (connection_type) (connection_type:exai_slo_error_budget:ratio30d{{{SERVICE}}})",
        "{{connection_type}}",
        instant=True,
    )
]

_UNITS = ".+_(ratio|seconds|state|deviations?)(_critical)?"
_SUBJECT = "name, service, provider, model, implementation"
_IN_FORCE = f"max by ({_SUBJECT}) (subject:exai_threshold:enabled >= 0 or on ({_SUBJECT}) exai_threshold)"
THRESHOLDS = [
    Query(
        f'label_replace(label_replace({_IN_FORCE}, "unit", "count", "", ""), "unit", "$1", "name", "{_UNITS}")',
        table=True,
    ),
    Query(f"max by ({_SUBJECT}) (exai_threshold_enabled)", table=True),
]

_CHANNELS = '{integration=~"webhook|slack|email"}'
CHANNELS = [
    Query(increase(f"alertmanager_notifications_total{_CHANNELS}", "integration"), table=True),
    Query(increase(f"alertmanager_notifications_failed_total{_CHANNELS}", "integration"), table=True),
]
