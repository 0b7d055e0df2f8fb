"""Choose the bundle that a command is about: the real one or the demo, natively or in containers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Protocol

import click

from exporter.bundle import containers
from exporter.bundle.containers import ComposeBundle, ComposeError
from exporter.bundle.demo_environment import demo_environment
from exporter.bundle.endpoints import Endpoints
from exporter.bundle.native import NativeBundle


class AlreadyRunningError(Exception):
    """The other bundle, or the one whose state is to be removed, runs; the text says how to go on."""


class Bundle(Protocol):
    """One way to run the bundle."""

    endpoints: Endpoints
    own_sources: frozenset[str]
    """Sources that read a store which the bundle starts itself."""

    @property
    def kind(self) -> str:
        """The kind of its parts, such as containers."""

    @property
    def is_demo(self) -> bool:
        """Whether its gateway is simulated."""

    @property
    def grafana_password(self) -> str:
        """A sentence on where Grafana's password is."""

    @property
    def hints(self) -> tuple[str, ...]:
        """A sentence each on where the push token and the logs are."""

    def up(self) -> list[str]:
        """Start, wait until ready, and return the names of the parts."""

    def down(self) -> None:
        """End what was started."""

    def demo(self, incident: str | None) -> None:
        """Add the simulated gateway."""

    def status(self) -> Iterable[tuple[str, str, str]]:
        """Name, state and address of each part."""

    def token(self) -> str:
        """The token for pushing events."""

    def is_running(self) -> bool:
        """Whether anything of it runs."""

    def holds_simulated(self) -> bool:
        """Whether a demo of 0.1 has mixed what it simulated with real data."""

    def stored(self) -> list[str]:
        """Name what `remove_stored` removes."""

    def remove_stored(self) -> None:
        """Remove all that it keeps: data, passwords and logs."""


def choose(env: Mapping[str, str], native: bool) -> Bundle:
    """Return the bundle to start: in containers where an engine answers, else, or where it runs already, natively."""
    here = NativeBundle(env, click.echo)
    if native or here.is_running() or not containers.engine_answers():
        return here
    return ComposeBundle(env, click.echo)


def every_kind(env: Mapping[str, str]) -> list[Bundle]:
    """Return the bundle of an environment in each kind that this machine can run."""
    found: list[Bundle] = [NativeBundle(env, click.echo)]
    if containers.engine_answers():
        # Without Compose there are no containers of ours.
        with suppress(ComposeError):
            found.append(ComposeBundle(env, click.echo))
    return found


def running(env: Mapping[str, str]) -> list[Bundle]:
    """Return the bundles of an environment that run."""
    return [bundle for bundle in every_kind(env) if bundle.is_running()]


def current(env: Mapping[str, str], native: bool) -> Bundle:
    """Return the bundle that people ask about: the demo while it runs, else the real one."""
    demos = running(demo_environment(env))
    return demos[0] if demos else choose(env, native)


def refuse_beside_demo(env: Mapping[str, str]) -> None:
    """Refuse to start the real bundle while the demo runs, which listens on the same ports.

    Raises:
        AlreadyRunningError: the demo runs.
    """
    if running(demo_environment(env)):
        raise AlreadyRunningError("The demo is running here: end it with `make down`, then run `make up` again.")


def refuse_beside_real(env: Mapping[str, str]) -> None:
    """Refuse to start the demo while the real bundle runs.

    Raises:
        AlreadyRunningError: the real bundle runs.
    """
    if running(env):
        raise AlreadyRunningError("A real bundle is running here: end it with `make down`, then run `make demo` again.")
