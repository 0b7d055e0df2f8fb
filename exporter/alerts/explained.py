"""All that there is to know of an alert, as text."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path

from exporter.alerts.catalogue import Alert
from exporter.invocation import command
from exporter.thresholds.effective import Settings as Thresholds


def explained(alerts: Sequence[Alert], thresholds: Thresholds) -> Iterator[str]:
    """The lines about the rules of one alert, what they compare with now, how to try them, and the runbook."""
    for alert in alerts:
        yield from _rule(alert)
    names = list(dict.fromkeys(name for alert in alerts for name in alert.thresholds))
    yield "Thresholds now:" if names else "Compares with no threshold."
    yield from (f"    {line}" for name in names for line in _values(name, thresholds))
    yield "\nTry it:"
    yield from (f"    promtool test rules {shlex.quote(str(_shown(path)))}" for path in alerts[0].unit_tests)
    yield f"    {command('alerts replay TRACE')}"
    yield f"    {command(f'alerts test --severity {alerts[0].severity}')}\n"
    yield alerts[0].runbook.rstrip()


def unknown(name: str, known: set[str]) -> str:
    """That there is no such alert, and which are called much the same."""
    near = get_close_matches(name, sorted(known), n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"see `{command('alerts list')}`"
    return f"there is no alert {name}: {hint}"


def _rule(alert: Alert) -> Iterator[str]:
    yield f"{alert.name}, {alert.severity}, {alert.category}; group {alert.group} in prometheus/rules/{alert.file}"
    yield f"\nFires when this has held for {alert.wait}:\n"
    yield from (f"    {line}" for line in alert.expression.splitlines())
    yield "\nSays:"
    yield from (f"    {key}: {value}" for key, value in {**alert.labels, **alert.annotations}.items())
    yield ""


def _shown(path: Path) -> Path:
    """Shorten a path that is below the working directory; either form can be pasted into a shell."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _values(name: str, thresholds: Thresholds) -> Iterator[str]:
    for (own, scope), setting in thresholds.items():
        if own == name:
            subject = " ".join(value for value in scope if value)
            whose, off = f" of {subject}" if subject else "", "" if setting.enabled else " (switched off)"
            steps = "".join(f", {step.value:g} above {step.above:g} operations/s" for step in setting.per_rate)
            yield f"{name}{whose}: {setting.value:g}{steps}{off}"
