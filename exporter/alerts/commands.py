"""`exai-exporter alerts`: the way from an alert to a person, set up and tried."""

from __future__ import annotations

import os
from pathlib import Path

import click

from exporter.alerts import channels as settings
from exporter.alerts import notifications, rule_commands, trial_command
from exporter.alerts.values import NotificationError


@click.group()
def alerts() -> None:
    """Set up and try the way from an alert to a person."""


for command in (rule_commands.list_alerts, rule_commands.explain, rule_commands.replay, trial_command.test):
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
    NOBODY AT ALL
      EXAI_NOTIFY              false switches every channel off, those of teams
                               and the dead man's switch included

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
        on = settings.notifies(os.environ)
    except (NotificationError, OSError) as error:
        raise click.ClickException(str(error)) from error
    nobody = "no notification channel is configured" if on else f"{settings.NOTIFY} switches every channel off"
    reached = f"alerts go to {' and '.join(names)}" if names else nobody
    click.echo(f"{output / notifications.CONFIG}: {reached}")
    click.echo("amtool finds no fault in it" if checked else "amtool is not installed: not checked")
