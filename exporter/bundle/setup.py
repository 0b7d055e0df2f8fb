"""Prepares what the containers of the bundle read, once per `docker compose up`.

Every other container runs as an ordinary user without capabilities, and can read neither a secret file of mode 0600
nor a clone that was made with umask 077. This one runs as root without a network, gives each its files, and ends.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import click

from exporter import preflight, tokens
from exporter.alerts import notifications
from exporter.alerts.values import Environ
from exporter.bundle import environment_label
from exporter.bundle.handover import Files, Owner, live_links, publish, read_tree
from exporter.bundle.loopback import refuse_loopback
from exporter.read_settings import load
from exporter.settings import Settings

_CLONE = Path("/run/clone")
_OUTPUT = Path("/run/exai")
_CONFIG = Path("/app/config")

_EXPORTER = Owner(10001, 10001)
OWNERS = {
    "prometheus": Owner(65534, 65534),
    "alertmanager": Owner(65534, 65534),
    "grafana": Owner(472, 0),
    "postgres": Owner(70, 70),
    "postgres-exporter": Owner(65534, 65534),
}
"""Each service that gets files, and the user of its image."""

_OPTIONAL_TARGETS = {"node.yml": "node"}
"""A file of scrape targets, and the profile whose service it names."""


@click.command()
def setup() -> None:
    """Check the settings, make the passwords, and give each container its files.

    docker-compose.yml runs this in a container of its own, as root and before all others. It can be run again.
    """
    try:
        prepare(os.environ)
    except (ValueError, OSError) as problem:
        raise click.ClickException(str(problem)) from problem


def prepare(environ: Environ) -> None:
    """Publish the files of every container.

    Raises:
        ValueError: a setting cannot be used; the message names it.
        OSError: a file cannot be read or written.
    """
    refuse_loopback(environ)
    publish(live_links(_CLONE / "config"), _CONFIG, _EXPORTER)
    settings = load(environ)
    preflight.check(settings)
    _make_passwords(settings)
    for service, files in _files(settings, environ):
        publish(files, _OUTPUT / service, OWNERS[service])


def _make_passwords(settings: Settings) -> None:
    tokens.make_missing(settings)
    os.chown(settings.state_path, *_EXPORTER)
    for path in settings.state_path.iterdir():
        if path.stat().st_uid == os.geteuid():
            os.chown(path, *_EXPORTER)


def _files(settings: Settings, environ: Environ) -> Iterator[tuple[str, Files]]:
    state = settings.state_path
    reader = (state / tokens.READER_PASSWORD).read_bytes()
    yield "prometheus", prometheus_files(_CLONE / "prometheus", environ)
    yield "alertmanager", alertmanager_files(_CLONE / "alertmanager", tokens.token_path(settings), environ)
    yield "grafana", grafana_files(_CLONE / "grafana", (state / tokens.GRAFANA_PASSWORD).read_bytes(), reader)
    yield "postgres", {"password": tokens.make_for_database(state).encode()}
    yield "postgres-exporter", {"password": reader}


def prometheus_files(shipped: Path, environ: Environ) -> Files:
    """Return the configuration, the rules, and the targets of the services that run."""
    profiles = environ.get("COMPOSE_PROFILES", "").split(",")
    environment = environ.get(environment_label.VARIABLE, "")
    targets = {
        name: environment_label.on_targets(content.decode(), environment)
        for name, content in read_tree(shipped / "targets" / "compose").items()
        if _OPTIONAL_TARGETS.get(name) in {None, *profiles}
    }
    return {
        "prometheus.yml": environment_label.on_alerts((shipped / "prometheus.yml").read_text(), environment).encode(),
        **read_tree(shipped / "rules", below="rules"),
        **{f"targets/{name}": groups.encode() for name, groups in targets.items()},
    }


def alertmanager_files(shipped: Path, push_token: Path, environ: Environ) -> Files:
    """Return the rendered configuration, its templates, and the token that the exporter asks for."""
    rendered = notifications.render(shipped, environ)
    return {**{name: text.encode() for name, text in rendered.items()}, "push-token": push_token.read_bytes()}


def grafana_files(shipped: Path, password: bytes, reader_password: bytes) -> Files:
    """Return the provisioning, the dashboards, and the passwords of the administrator and of the database."""
    trees = ("provisioning", "provisioning-postgres", "dashboards", "dashboards-postgres")
    files = {name: content for tree in trees for name, content in read_tree(shipped / tree, below=tree).items()}
    return {**files, tokens.GRAFANA_PASSWORD: password, tokens.READER_PASSWORD: reader_password}
