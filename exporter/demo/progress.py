"""Says how the demo goes: one live line on a terminal, a log line every few seconds elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from shutil import get_terminal_size
from typing import Protocol

import click
import structlog

from exporter.demo.outbox import Tally

_LOG_EVERY_S = 5.0
_SHOW_EVERY_S = 0.5
_CLEAR_LINE = "\r\x1b[K"


class Progress(Protocol):
    """Hears how far the demo is."""

    def tell(self, elapsed_s: float, incidents: Sequence[str], tallies: Mapping[str, Tally]) -> None:
        """Called often; tells now and then."""

    def end(self) -> None:
        """Called once."""


class LiveLine:
    """Rewrites one line of the terminal."""

    def __init__(self) -> None:
        self._next = 0.0

    def tell(self, elapsed_s: float, incidents: Sequence[str], tallies: Mapping[str, Tally]) -> None:
        """Rewrite the line twice a second."""
        if elapsed_s >= self._next:
            self._next = elapsed_s + _SHOW_EVERY_S
            line = summary(elapsed_s, incidents, tallies)
            click.echo(_CLEAR_LINE + line[: get_terminal_size().columns - 1], nl=False)

    def end(self) -> None:
        """Leave the line where it is."""
        click.echo()


class LogLines:
    """Logs key and value, at once and every five seconds."""

    def __init__(self) -> None:
        self._next = 0.0
        self._log = structlog.get_logger()

    def tell(self, elapsed_s: float, incidents: Sequence[str], tallies: Mapping[str, Tally]) -> None:
        """Log when it is time."""
        if elapsed_s >= self._next:
            self._next = elapsed_s + _LOG_EVERY_S
            self._log.info("demo", incident=",".join(incidents) or "none", **_numbers(tallies))

    def end(self) -> None:
        """Nothing is left open."""


class ReadyFile:
    """Creates a file once an event has been sent, for a container's healthcheck."""

    def __init__(self, path: Path, shown: Progress) -> None:
        self._path, self._shown = path, shown

    def tell(self, elapsed_s: float, incidents: Sequence[str], tallies: Mapping[str, Tally]) -> None:
        """Create the file if need be, and pass everything on."""
        if not self._path.exists() and any(tally.sent for tally in tallies.values()):
            self._path.touch()
        self._shown.tell(elapsed_s, incidents, tallies)

    def end(self) -> None:
        """Pass it on."""
        self._shown.end()


def progress(ready_file: Path | None = None) -> Progress:
    """What suits where standard output goes; it also creates `ready_file` once an event has been sent."""
    shown = LiveLine() if sys.stdout.isatty() else LogLines()
    return ReadyFile(ready_file, shown) if ready_file else shown


def summary(elapsed_s: float, incidents: Sequence[str], tallies: Mapping[str, Tally]) -> str:
    """The state of things in one line."""
    sent = " · ".join(f"{outlet} {tally.sent:,}" for outlet, tally in tallies.items())
    lost = sum(tally.dropped + tally.refused for tally in tallies.values())
    parts = [
        f"{elapsed_s:.0f} s",
        f"sent to {sent}",
        f"lost {lost:,}",
        " + ".join(incidents) or "no incident",
    ]
    troubles = [tally.trouble for tally in tallies.values() if tally.trouble]
    return " · ".join([*parts, *troubles])


def _numbers(tallies: Mapping[str, Tally]) -> dict[str, int | str]:
    numbers: dict[str, int | str] = {}
    for outlet, tally in tallies.items():
        numbers[f"{outlet}_sent"] = tally.sent
        numbers |= {f"{outlet}_{name}": value for name, value in _unusual(tally) if value}
    return numbers


def _unusual(tally: Tally) -> Sequence[tuple[str, int | str]]:
    return (("dropped", tally.dropped), ("refused", tally.refused), ("trouble", tally.trouble))
