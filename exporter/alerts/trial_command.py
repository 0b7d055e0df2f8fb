"""The command `exai-exporter alerts test`."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence

import click

from exporter.alerts.alertmanager_api import AlertmanagerApi, AlertmanagerError
from exporter.alerts.delivery import Delivery, Result, Results
from exporter.alerts.routing import SEVERITIES
from exporter.alerts.trial import Trial
from exporter.alerts.trial_routes import ALERT, TEAM, TEST_ID, is_copy, teams_in
from exporter.invocation import command

_LABEL = re.compile(r"([a-zA-Z_][a-zA-Z0-9_]*)=(.+)")
_OURS = {
    "severity": "use --severity",
    TEAM: "use --team",
    "alertname": f"it is {ALERT}",
    TEST_ID: "it is different for each test",
}


def _labels(_: click.Context, __: click.Parameter, told: Sequence[str]) -> dict[str, str]:
    found = [_LABEL.fullmatch(each) for each in told]
    labels = {match[1]: match[2] for match in found if match}
    if len(labels) < len(told):
        raise click.BadParameter("as NAME=VALUE, each name once")
    for name in labels.keys() & _OURS.keys():
        raise click.BadParameter(f"{name} cannot be chosen: {_OURS[name]}")
    return labels


_SETTLE_WITHIN_S = 120
"""Seconds in which Alertmanager sends the end of an alert, 60, retries that for 60, and forgets its group."""


@click.command()
@click.option("--severity", required=True, type=click.Choice(SEVERITIES), help="Which route the alert takes.")
@click.option(
    "--alertmanager",
    metavar="URL",
    envvar="ALERTMANAGER_URL",
    default=lambda: f"http://{os.environ.get('EXAI_ALERTMANAGER_LISTEN') or '127.0.0.1:9093'}",
    show_default="EXAI_ALERTMANAGER_LISTEN, else http://127.0.0.1:9093",
    show_envvar=True,
    help="The Alertmanager to try.",
)
@click.option("--team", metavar="NAME", help="Try the receivers of this team of config/routing.yml.")
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
def test(severity: str, alertmanager: str, team: str | None, labels: Mapping[str, str], timeout_s: float) -> None:
    """Send a test alert through Alertmanager and report which channels delivered it.

    \b
    The alert is called ExaiTestAlert and says that nothing is wrong. It goes to
    receivers of its own, with the channels of those that it stands for, and it
    ends with this command. No message says that it is over.

    \b
    A channel is "sent" only when Alertmanager's counter shows that it took this
    message. It is "not confirmed" when something else may have moved the
    counter, and the output says what. Alertmanager 0.28 counts by receiver when
    it runs with --enable-feature=receiver-name-in-metrics, as `make up` starts
    it: only another test of the same receivers is in the way then. Debian's
    0.25 counts all messages of an integration together, so no other alert may
    be active for it. There the test first waits, for up to two minutes, until
    the messages of alerts that have ended are sent.

    \b
    EXIT STATUS
      0  every channel of the receivers has taken the message
      1  one has not or is not confirmed, a silence holds the alert back, no
         notification channel is configured, or there is no Alertmanager

    \b
    EXAMPLES
      exai-exporter alerts test --severity critical
      exai-exporter alerts test --severity info --alertmanager http://alertmanager:9093
      exai-exporter alerts test --severity warning --team models
      exai-exporter alerts test --severity warning --label provider=kimi
    """
    api = AlertmanagerApi(alertmanager)
    try:
        if team is not None:
            labels = {**labels, TEAM: _known_team(team, api)}
        results = _run(Trial(api, severity, labels), timeout_s)
    except AlertmanagerError as error:
        raise click.ClickException(str(error)) from error
    for name, result in results.items():
        click.echo(f"  {name}: {_format(result)}")
    if problem := _problem(results):
        raise click.ClickException(problem)


def _known_team(team: str, api: AlertmanagerApi) -> str:
    teams = teams_in(api.integrations())
    if team not in teams:
        found = f"it has {', '.join(teams)}" if teams else "it has none"
        raise click.ClickException(
            f"Alertmanager's configuration has no team {team}: {found}. After a change of config/routing.yml render it "
            f"anew (`make up` does, or `{command('alerts render')}`)"
        )
    return team


def _run(trial: Trial, timeout_s: float) -> Results:
    """Send the alert and return what became of its messages."""
    delivery = Delivery(trial.api, trial.test_id)
    delivery.settle(min(timeout_s, _SETTLE_WITHIN_S), _show_progress)
    _end_progress()
    trial.send()
    receivers = trial.receivers()
    click.echo(f"{trial.severity} alert {trial.test_id} is routed to {', '.join(receivers) or 'no receiver'}")
    if obstacle := _obstacle(trial, delivery, receivers):
        # An alert that stays active would be sent once the cause is gone, and be in the way of the next test.
        trial.end()
        raise click.ClickException(obstacle)
    if not any(is_copy(receiver) for receiver in receivers):
        raise click.ClickException(
            "sent to Alertmanager, but not confirmed: its configuration has no receivers for tests, so other alerts "
            f"move the same counters. Render it anew (`make up` does, or `{command('alerts render')}`) and have "
            "Alertmanager read it"
        )
    channels = delivery.channels(receivers)
    results = delivery.follow(channels, timeout_s, _show_progress)
    trial.end()
    if delivery.by_receiver and not all(result.tally.sent for result in results.values()):
        results = delivery.follow_retries(channels, _show_progress)
    _end_progress()
    return results


def _obstacle(trial: Trial, delivery: Delivery, receivers: Sequence[str]) -> str:
    """Return why Alertmanager sends no message of the test; empty if it sends one."""
    if held := trial.held_back_by():
        return f"a silence or another alert holds it back: {', '.join(held)}"
    if delivery.reaches_people(receivers):
        return ""
    return (
        "no notification channel is configured: set SLACK_WEBHOOK_URL, SMTP_HOST or ALERT_WEBHOOK_URL, and render "
        f"(`make up` does, or `{command('alerts render')}`)"
    )


def _problem(results: Results) -> str:
    """Return why the test has not succeeded; empty if it has."""
    if all(result.sent for result in results.values()):
        return ""
    if all(result.tally.tries and (result.sent or result.doubt) for result in results.values()):
        return "not confirmed: look whether the message has arrived, or try again when no other alert is active"
    return "not every channel has taken the message; Alertmanager's log says why"


def _format(result: Result) -> str:
    tally = result.tally
    if result.sent:
        return "sent"
    if not tally.tries:
        return "nothing was tried in time"
    if result.doubt:
        return f"not confirmed: {result.doubt}"
    counts = f"{tally.taken} of {tally.messages} sent, " if tally.messages > 1 else ""
    counts += f"tries: {tally.tries}"
    return f"failed and given up ({counts})" if tally.given_up else f"no success in time ({counts})"


def _show_progress(waited_s: float, results: Results) -> None:
    if sys.stderr.isatty():
        states = ", ".join(f"{name} {_progress(result)}" for name, result in results.items())
        waiting = states or "waiting until the messages of earlier alerts are sent"
        click.echo(f"\r\033[K{waited_s:4.0f} s  {waiting}", err=True, nl=False)


def _end_progress() -> None:
    if sys.stderr.isatty():
        click.echo("\r\033[K", err=True, nl=False)


def _progress(result: Result) -> str:
    if result.sent:
        return "sent"
    failed = result.tally.failed_tries
    return f"failing (tries: {failed})" if failed else "waiting"
