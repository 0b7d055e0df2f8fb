"""What commands that talk to a running exporter have in common: where it is, and its token."""

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


def url_of(settings: Settings, url: str | None) -> str:
    """Return the address of the exporter that is meant."""
    return url or f"http://{settings.listen}"


def token_of(settings: Settings, token_file: TextIO | None, path_of: Callable[[Settings], Path]) -> Token:
    """Return the token of the file that was named, else of the exporter of the settings.

    Raises:
        SettingsError: the file of the settings cannot be read.
    """
    if token_file is not None:
        return Token(token_file.read().strip(), token_file.name)
    return tokens.for_command(settings, path_of)
