"""An event as a line on a terminal."""

from __future__ import annotations

from datetime import datetime

from exporter.tailing.recent import Entry

_SOURCE, _KIND, _OUTCOME = 12, 10, 10
"""Widths of the columns: the longest value of each."""

_LONGEST_ITEM = 100


def line(entry: Entry) -> str:
    """Return local time, source, kind, outcome, and the labels or why the event was rejected."""
    time = datetime.fromtimestamp(entry.received).strftime("%H:%M:%S.%f")[:-3]
    columns = (time, entry.source.ljust(_SOURCE), (entry.kind or "-").ljust(_KIND), entry.outcome.ljust(_OUTCOME))
    return "  ".join((*columns, _rejection(entry) if entry.reason else _labels(entry))).rstrip()


def _labels(entry: Entry) -> str:
    return " ".join(f"{name}={_visible(value)}" for name, value in entry.labels.items())


def _rejection(entry: Entry) -> str:
    field = f"{entry.field}: " if entry.field else ""
    return _visible(f"{entry.reason}: {field}{entry.message}: {entry.item[:_LONGEST_ITEM]}")


def _visible(text: str) -> str:
    """The text without characters that could move the cursor or hide something."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
