"""Options of the commands that talk to a running exporter: its address, and its token."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TextIO

import click

from exporter import tokens
from exporter.settings import Settings
from exporter.tokens import Token

exporter_option = click.option(
    "--exporter", "url", metavar="URL", help="Where the exporter is.  [default: from EXAI_LISTEN]"
)
token_option = click.option(
    "--token-file",
    type=click.File(),
    help="File of its token; - is standard input.  [default: from the settings, else .state in this directory]",
)


def url_of(settings: Settings, url: str | None = None) -> str:
    """Return the URL that was given, else that of the settings' exporter as this machine reaches it."""
    host, port = settings.address
    everywhere = host in ("0.0.0.0", "::")  # noqa: S104 - compared, not bound
    return url or f"http://{'127.0.0.1' if everywhere else f'[{host}]' if ':' in host else host}:{port}"


def push_token_of(settings: Settings, token_file: TextIO | None) -> Token:
    """Return the push token of the file that was named, else of the exporter of the settings.

    Raises:
        SettingsError: the file of the settings cannot be read.
    """
    return _token_of(settings, token_file, tokens.token_path, "push token")


def admin_token_of(settings: Settings, token_file: TextIO | None) -> Token:
    """Return the admin token, found in the same way.

    Raises:
        SettingsError: the file of the settings cannot be read.
    """
    return _token_of(settings, token_file, tokens.admin_token_path, "admin token")


def _token_of(settings: Settings, token_file: TextIO | None, path_of: Callable[[Settings], Path], name: str) -> Token:
    if token_file is not None:
        return Token(token_file.read().strip(), token_file.name, name)
    return tokens.for_command(settings, path_of, name)
