"""`exai-exporter bundle`: what `make up`, `make demo` and `make down` call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from types import MappingProxyType
from typing import Any, Protocol

import click

from exporter.bundle import containers, environment, source_states
from exporter.bundle.backfill import past
from exporter.bundle.containers import ComposeBundle, ComposeError
from exporter.bundle.database import database
from exporter.bundle.endpoints import Endpoints
from exporter.bundle.grafana_hint import grafana_hint
from exporter.bundle.native import NativeBundle
from exporter.bundle.packages import MissingPackagesError
from exporter.bundle.ports import PortError
from exporter.bundle.postgres import CHOICE, PostgresError
from exporter.bundle.readiness import NotReadyError
from exporter.bundle.setup import setup
from exporter.bundle.supervision import SupervisionError
from exporter.connections import format_states
from exporter.demo.incidents import INCIDENTS

_EXPECTED = (
    ComposeError, MissingPackagesError, NotReadyError, PortError, PostgresError, SupervisionError, ValueError,
)  # fmt: skip
_FIRST_PAGE = {"grafana": "/d/exai-gateway-overview"}


class Bundle(Protocol):
    """One way to run the bundle."""

    endpoints: Endpoints
    own_sources: frozenset[str]
    """Sources that read a store which the bundle starts itself."""

    @property
    def kind(self) -> str:
        """What its parts are."""

    @property
    def grafana_password(self) -> str:
        """Where Grafana's password is, in a sentence."""

    @property
    def hints(self) -> tuple[str, ...]:
        """Where the push token and the logs are, in a sentence each."""

    def up(self) -> list[str]:
        """Start, wait until ready, and return the names of the parts."""

    def down(self) -> None:
        """End what was started."""

    def demo(self, incident: str | None) -> None:
        """Add the simulated gateway."""

    def status(self) -> Iterable[tuple[str, str, str]]:
        """Name, state and address of each part."""

    def token(self) -> str:
        """The token that whoever pushes events sends."""

    def is_running(self) -> bool:
        """Whether anything of it runs."""


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
    _bring_up(_choose(native))


@bundle.command()
@_native
@click.option("--incident", type=click.Choice(list(INCIDENTS)), help="What goes wrong.  [default: each in turn]")
@_said_plainly
def demo(native: bool, incident: str | None) -> None:
    """Start the bundle if need be, with a PostgreSQL, and a simulated gateway that feeds every series.

    A Prometheus that has never seen a gateway first gets 15 days to look back on, with two incidents.
    """
    chosen = _choose(native, {CHOICE: "native"})
    _bring_up(chosen)
    chosen.demo(incident)
    click.echo(f"A simulated gateway runs{_with(incident)}. Its series move within 15 seconds.")
    click.echo(f"One incident at once: make demo INCIDENT={'|'.join(INCIDENTS)}. The end of it all: make down.")


@bundle.command()
@_said_plainly
def down() -> None:
    """End exactly what `up` and `demo` started; the recorded data stays."""
    env = environment.read()
    running: list[Bundle] = [NativeBundle(env, click.echo)]
    if containers.engine_answers():
        running.append(ComposeBundle(env, click.echo))
    running = [one for one in running if one.is_running()]
    for one in running:
        one.down()
    click.echo("The bundle is down; its data stays." if running else "Nothing was running.")


@bundle.command()
@_native
@_said_plainly
def status(native: bool) -> None:
    """Show each part and each source with its state; exit code 1 unless all are well."""
    chosen = _choose(native)
    rows = list(chosen.status())
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
    click.echo(_choose(native).token())


for command in (database, past, setup):
    bundle.add_command(command)


def _choose(native: bool, defaults: Mapping[str, str] = MappingProxyType({})) -> Bundle:
    env = {**defaults, **environment.read()}
    here = NativeBundle(env, click.echo)
    if native or here.is_running() or not containers.engine_answers():
        return here
    return ComposeBundle(env, click.echo)


def _bring_up(chosen: Bundle) -> None:
    click.echo(f"Bringing the bundle up as {chosen.kind}.")
    parts = chosen.up()
    addresses = chosen.endpoints.parts()
    click.echo("Ready. Where to look:")
    for part in parts:
        click.echo(f"  {part:<13} {addresses[part].url}{_FIRST_PAGE.get(part, '')}")
    _show_sources(chosen)
    click.echo(chosen.grafana_password if "grafana" in parts else grafana_hint())
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


def _with(incident: str | None) -> str:
    return f" with the incident {incident}" if incident else ", calm and incidents in turn"
