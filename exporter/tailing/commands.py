"""`exai-exporter tail` and `exai-exporter record`."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from math import inf
from pathlib import Path
from typing import TextIO

import click
from msgspec import Raw

from exporter.events import KINDS
from exporter.exporter_options import admin_token_of, exporter_option, token_option, url_of
from exporter.invocation import command
from exporter.read_settings import load
from exporter.settings import SOURCES, SettingsError
from exporter.tailing.follower import POLL_S, Follower
from exporter.tailing.lines import line
from exporter.tailing.recent import Away, RecentEndpoint, Refused, entry_of
from exporter.tailing.recorder import Recorder
from exporter.tailing.recording_file import NotARecording, RecordingFile

_QUIET_S = 10
_warn = partial(click.echo, err=True)


@click.command()
@click.option("--json", "machine_readable", is_flag=True, help="Print one JSON object a line.")
@click.option("--source", type=click.Choice(SOURCES), help="Show only what came from there.")
@click.option("--kind", type=click.Choice(list(KINDS.values())), help="Show only these; rejected events have no kind.")
@click.option(
    "-n", "--last", default=10, show_default=True, type=click.IntRange(0), help="Show so many that came before."
)
@exporter_option
@token_option
def tail(
    machine_readable: bool, source: str | None, kind: str | None, last: int, url: str | None, token_file: TextIO | None
) -> None:
    """Show events of a running exporter as they arrive, until Ctrl-C.

    Each line has the time of arrival, the source, the kind, what became of the event, and the labels
    of its series. Secrets are masked. The exporter keeps the newest 10,000 events in memory; whoever
    reads more slowly than they arrive misses some, and is told how many.

    \b
    OUTCOMES
      counted     it is in the series
      duplicate   its event_id came before
      compared    another source counts this kind (`sources` in the settings)
      rejected    it is not a valid event; the line says which field is wrong
      failed      it could not be folded, which is a defect of the exporter

    \b
    EXAMPLES
      exai-exporter tail
      exai-exporter tail --kind duration --json | jq .event
    """
    with _plain_errors():
        endpoint = _endpoint(url, token_file)
        follower = Follower(endpoint.fetch, _warn, time.sleep, last=last)
        for shown in _with_hint(follower, endpoint.url):
            for raw in shown:
                entry = entry_of(raw)
                if source in (None, entry.source) and kind in (None, entry.kind):
                    sys.stdout.write(f"{bytes(raw).decode() if machine_readable else line(entry)}\n")
            sys.stdout.flush()


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--max-bytes", default=100_000_000, show_default=True, type=click.IntRange(1), help="Size of one file.")
@click.option("--keep", default=5, show_default=True, type=click.IntRange(1), help="Full files that are kept.")
@click.option("--for", "seconds", type=click.FloatRange(0, min_open=True), help="End after so many seconds.")
@exporter_option
@token_option
def record(
    file: Path, max_bytes: int, keep: int, seconds: float | None, url: str | None, token_file: TextIO | None
) -> None:
    """Write the events that a running exporter counts to FILE, until Ctrl-C.

    FILE has one canonical event a line (NDJSON), with secrets masked. `replay`, `alerts replay` and
    `timeouts evaluate` read it. Duplicates and rejected events are left out and counted. A recording
    that exists is continued; any other file is refused. A full FILE becomes FILE.1, FILE.1 becomes
    FILE.2, and so on. Only the owner can read them (mode 0600).

    \b
    EXIT STATUS
      0  ended by Ctrl-C, SIGTERM or --for
      1  the exporter or the file cannot be used, or the disk is full

    \b
    EXAMPLES
      exai-exporter record monday.ndjson --for 86400
      cat monday.ndjson.2 monday.ndjson.1 monday.ndjson | exai-exporter alerts replay -
    """
    with _plain_errors():
        endpoint = _endpoint(url, token_file)
        follower = Follower(endpoint.fetch, _warn, time.sleep)
        recording = RecordingFile(file, max_bytes, keep, _warn)
        recorder = Recorder(recording)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        _warn(f"recording to {file}; Ctrl-C ends it")
        try:
            _record(follower, recorder, seconds)
        except OSError as error:
            before = f"{recorder.written:,} events were written before"
            raise click.ClickException(f"{file} cannot be written: {error.strerror}; {before}") from error
        finally:
            recording.close()
        click.echo(_summary(file, recorder, follower.missed))


def _endpoint(url: str | None, token_file: TextIO | None) -> RecentEndpoint:
    settings = load(os.environ)
    return RecentEndpoint(url_of(settings, url), admin_token_of(settings, token_file))


def _with_hint(follower: Iterable[list[Raw]], url: str) -> Iterator[list[Raw]]:
    """Yield what comes; where nothing does from the start, say once what to check."""
    polls, seen = 0, False
    for shown in follower:
        polls, seen = polls + 1, seen or bool(shown)
        if polls * POLL_S == _QUIET_S and not seen:
            check = command("check-config --connect")
            _warn(f"no event has come yet. `{check}` tries each source; {url}/readyz names what is not ready")
        yield shown


def _record(follower: Iterable[list[Raw]], recorder: Recorder, seconds: float | None) -> None:
    ends = time.monotonic() + (seconds or inf)
    with suppress(KeyboardInterrupt):
        for shown in follower:
            recorder.take(shown)
            if time.monotonic() >= ends:
                return


def _summary(file: Path, recorder: Recorder, missed: int) -> str:
    counts = {**recorder.left_out, **({"missed": missed} if missed else {})}
    left_out = ", ".join(f"{count:,} {outcome}" for outcome, count in counts.items())
    return f"{recorder.written:,} events written to {file}" + (f"; left out: {left_out}" if left_out else "")


@contextmanager
def _plain_errors() -> Iterator[None]:
    """End with one sentence where something cannot be used, and without any on Ctrl-C or a closed pipe."""
    try:
        yield
    except KeyboardInterrupt:
        pass
    except BrokenPipeError:
        # Python flushes once more at its end, and would complain there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Away as error:
        raise click.ClickException(f"{error}. Is it running? --exporter names another address") from error
    except (Refused, NotARecording, SettingsError) as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}") from error
