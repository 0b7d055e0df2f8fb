"""All that there is to know of an alert, as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from exporter.alerts.catalogue import HOME, Alert
from exporter.thresholds.effective import Settings as Thresholds


def explained(alerts: Sequence[Alert], thresholds: Thresholds) -> Iterator[str]:
    """The lines about the rules of one alert, what they compare with now, how to try them, and the runbook."""
    for alert in alerts:
        yield from _rule(alert)
    names = list(dict.fromkeys(name for alert in alerts for name in alert.thresholds))
    yield "Thresholds now:" if names else "Compares with no threshold."
    yield from (f"    {line}" for name in names for line in _values(name, thresholds))
    yield "\nTry it:"
    yield from (f"    promtool test rules {path.relative_to(HOME)}" for path in alerts[0].unit_tests)
    yield "    python -m exporter alerts replay TRACE"
    yield f"    python -m exporter alerts test --severity {alerts[0].severity}\n"
    yield alerts[0].runbook.rstrip()


def unknown(name: str, known: set[str]) -> str:
    """That there is no such alert, and which are called much the same."""
    near = get_close_matches(name, sorted(known), n=3, cutoff=0.5)
    return f"there is no alert {name}: " + (f"did you mean {' or '.join(near)}?" if near else "see `alerts list`")


def _rule(alert: Alert) -> Iterator[str]:
    yield f"{alert.name}, {alert.severity}, {alert.category}; group {alert.group} in prometheus/rules/{alert.file}"
    yield f"\nFires when this has held for {alert.wait}:\n"
    yield from (f"    {line}" for line in alert.expression.splitlines())
    yield "\nSays:"
    yield from (f"    {key}: {value}" for key, value in {**alert.labels, **alert.annotations}.items())
    yield ""


def _values(name: str, thresholds: Thresholds) -> Iterator[str]:
    for (own, scope), setting in thresholds.items():
        if own == name:
            subject = " ".join(value for value in scope if value)
            whose, off = f" of {subject}" if subject else "", "" if setting.enabled else " (switched off)"
            yield f"{name}{whose}: {setting.value:g}{off}"
