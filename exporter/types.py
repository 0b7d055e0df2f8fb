"""The few shapes that the rooms hand to each other. Standard library only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Event as Flag
from typing import Any, Literal, NamedTuple, Protocol

from exporter.conventions import Family

Clock = Callable[[], float]
"""Returns the Unix time in seconds; injected, so that tests can set it."""

Position = Mapping[str, bytes]
"""Where a source resumes: named parts, each opaque to everyone but the source."""

Move = Mapping[str, bytes | None]
"""The parts of a position that a batch changes; None forgets a part."""

Tally = tuple[Family, tuple[str, ...], int]
"""A counter, its label values, and what a source adds to it by itself (late, missing)."""

ModelCalls = Literal["auto", "events", "duration"]
"""Which model calls count: those that connection events describe, or those that are recorded as `duration` events."""

Level = tuple[Family, tuple[str, ...], float]
"""A gauge, its label values, and what a source has found it to be."""


LONGEST_ITEM = 300
"""Bytes of a refused item that are kept."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why the event at `index` of its batch was refused; `reason` is one of a few words, `item` its first bytes."""

    index: int
    field: str
    reason: str
    message: str
    item: bytes = b""


class Refused(ValueError):
    """An event, or a whole body, that is not taken."""

    def __init__(self, field: str, reason: str, message: str) -> None:
        super().__init__(message)
        self.field, self.reason = field, reason

    def at(self, index: int, item: bytes = b"") -> Rejection:
        """The refusal of the event at that place of its batch."""
        return Rejection(index, self.field, self.reason, str(self), item[:LONGEST_ITEM])


@dataclass(frozen=True, slots=True)
class Decoded:
    """The events of one body, and its rejections by place.

    The events that were sent come first, in their order. The last `derived` ones are model calls made from them.
    """

    events: Sequence[Any] = ()
    rejections: Sequence[Rejection] = ()
    derived: int = 0

    @property
    def accepted(self) -> int:
        """How many events were sent and accepted."""
        return len(self.events) - self.derived


class Member(NamedTuple):
    """The events that a gateway's sorted-set member stands for, and the writer's own total at that time."""

    events: tuple[Any, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Events of one source and the position behind them: folded and saved together, or not at all.

    `received` is the Unix time of arrival, `size` the number of bytes that the events were decoded from (0:
    unknown). While `catching_up`, series that the events bring forth stay hidden, so that a first contact with a
    day of history does not look like a spike.
    """

    source: str
    events: Sequence[Any] = ()
    move: Move = field(default_factory=dict)
    received: float = 0.0
    rejections: Sequence[Rejection] = ()
    tallies: Sequence[Tally] = ()
    levels: Sequence[Level] = ()
    catching_up: bool | None = None
    size: int = 0


@dataclass(frozen=True, slots=True)
class Push:
    """A pushed body to keep, the batch it decodes to, and the reply that its sender is to get."""

    body: bytes
    ndjson: bool
    batch: Batch
    reply: bytes
    key: str | None = None
    digest: bytes = b""
    done: Future[bytes] = field(default_factory=Future)


class StoreFull(RuntimeError):
    """The store takes no writes now (a full disk); nothing of the push was kept."""


class KeyReused(ValueError):
    """The idempotency key came before with another body."""


@dataclass(frozen=True, slots=True)
class PushedBody:
    """A request to the intake, as it came."""

    body: bytes
    content_type: str
    content_encoding: str = ""
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer: status, JSON body, and headers beside those that the body needs."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class SourceHealth:
    """Whether a source answers, whether it was tried, and when (Unix seconds) it was last read to its end.

    `error` says why it does not answer, `lack` why a source that answers may be the wrong one: it holds nothing.
    """

    clock: Clock
    up: bool = False
    tried: bool = False
    read_at: float = 0.0
    error: str = ""
    lack: str = ""

    def __post_init__(self) -> None:
        self.read_at = self.clock()

    def read_to_end(self, lack: str = "") -> None:
        """Record that the source answered, that nothing waits in it, and what it lacks, if anything."""
        self.up = self.tried = True
        self.error, self.lack = "", lack
        self.read_at = self.clock()

    def failed(self, error: str = "") -> None:
        """Record that the source did not answer, and why."""
        self.up, self.tried = False, True
        self.error, self.lack = error, ""

    @property
    def state(self) -> str:
        """`starting`, `up`, `empty` or `down`."""
        if not self.tried:
            return "starting"
        return ("empty" if self.lack else "up") if self.up else "down"

    @property
    def detail(self) -> str:
        """Why the source is empty or down, in words."""
        return self.lack or self.error

    def lag_s(self, now: float) -> float:
        """Seconds since it was last read to its end."""
        return max(0.0, now - self.read_at)


class SourceState(NamedTuple):
    """Whether a source can be read (`starting`, `up`, `empty` or `down`), and why not."""

    name: str
    state: str
    detail: str


class Intake(Protocol):
    """Where a source leaves its batches."""

    def submit(self, batch: Batch) -> None:
        """Queues the batch for the fold; waits while the fold is behind."""

    def position(self, source: str) -> Position:
        """Where the source stands, everything submitted so far included."""


class Source(Protocol):
    """Something that events can be read from."""

    name: str

    def run(self, intake: Intake, health: SourceHealth, stop: Flag, /) -> None:
        """Reads until `stop` is set. Raises what goes wrong: the caller backs off and calls again."""

    def committed(self, position: Move) -> None:
        """Hears, from the journal's thread, which part of its position is now on disk."""
