"""`exai-exporter alerts list|explain|replay`: the shipped alerts, told of and tried on a recorded day."""

from __future__ import annotations

import json
import os
import time
from functools import partial
from typing import Any, BinaryIO

import click

from exporter.alerts.catalogue import Alert, read_alerts
from exporter.alerts.explained import explained, unknown
from exporter.alerts.table import table
from exporter.read_settings import load
from exporter.settings import Settings, SettingsError
from exporter.thresholds.effective import Settings as Thresholds
from exporter.types import Refused

_as_json = click.option("--json", "machine_readable", is_flag=True, help="Print JSON instead of a table.")


@click.command("list")
@_as_json
def list_alerts(machine_readable: bool) -> None:
    """List the shipped alerts: what each is called, how grave it is, and what it compares with.

    \b
    EXAMPLES
      exai-exporter alerts list
      exai-exporter alerts list --json | jq '.[] | select(.severity == "critical") | .name'
    """
    alerts = read_alerts()
    if machine_readable:
        click.echo(json.dumps([_listed(alert) for alert in alerts], indent=2))
        return
    rows = [_row(alert) for alert in alerts]
    for line in table(("alert", "severity", "category", "group", "thresholds", "summary"), rows):
        click.echo(line)


@click.command()
@click.argument("name")
def explain(name: str) -> None:
    """Say all that there is to know of the alert NAME.

    Its rules, the thresholds that they compare with and what these are now (the file, and what
    was changed by POST /api/v1/alerts/configure), its runbook, and how to try it.

    \b
    EXIT STATUS
      0  told
      1  there is no such alert; the message names those that are called much the same
    """
    alerts = read_alerts()
    named = [alert for alert in alerts if alert.name.lower() == name.lower()]
    if not named:
        raise click.ClickException(unknown(name, {alert.name for alert in alerts}))
    click.echo("\n".join(explained(named, _thresholds(_settings()))))


@click.command()
@click.argument("trace", type=click.File("rb"))
@_as_json
def replay(trace: BinaryIO, machine_readable: bool) -> None:
    """Say which alerts would have fired when, had the events of TRACE been seen as they happened.

    TRACE has one event a line: canonical events (NDJSON), as `exai-exporter record` writes them, or
    {"key", "score", "member"} lines recorded from a gateway's Redis; .gz is inflated, - is standard
    input. The events are folded in memory at their own times, and promtool evaluates the shipped
    rules over the series once a minute, with the thresholds that hold now. Nothing is sent to
    anybody. docs/alerts.md says what this cannot see.

    \b
    EXIT STATUS
      0  told, whether any fired or none
      1  a line is not an event, or there is no promtool

    \b
    EXAMPLES
      exai-exporter alerts replay monday.ndjson.gz
      exai-exporter alerts replay monday.ndjson --json | jq '.fired[].alert'
    """
    # Imported here: what the other commands do must not wait for the fold.
    from exporter import recordings
    from exporter.alerts.replaying.engine import EngineError
    from exporter.alerts.replaying.replay import replay as replayed
    from exporter.alerts.replaying.told import as_json, as_lines

    settings = _settings()
    try:
        events = recordings.by_time(recordings.events(trace, time.time, partial(click.echo, err=True)))
        if not events:
            raise click.ClickException(f"{recordings.name_of(trace)}: there is no event in it")
        found = replayed(events, settings, _thresholds(settings))
    except recordings.BadRecording as error:
        raise click.ClickException(str(error)) from error
    except (EngineError, OSError) as error:
        raise click.ClickException(f"{recordings.name_of(trace)}: {error}") from error
    for line in [json.dumps(as_json(found), indent=2)] if machine_readable else as_lines(found):
        click.echo(line)


def _listed(alert: Alert) -> dict[str, Any]:
    return {
        "name": alert.name,
        "severity": alert.severity,
        "category": alert.category,
        "group": alert.group,
        "thresholds": list(alert.thresholds),
        "summary": alert.annotations["summary"],
    }


def _row(alert: Alert) -> tuple[str, ...]:
    thresholds = ", ".join(alert.thresholds) or "-"
    return alert.name, alert.severity, alert.category, alert.group, thresholds, alert.annotations["summary"]


def _settings() -> Settings:
    try:
        return load(os.environ)
    except SettingsError as error:
        raise click.ClickException(str(error)) from error


def _thresholds(settings: Settings) -> Thresholds:
    """What holds: the file, and the changes that the API has made."""
    from exporter.parts import changes_file, thresholds_file
    from exporter.thresholds import effective, overlay, shipped

    try:
        return effective.settings(shipped.read(thresholds_file(settings)), overlay.load(changes_file(settings)).changes)
    except (Refused, ValueError) as error:
        raise click.ClickException(str(error)) from error
