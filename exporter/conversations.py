"""`exai-exporter conversations`: finds and deletes what is kept of one conversation."""

from __future__ import annotations

import os
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, TextIO

import click
import msgspec

from exporter.exporter_options import admin_token_of, exporter_option, token_option, url_of
from exporter.expose.conversations import PATH
from exporter.pseudonyms import pseudonym
from exporter.read_settings import load
from exporter.settings import Settings, SettingsError
from exporter.tokens import Token

if TYPE_CHECKING:
    from exporter.database.connection import Connection

_TIMEOUT_S = 60

NOT_DELETED = """\
not deleted, because the exporter cannot reach it:
  recordings     lines that hold the hash above; `exai-exporter record` wrote them where you told it to
  backups        of PostgreSQL and of the state directory
  the gateway    its Redis keeps events for 24 hours; its logs and its own tables
Prometheus and the logs of the exporter hold no ids of conversations."""


class _NotReached(Exception):
    """The exporter does not answer, or refuses."""


@click.group()
def conversations() -> None:
    """Find or delete what is kept of one conversation.

    Ids of conversations are kept as hashes. These commands take the plain id (or the hash), as the gateway
    calls it: conversation_id, continuation_id or session_id.
    """


_id_argument = click.argument("conversation", metavar="ID")
_dsn_option = click.option("--dsn", metavar="URL", help="The database.  [default: EXAI_DATABASE_URL]")


@conversations.command()
@_id_argument
@_dsn_option
def show(conversation: str, dsn: str | None) -> None:
    """Print the hash of a conversation, and how many rows each table has of it.

    ID - is read from standard input, so that it stays out of the shell's history.

    \b
    EXAMPLES
      exai-exporter conversations show 3f1c9f0e-7a34-4f5e-9d55-0a51c6a3c9f1
    """
    plain = _plain(conversation)
    click.echo(pseudonym(plain))
    if database := dsn or _settings().database_url:
        from exporter.database.conversations import count

        _print_rows(database, plain, count)
    else:
        click.echo("no database is configured: rows are kept nowhere")


@conversations.command()
@_id_argument
@_dsn_option
@exporter_option
@token_option
def delete(conversation: str, dsn: str | None, url: str | None, token_file: TextIO | None) -> None:
    """Delete what is kept of a conversation, and print how much it was.

    Deletes its events in the memory of the running exporter and in its spool on disk, then its rows in every
    table: traces with their spans and errors, model calls, and the rows in which a gateway names the plain id.
    Counts of the past in Prometheus stay: they name no conversation. ID - is read from standard input.

    \b
    EXIT STATUS
      0   everything that the exporter and PostgreSQL hold is deleted
      1   the exporter or the database cannot be reached: run it again

    \b
    EXAMPLES
      exai-exporter conversations delete 3f1c9f0e-7a34-4f5e-9d55-0a51c6a3c9f1
      echo "$ID" | exai-exporter conversations delete -
    """
    plain = _plain(conversation)
    settings = _settings()
    click.echo(pseudonym(plain))
    try:
        # First: events that are spooled would become rows again.
        deleted = _delete_in_exporter(url_of(settings, url), admin_token_of(settings, token_file), plain)
    except (_NotReached, SettingsError) as error:
        raise click.ClickException(f"nothing is deleted: {error}") from error
    _print(deleted, "events")
    if database := dsn or settings.database_url:
        from exporter.database.conversations import delete as delete_rows

        _print_rows(database, plain, delete_rows)
    click.echo(NOT_DELETED)


def _plain(conversation: str) -> str:
    plain = sys.stdin.readline().strip("\r\n") if conversation == "-" else conversation
    if not plain:
        raise click.UsageError("the id is empty")
    return plain


def _settings() -> Settings:
    try:
        return load(os.environ)
    except SettingsError as error:
        raise click.ClickException(str(error)) from error


def _print_rows(dsn: str, plain: str, work: Callable[[Connection, str], Mapping[str, int]]) -> None:
    from exporter.database.connection import DatabaseError, connect

    try:
        with connect(dsn) as connection:
            _print(work(connection, plain), "rows")
    except DatabaseError as error:
        raise click.ClickException(f"the rows are still there: {error}") from error


def _delete_in_exporter(url: str, token: Token, plain: str) -> Mapping[str, int]:
    """Delete what the exporter itself holds, and return how many events that were.

    Raises:
        _NotReached: it does not answer, or refuses.
    """
    headers = {"Content-Type": "application/json", **token.headers}
    body = msgspec.json.encode({"conversation": pseudonym(plain)})
    request = urllib.request.Request(url.rstrip("/") + PATH, body, headers)  # noqa: S310 - the user's own URL
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:  # noqa: S310
            counts: dict[str, Any] = msgspec.json.decode(response.read())
    except urllib.error.HTTPError as error:
        refused = token.refused if error.code in (401, 403) else f"it answered {error.code}"
        raise _NotReached(f"{url}: {refused}") from None
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise _NotReached(f"{url} does not answer: {reason}. Is the exporter running?") from error
    return {name: count for name, count in counts.items() if isinstance(count, int)}


def _print(counts: Mapping[str, int], unit: str) -> None:
    for name, number in counts.items():
        click.echo(f"  {name}: {number:,} {unit}")
