"""Tells of each alert that begins or is over: a line on the console, a JSON object a line in a file."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from io import FileIO, TextIOWrapper
from logging import Formatter, Handler, Logger, LogRecord, StreamHandler
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TextIO

import msgspec

from exporter.auditor.observation import EVERYWHERE, Observed
from exporter.conventions import is_printable

FILE_BYTES = 10_000_000
"""Of one file, before it is put aside."""
OLDER_FILES = 5
"""How many are put aside, beside the one that is written."""

_PRIVATE = 0o600
_WHERE = ("service", "provider", "model")


class Announcer:
    """Writes to the console, to a file, to both or to neither."""

    def __init__(self, console: TextIO | None = None, file: Path | None = None, file_bytes: int = FILE_BYTES) -> None:
        """Opens the file; OSError where it cannot be written."""
        self._logger = Logger("alerts", logging.INFO)
        if console:
            self._add(StreamHandler(console), line)
        if file:
            self._add(_PrivateFile(file, maxBytes=file_bytes, backupCount=OLDER_FILES), document)

    def announce(self, observed: Sequence[Observed]) -> None:
        """Takes alerts that have just begun or ended; what cannot be written is told on standard error, no more."""
        for each in observed:
            self._logger.info("%s", each.title, extra={"observed": each})

    def close(self) -> None:
        """Closes the file."""
        for handler in self._logger.handlers:
            handler.close()

    def _add(self, handler: Handler, shape: Callable[[Observed], str]) -> None:
        handler.setFormatter(_Formatter(shape))
        self._logger.addHandler(handler)


def line(observed: Observed) -> str:
    """What a person reads: when, what, where and what to do."""
    where = (f"{name}={observed.labels.get(name, EVERYWHERE)}" for name in _WHERE)
    environment = observed.labels.get("environment")
    words = (
        _text(observed.resolved_at or observed.started_at),
        "RESOLVED" if observed.resolved_at else observed.severity.upper(),
        *([f"[{environment}]"] if environment else []),
        observed.metric_name,
        *(place for place in where if not place.endswith(f"={EVERYWHERE}")),
        f"- {observed.title}:",
        observed.description if observed.resolved_at else f"{observed.description} {observed.recommendation}",
    )
    return _on_one_line(" ".join(words))


def document(observed: Observed) -> str:
    """What a program reads."""
    fields = msgspec.structs.asdict(observed)
    times = {name: _text(fields[name]) if fields[name] else None for name in ("started_at", "resolved_at")}
    status = "resolved" if observed.resolved_at else "firing"
    return msgspec.json.encode({"status": status, "id": observed.id, **fields, **times}).decode()


class _PrivateFile(RotatingFileHandler):
    """Readable by its owner only: a label may say more than everybody is to know."""

    def _open(self) -> TextIOWrapper:
        return TextIOWrapper(FileIO(self.baseFilename, self.mode, opener=_open_private), "utf-8")


class _Formatter(Formatter):
    def __init__(self, shape: Callable[[Observed], str]) -> None:
        super().__init__()
        self._shape = shape

    def format(self, record: LogRecord) -> str:
        return self._shape(record.__dict__["observed"])


def _open_private(path: str, flags: int) -> int:
    descriptor = os.open(path, flags, _PRIVATE)
    os.fchmod(descriptor, _PRIVATE)
    return descriptor


def _on_one_line(text: str) -> str:
    """Without what could move a terminal's cursor, or pass for a line of its own."""
    return " ".join("".join(each if is_printable(each) else " " for each in text).split())


def _text(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
