"""The command line."""

from __future__ import annotations

import logging
import sys

import click
import structlog

from exporter import __version__
from exporter.settings import Settings, SettingsError, load


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def cli() -> None:
    """LLM-gateway events in, durable Prometheus series out.

    Settings come from the environment (EXAI_LISTEN, EXAI_STATE_DIR, EXAI_REDIS_URL, ...) and from the YAML
    file that EXAI_CONFIG names; docs/settings.md lists them all.
    """


@cli.command()
def serve() -> None:
    """Run the exporter until it is told to stop.

    Takes events over HTTP and from Redis, keeps their counts in the state directory, and serves them on
    /metrics. The first run makes the push token, the admin token and Grafana's password there.
    """
    settings = _settings()
    _log_to_stderr(settings.log_level)
    from exporter.app import serve as run

    try:
        run(settings)
    except SettingsError as error:
        raise click.ClickException(str(error)) from error


@cli.command()
def version() -> None:
    """Print the version."""
    click.echo(f"exai-exporter {__version__}")


def _settings() -> Settings:
    try:
        return load()
    except SettingsError as error:
        raise click.ClickException(str(error)) from error


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
