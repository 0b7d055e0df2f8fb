"""Remove the state of the bundle, or of its demo alone, after a question."""

from __future__ import annotations

import sys
from collections.abc import Mapping

import click

from exporter.bundle.choice import AlreadyRunningError, Bundle, every_kind
from exporter.bundle.demo_environment import demo_environment


def reset(env: Mapping[str, str], *, demo_only: bool, confirmed: bool) -> None:
    """Name what there is, ask, and remove it.

    Raises:
        AlreadyRunningError: a part of it runs.
        click.ClickException: nobody can be asked.
        click.Abort: the answer is no.
    """
    # The demo first: its state lies inside that of the real bundle.
    bundles = [*every_kind(demo_environment(env)), *([] if demo_only else every_kind(env))]
    if any(bundle.is_running() for bundle in bundles):
        raise AlreadyRunningError("It is running: end it with `make down`, then run `make reset` again.")
    stored = {bundle: names for bundle in bundles if (names := bundle.stored())}
    if not stored:
        click.echo("There is nothing to remove.")
        return
    _show(stored)
    if not confirmed:
        _ask()
    for bundle in stored:
        bundle.remove_stored()
    click.echo("Removed. `make up` or `make demo` starts anew, with new tokens and passwords.")


def _show(stored: Mapping[Bundle, list[str]]) -> None:
    for bundle, names in stored.items():
        click.echo(f"State of {'the demo' if bundle.is_demo else 'the real bundle'} ({bundle.kind}):")
        for name in names:
            click.echo(f"  {name}")


def _ask() -> None:
    if not sys.stdin.isatty():
        raise click.ClickException("nothing is removed, because nobody can be asked here: add --yes (ARGS=--yes)")
    click.confirm("Remove all of it? It cannot be brought back", abort=True)
