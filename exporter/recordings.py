"""Reads recordings: canonical events, or members recorded from a gateway's Redis, one a line."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from operator import attrgetter
from typing import IO, Any, NamedTuple

import msgspec
from msgspec import Struct

from exporter.decode.canonical import decode
from exporter.decode.gateway import decode_member
from exporter.events import Event
from exporter.types import Clock, Refused

LINES_AT_ONCE = 1000

Tell = Callable[[str], None]
"""Shows a warning to the user."""

_encode = msgspec.json.Encoder().encode


class BadRecording(ValueError):
    """The file cannot be read as a recording; the text names the file, and the line and field where one is wrong."""


class BadLine(NamedTuple):
    """A line that is not an event."""

    number: int
    field: str
    reason: str
    message: str

    def __str__(self) -> str:
        return f"line {self.number}: {f'field {self.field}: ' if self.field else ''}{self.message}"


@dataclass(slots=True)
class Chunk:
    """Some lines of a recording: canonical events as JSON, the number of each one's line, and lines that are bad."""

    rows: list[bytes] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    bad: list[BadLine] = field(default_factory=list)


class _RedisLine(Struct):
    """`{"key", "score", "member"}`, as recorded from a gateway's Redis."""

    key: str
    member: str


_redis_line = msgspec.json.Decoder(_RedisLine)


def events(file: IO[bytes], clock: Clock, tell: Tell) -> Iterator[Event]:
    """Yield the events of a recording in the order of its lines.

    Raises:
        BadRecording: a line is not an event, or the file cannot be inflated.
    """
    return _events(chunks(file, clock, tell), name_of(file), clock)


def events_of(lines: Iterable[bytes], clock: Clock) -> Iterator[Event]:
    """Yield the events of lines that are in memory.

    Raises:
        BadRecording: a line is not an event.
    """
    return _events(_chunks(enumerate(lines, 1), clock), "events", clock)


def by_time(found: Iterable[Event]) -> list[Any]:
    """Return the events in the order in which they happened."""
    return sorted(found, key=attrgetter("timestamp"))


def chunks(file: IO[bytes], clock: Clock, tell: Tell) -> Iterator[Chunk]:
    """Yield the lines of a recording, a thousand at a time; a file whose name ends in `.gz` is inflated.

    A last line that is cut off, as a killed process or a full disk leaves it, is left out with a warning.

    Raises:
        BadRecording: the file cannot be inflated.
    """
    return _chunks(_lines(file, tell), clock)


def _events(chunks: Iterable[Chunk], name: str, clock: Clock) -> Iterator[Event]:
    for chunk in chunks:
        found = decode(b"\n".join(chunk.rows), clock(), ndjson=True)
        bad = [*chunk.bad, *(BadLine(chunk.numbers[r.index], r.field, r.reason, r.message) for r in found.rejections)]
        if bad:
            raise BadRecording(f"{name}: {min(bad)}")
        yield from found.events


def _chunks(numbered: Iterable[tuple[int, bytes]], clock: Clock) -> Iterator[Chunk]:
    lines = iter(numbered)
    while some := list(islice(lines, LINES_AT_ONCE)):
        yield _chunk(some, clock)


def _lines(file: IO[bytes], tell: Tell) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(_inflated(file), 1):
        stripped = line.strip()
        if not line.endswith(b"\n") and is_cut_off(stripped):
            tell(f"{name_of(file)}: line {number} is cut off and left out")
        elif stripped:
            yield number, stripped


def _inflated(file: IO[bytes]) -> Iterable[bytes]:
    if not name_of(file).endswith(".gz"):
        return file
    return _inflating(file)


def _inflating(file: IO[bytes]) -> Iterator[bytes]:
    try:
        yield from gzip.GzipFile(fileobj=file)
    except (EOFError, OSError, zlib.error) as error:
        raise BadRecording(f"{name_of(file)} cannot be inflated: {error}") from error


def name_of(file: IO[bytes]) -> str:
    """Return the file's name, as messages have it."""
    name = str(getattr(file, "name", "<stdin>"))
    return "standard input" if name == "<stdin>" else name


def is_cut_off(line: bytes) -> bool:
    """Whether a line is the beginning of a JSON document and not all of it."""
    try:
        msgspec.json.decode(line)
    except msgspec.DecodeError as error:
        return "truncated" in str(error) and bool(line)
    except (RecursionError, UnicodeDecodeError):
        return False
    return False


def _chunk(lines: list[tuple[int, bytes]], clock: Clock) -> Chunk:
    chunk = Chunk()
    for number, line in lines:
        try:
            rows = _canonical(line, clock)
        except Refused as error:
            chunk.bad.append(BadLine(number, error.field, error.reason, str(error)))
        else:
            chunk.rows += rows
            chunk.numbers += [number] * len(rows)
    return chunk


def _canonical(line: bytes, clock: Clock) -> list[bytes]:
    """Return the line itself, or the events that a member of a gateway's Redis stands for."""
    if b'"member"' not in line:
        return [line]
    try:
        member = _redis_line.decode(line).member
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return [line]
    return [_encode(event) for event in decode_member(member.encode(), clock()).events]
