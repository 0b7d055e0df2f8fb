"""`exai-exporter bundle`: what `make up`, `make demo` and `make down` call."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from exporter.bundle import environment, simulated, source_states
from exporter.bundle.backfill import past
from exporter.bundle.choice import (
    AlreadyRunningError,
    Bundle,
    choose,
    current,
    refuse_beside_demo,
    refuse_beside_real,
    running,
)
from exporter.bundle.containers import ComposeError
from exporter.bundle.database import database
from exporter.bundle.demo_environment import demo_environment
from exporter.bundle.grafana_hint import grafana_hint
from exporter.bundle.packages import MissingPackagesError
from exporter.bundle.ports import PortError
from exporter.bundle.postgres import PostgresError
from exporter.bundle.readiness import NotReadyError
from exporter.bundle.reset import reset
from exporter.bundle.setup import setup
from exporter.bundle.supervision import SupervisionError
from exporter.connections import format_states
from exporter.demo.incidents import INCIDENTS

_EXPECTED = (
    AlreadyRunningError, ComposeError, MissingPackagesError, NotReadyError, PortError, PostgresError,
    SupervisionError, ValueError,
)  # fmt: skip
_FIRST_PAGE = {"grafana": "/d/exai-gateway-overview"}


def _said_plainly(command: Callable[..., None]) -> Callable[..., None]:
    """Turn what can go wrong into one message and exit code 1."""

    @wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except _EXPECTED as problem:
            raise click.ClickException(str(problem)) from None

    return wrapped


_native = click.option("--native", is_flag=True, help="Run natively even where a Docker engine answers.")


@click.group()
def bundle() -> None:
    """Bring up the whole bundle, look at it, and end it.

    In containers where a Docker engine answers, else as native processes under supervisord, which
    restarts what dies and outlives the shell.
    """


@bundle.command()
@_native
@_said_plainly
def up(native: bool) -> None:
    """Start exporter, Prometheus, Alertmanager and Grafana, and return when they are ready."""
    env = environment.read()
    refuse_beside_demo(env)
    chosen = choose(env, native)
    _bring_up(chosen)
    if chosen.holds_simulated():
        click.secho(simulated.WARNING, fg="yellow")


@bundle.command()
@_native
@click.option("--incident", type=click.Choice(list(INCIDENTS)), help="What goes wrong.  [default: each in turn]")
@click.option("--notify", is_flag=True, help="Tell the real channels of its alerts: Slack, mail, webhooks, teams.")
@_said_plainly
def demo(native: bool, incident: str | None, notify: bool) -> None:
    """Start a bundle of its own for a simulated gateway that feeds every series.

    It has 15 days to look back on, and somebody on call who acknowledges its alerts. It keeps its data apart
    (.state/demo, or the Compose project exai-demo), reads nothing that is real, and tells nobody of its alerts
    unless --notify is given. It listens where the real bundle does, so it is refused while that runs.
    """
    env = environment.read()
    refuse_beside_real(env)
    chosen = choose(demo_environment(env, notify=notify), native)
    _bring_up(chosen)
    chosen.demo(incident)
    click.echo(f"A simulated gateway runs{_with(incident)}. Its series move within 15 seconds.")
    click.echo(f"One incident at once: make demo INCIDENT={'|'.join(INCIDENTS)}. The end of it all: make down.")


@bundle.command()
@_said_plainly
def down() -> None:
    """End exactly what `up` or `demo` started; the recorded data stays."""
    env = environment.read()
    ending = [*running(env), *running(demo_environment(env))]
    for one in ending:
        one.down()
        click.echo(f"{_name(one)} is down; its data stays.")
    if not ending:
        click.echo("Nothing was running.")


@bundle.command("reset")
@click.option("--demo", "demo_only", is_flag=True, help="Remove the state of the demo alone.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_said_plainly
def reset_state(demo_only: bool, yes: bool) -> None:
    """Remove what the bundle and its demo keep, after a question: data, passwords and logs.

    Only what they made themselves is removed. Whatever else is in the state directory stays.
    """
    reset(environment.read(), demo_only=demo_only, confirmed=yes)


@bundle.command()
@_native
@_said_plainly
def status(native: bool) -> None:
    """Show each part and each source with its state; exit code 1 unless all are well."""
    chosen = current(environment.read(), native)
    rows = list(chosen.status())
    if chosen.is_demo:
        click.echo("This is the demo: its gateway is simulated.")
    for name, state, url in rows:
        click.echo(f"  {name:<17} {state:<10} {url}")
    if not rows:
        raise click.ClickException("nothing is running: make up")
    sources_are_up = _show_sources(chosen)
    if not sources_are_up or any(state not in {"ready", "running"} for _, state, _ in rows):
        raise click.exceptions.Exit(1)


@bundle.command()
@_native
@_said_plainly
def token(native: bool) -> None:
    """Print the token that whoever pushes events sends."""
    click.echo(current(environment.read(), native).token())


for command in (database, past, setup):
    bundle.add_command(command)


def _bring_up(chosen: Bundle) -> None:
    click.echo(f"Bringing {_name(chosen).lower()} up as {chosen.kind}.")
    parts = chosen.up()
    addresses = chosen.endpoints.parts()
    click.echo("Ready. Where to look:")
    for part in parts:
        click.echo(f"  {part:<13} {addresses[part].url}{_FIRST_PAGE.get(part, '')}")
    _show_sources(chosen)
    click.echo(chosen.grafana_password if "grafana" in parts else grafana_hint("demo" if chosen.is_demo else "up"))
    for hint in chosen.hints:
        click.echo(hint)
    if chosen.endpoints.open_to_others:
        click.secho("Other machines may reach it: Prometheus and Alertmanager ask for no password.", fg="yellow")


def _show_sources(chosen: Bundle) -> bool:
    """Print what the exporter reads from, and return whether all of it is up."""
    states = source_states.read(chosen.endpoints.exporter, chosen.own_sources)
    if states:
        click.echo("Sources of the exporter:")
    for line in format_states(states):
        click.echo(line)
    return bool(states) and all(source.state == "up" for source in states)


def _name(chosen: Bundle) -> str:
    return "The demo" if chosen.is_demo else "The bundle"


def _with(incident: str | None) -> str:
    return f" with the incident {incident}" if incident else ": calm for 15 minutes, then an incident every two hours"
