"""`exai-exporter alerts test`: a test alert, and what became of it."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence

import click

from exporter.alerts.notifications import EXPORTER
from exporter.alerts.routing import SEVERITIES
from exporter.alerts.tallies import Tally
from exporter.alerts.trial import ALERT, Trial, TrialError, follow
from exporter.invocation import command

_LABEL = re.compile(r"([a-zA-Z_][a-zA-Z0-9_]*)=(.+)")
_OURS = {"severity": "--severity says it", "alertname": f"it is {ALERT}", "test_id": "it tells this test from others"}


def _labels(_: click.Context, __: click.Parameter, told: Sequence[str]) -> dict[str, str]:
    found = [_LABEL.fullmatch(each) for each in told]
    labels = {match[1]: match[2] for match in found if match}
    if len(labels) < len(told):
        raise click.BadParameter("as NAME=VALUE, each name once")
    for name in labels.keys() & _OURS.keys():
        raise click.BadParameter(f"{name} cannot be chosen: {_OURS[name]}")
    return labels


@click.command()
@click.option("--severity", required=True, type=click.Choice(SEVERITIES), help="Which route the alert takes.")
@click.option(
    "--alertmanager",
    metavar="URL",
    envvar="ALERTMANAGER_URL",
    default="http://127.0.0.1:9093",
    show_default=True,
    show_envvar=True,
    help="The Alertmanager to try.",
)
@click.option(
    "--label",
    "labels",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_labels,
    help="A label of the alert, as a team in config/routing.yml matches it; may be repeated.",
)
@click.option(
    "--timeout",
    "timeout_s",
    default=150.0,
    show_default=True,
    type=click.FloatRange(1),
    metavar="SECONDS",
    help="How long to wait for the channels.",
)
def test(severity: str, alertmanager: str, labels: Mapping[str, str], timeout_s: float) -> None:
    """Send a test alert through Alertmanager, and say where it went.

    \b
    The alert is called ExaiTestAlert, says that nothing is wrong, and ends by
    itself after five minutes (which sends a second message: resolved). The
    first message leaves after ten seconds; when tests follow each other, after
    up to a minute. What each channel did is read from Alertmanager's own
    counters, so an alert that fires at the same time can be mistaken for it,
    and a webhook's message for the Watchdog's, unless Alertmanager runs with
    --enable-feature=receiver-name-in-metrics, as in the compose file.

    \b
    EXIT STATUS
      0  every channel of the receivers has taken the message
      1  one has not, a silence holds it back, no channel is switched on, or
         there is no Alertmanager

    \b
    EXAMPLES
      exai-exporter alerts test --severity critical
      exai-exporter alerts test --severity info --alertmanager http://alertmanager:9093
      exai-exporter alerts test --severity warning --label provider=kimi
    """
    try:
        outcome = _tried(Trial(alertmanager, severity, labels), timeout_s)
    except TrialError as error:
        raise click.ClickException(str(error)) from error
    for name, tally in outcome.items():
        click.echo(f"  {name}: {_told(tally)}")
    if not all(tally.sent for tally in outcome.values()):
        raise click.ClickException("not every channel has taken it; Alertmanager's log says why")


def _tried(trial: Trial, timeout_s: float) -> dict[str, Tally]:
    trial.send()
    receivers = trial.receivers()
    click.echo(f"{trial.severity} alert {trial.test_id} is routed to {', '.join(receivers) or 'no receiver'}")
    if held := trial.held_back_by():
        raise click.ClickException(f"Alertmanager tells nobody while this lasts: silence or alert {', '.join(held)}")
    channels = trial.channels(receivers)
    if not any(channel.receivers - {EXPORTER} for channel in channels):
        raise click.ClickException(
            "no channel tells anybody: set SLACK_WEBHOOK_URL, SMTP_HOST or ALERT_WEBHOOK_URL, and render "
            f"(`make up` does, or `{command('alerts render')}`)"
        )
    outcome = follow(trial, channels, timeout_s, _show_progress)
    _end_progress()
    return outcome


def _told(tally: Tally) -> str:
    if tally.sent:
        return "sent"
    counts = f"{tally.taken} of {tally.messages} sent, " if tally.messages > 1 else ""
    counts += f"tries: {tally.tries}"
    if tally.given_up:
        return f"failed and given up ({counts})"
    return f"no success in time ({counts})" if tally.tries else "nothing was tried in time"


def _show_progress(waited_s: float, outcome: Mapping[str, Tally]) -> None:
    if sys.stderr.isatty():
        states = ", ".join(f"{name} {_progress(tally)}" for name, tally in outcome.items())
        click.echo(f"\r\033[K{waited_s:4.0f} s  {states}", err=True, nl=False)


def _end_progress() -> None:
    if sys.stderr.isatty():
        click.echo("\r\033[K", err=True, nl=False)


def _progress(tally: Tally) -> str:
    if tally.ended:
        return "sent" if tally.sent else "failed"
    return f"failing (tries: {tally.failed_tries})" if tally.failed_tries else "waiting"
