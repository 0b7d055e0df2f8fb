"""`python -m exporter alerts`: the way from an alert to a person, set up and tried."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from exporter.alerts import channels as settings
from exporter.alerts import notifications, rule_commands
from exporter.alerts.trial import Tally, Trial, TrialError, follow
from exporter.alerts.values import NotificationError

_SEVERITIES = click.Choice(["critical", "warning", "info"])


@click.group()
def alerts() -> None:
    """Set up and try the way from an alert to a person."""


for command in (rule_commands.list_alerts, rule_commands.explain, rule_commands.replay):
    alerts.add_command(command)


@alerts.command()
@click.option(
    "--output", required=True, metavar="DIR", type=click.Path(file_okay=False, path_type=Path), help="Write here."
)
@click.option(
    "--config-dir",
    default=notifications.CONFIG_DIR,
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Read the configuration, receivers and templates here.  [default: the shipped ones]",
)
def render(output: Path, config_dir: Path) -> None:
    """Write Alertmanager's final configuration.

    \b
    It is the shipped one, and the channels that the environment switches on,
    checked by amtool where there is one. The files hold secrets: only their
    owner can read them (mode 0600), so run this as the user of Alertmanager,
    and have Alertmanager read alertmanager.yml in DIR again (SIGHUP) after it.

    \b
    SLACK (critical, warning, info)
      SLACK_WEBHOOK_URL        switches Slack on
      SLACK_WEBHOOK_URL_FILE   the same from a file; an empty one counts as unset
      SLACK_CHANNEL            where the webhook lets you choose

    \b
    EMAIL (critical, warning)
      SMTP_HOST                switches email on
      SMTP_PORT                [default: 587]; 465 speaks TLS from the start
      SMTP_FROM, SMTP_TO       addresses; several are separated by commas
      SMTP_USERNAME            with SMTP_PASSWORD or SMTP_PASSWORD_FILE
      SMTP_TLS                 whether STARTTLS is required  [default: true]

    \b
    WEBHOOK (critical, warning, info)
      ALERT_WEBHOOK_URL        switches it on: Alertmanager's JSON (version 4)
      ALERT_WEBHOOK_URL_FILE   the same from a file

    \b
    DEAD MAN'S SWITCH
      EXAI_WATCHDOG_URL        hears the Watchdog once a minute
      EXAI_WATCHDOG_URL_FILE   the same from a file

    \b
    TEAMS AND MUTE TIMES
      EXAI_ALERT_ROUTING       their file  [default: config/routing.yml]

    \b
    LINKS IN MESSAGES
      GRAFANA_URL              [default: http://127.0.0.1:3000]
      ALERTMANAGER_URL         [default: http://127.0.0.1:9093]
      EXAI_EXTERNAL_URL        of the exporter  [default: http://127.0.0.1:9464]

    \b
    OBSERVATIONS, which the exporter keeps of every alert
      EXAI_ALERTS_URL          [default: http://EXAI_LISTEN/api/v1/alerts]
      EXAI_ALERTS_TOKEN_FILE   the push token, as Alertmanager sees the file
                               [default: EXAI_TOKEN_FILE, or in EXAI_STATE_DIR]

    \b
    EXIT STATUS
      0  written and, where there is an amtool, checked
      1  a setting is wrong; the message names it and holds no secret
    """
    try:
        notifications.write(notifications.render(config_dir, os.environ), output)
        checked = notifications.check(output, os.environ)
        names = [channel.name for channel in settings.switched_on(os.environ)]
    except (NotificationError, OSError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{output / notifications.CONFIG}: alerts go to {' and '.join(names) or 'nobody'}")
    click.echo("amtool finds no fault in it" if checked else "amtool is not installed: not checked")


@alerts.command()
@click.option("--severity", required=True, type=_SEVERITIES, help="Which route the alert takes.")
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
    "--timeout",
    "timeout_s",
    default=150.0,
    show_default=True,
    type=click.FloatRange(1),
    metavar="SECONDS",
    help="How long to wait for the channels.",
)
def test(severity: str, alertmanager: str, timeout_s: float) -> None:
    """Send a test alert through Alertmanager, and say where it went.

    \b
    The alert is called ExaiTestAlert, says that nothing is wrong, and ends by
    itself after five minutes (which sends a second message: resolved). The
    first message leaves after ten seconds; when tests follow each other, after
    up to a minute. What each channel did is read from Alertmanager's own
    counters, so an alert that fires at the same time can be mistaken for it.

    \b
    EXIT STATUS
      0  every channel of the receiver has taken the message
      1  one has not, or no channel is switched on, or there is no Alertmanager

    \b
    EXAMPLES
      python -m exporter alerts test --severity critical
      python -m exporter alerts test --severity info --alertmanager http://alertmanager:9093
    """
    trial = Trial(alertmanager, severity)
    try:
        trial.send()
        receivers = trial.receivers()
        integrations = trial.channels(receivers)
        click.echo(f"{severity} alert {trial.test_id} is routed to receiver {', '.join(receivers) or 'none'}")
        if not integrations:
            raise click.ClickException(
                "that receiver has no channel: set SLACK_WEBHOOK_URL, SMTP_HOST or ALERT_WEBHOOK_URL, and render"
            )
        outcome = follow(trial, integrations, timeout_s, _show_progress)
    except TrialError as error:
        raise click.ClickException(str(error)) from error
    _end_progress()
    for name, tally in outcome.items():
        click.echo(f"  {name}: {_told(tally)}")
    if not all(tally.sent for tally in outcome.values()):
        raise click.ClickException("not every channel has taken it; Alertmanager's log says why")


def _told(tally: Tally) -> str:
    if tally.sent:
        return "sent"
    if tally.given_up:
        return f"failed and given up (tries: {tally.tries})"
    return f"no success in time (tries: {tally.tries})" if tally.tries else "nothing was tried in time"


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
