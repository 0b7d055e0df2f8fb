"""The command line."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Sequence
from functools import partial
from typing import Any, BinaryIO, TextIO

import click
import msgspec
import structlog
import yaml

from exporter import __version__, recordings, replay, tokens
from exporter.alerts.commands import alerts
from exporter.bundle.commands import bundle
from exporter.conversations import conversations
from exporter.database.commands import baseline, maintain, migrate
from exporter.demo.commands import demo
from exporter.environment.env_file import EnvFileError
from exporter.environment.load import load as load_env_file
from exporter.exporter_options import exporter_option, push_token_of, token_option, url_of
from exporter.invocation import SCRIPT
from exporter.read_settings import load
from exporter.settings import Settings, SettingsError
from exporter.shipped_files import ShippedFilesError
from exporter.tailing.commands import record, tail
from exporter.timeouts.commands import timeouts
from exporter.types import SourceState

_MOST_BAD_LINES = 10
"""Lines of a recording that are named; the others are counted."""


class _Cli(click.Group):
    """The commands, of which any may find that a shipped file is missing."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ShippedFilesError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Cli, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name=SCRIPT, message="%(prog)s %(version)s")
def cli() -> None:
    """LLM-gateway events in, durable Prometheus series out.

    Settings come from the environment (EXAI_LISTEN, EXAI_STATE_DIR, EXAI_REDIS_URL, …), from the file
    .env of the working directory (EXAI_ENV_FILE names another), and from the YAML file that EXAI_CONFIG
    names. docs/settings.md lists them all.
    """
    try:
        warnings = load_env_file(os.environ)
    except EnvFileError as error:
        raise click.ClickException(str(error)) from error
    for warning in warnings:
        click.echo(f"Warning: {warning}", err=True)


@cli.command()
def serve() -> None:
    """Run the exporter until it is told to stop.

    Takes events over HTTP and from Redis, keeps their counts in the state directory, and serves them
    on /metrics. The first run makes the push token, the admin token and Grafana's password there.

    \b
    SIGNALS
      SIGTERM, SIGINT   fold what was taken, write a last checkpoint, and leave

    \b
    EXAMPLES
      exai-exporter serve
      EXAI_REDIS_URL=redis://127.0.0.1:6379 exai-exporter serve
    """
    settings = _settings()
    _log_to_stderr(settings.log_level)
    # Imported here: what the other commands do must not wait for Flask, nor break with a source.
    from exporter.server import serve as run

    try:
        run(settings)
    except SettingsError as error:
        raise click.ClickException(str(error)) from error


@cli.command("check-config")
@click.option("--connect", is_flag=True, help="Also connect to each source: is it up, down or empty?")
def check_config(connect: bool) -> None:
    """Print what the settings come to, or which key cannot be used, its value and why.

    Nothing is started and nothing is made. Passwords are not shown.

    \b
    EXIT STATUS
      0   serve would start with these settings, and with --connect every source is up
      1   a setting, the file of thresholds or that of prices cannot be used, or a
          source is down or empty

    \b
    EXAMPLES
      exai-exporter check-config
      EXAI_REDIS_URL=redis://127.0.0.1:6379/0 exai-exporter check-config --connect
    """
    from exporter import connections, preflight

    settings = _settings()
    try:
        prices = preflight.check(settings)
    except SettingsError as error:
        raise click.ClickException(str(error)) from error
    click.echo(yaml.safe_dump(_shown(settings), sort_keys=False).rstrip())
    need = "may be left out on loopback" if settings.on_loopback else "is needed"
    examples = sum(price.example for price in prices.values())
    click.echo(f"# prices of {len(prices)} models, {examples} of them not compared with their source")
    click.echo(f"# settings are good; pushing: the token in {tokens.token_path(settings)} {need}")
    if connect and not _show_sources(connections.probe(settings)):
        raise click.exceptions.Exit(1)


@cli.command("replay")
@click.argument("file", type=click.File("rb"))
@exporter_option
@token_option
def replay_file(file: BinaryIO, url: str | None, token_file: TextIO | None) -> None:
    """Push recorded events from FILE to a running exporter.

    FILE has one event a line: canonical events (NDJSON), as `exai-exporter record` writes them, or
    {"key", "score", "member"} lines recorded from a gateway's Redis; .gz is inflated, - is standard
    input. Batches carry a key made of their content: pushing the same file again within 24 hours
    counts nothing twice.

    \b
    EXAMPLES
      exai-exporter replay events.ndjson.gz
      exai-exporter replay tests/data/connection_monitor_redis.jsonl --exporter http://127.0.0.1:9464
    """
    settings = _settings()
    try:
        pusher = replay.Pusher(url_of(settings, url), push_token_of(settings, token_file))
        chunks = list(recordings.chunks(file, time.time, partial(click.echo, err=True)))
        with click.progressbar(length=sum(len(chunk.rows) for chunk in chunks), label="events", file=sys.stderr) as bar:
            for chunk in chunks:
                pusher.push(chunk)
                bar.update(len(chunk.rows))
    except (replay.ReplayError, recordings.BadRecording, SettingsError) as error:
        raise click.ClickException(str(error)) from error
    _report(pusher.tally, recordings.name_of(file))


@cli.command()
def version() -> None:
    """Print the version."""
    click.echo(f"{SCRIPT} {__version__}")


for command in (tail, record, demo, alerts, bundle, timeouts, migrate, maintain, baseline, conversations):
    cli.add_command(command)


def _report(tally: replay.Tally, name: str) -> None:
    for line in tally.bad[:_MOST_BAD_LINES]:
        click.echo(f"{name}: {line}", err=True)
    reasons = ", ".join(f"{count} {reason}" for reason, count in tally.rejected.most_common() if count)
    click.echo(f"{tally.accepted} accepted, {tally.rejected.total()} rejected" + (f" ({reasons})" if reasons else ""))


def _settings() -> Settings:
    try:
        return load(os.environ)
    except SettingsError as error:
        raise click.ClickException(str(error)) from error


def _shown(settings: Settings) -> dict[str, object]:
    shown: dict[str, object] = msgspec.to_builtins(settings)
    for key in ("redis_url", "database_url"):
        shown[key] = tokens.without_password(str(shown[key]))
    return shown


def _show_sources(states: Sequence[SourceState]) -> bool:
    """Print the sources; return whether all are up."""
    from exporter.connections import format_states

    if not states:
        click.echo("# no source is configured: only events that are pushed over HTTP count")
    for line in format_states(states):
        click.echo(line)
    return all(source.state == "up" for source in states)


def _log_to_stderr(level: str) -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
