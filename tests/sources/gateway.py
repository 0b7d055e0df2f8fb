"""What the tests of sources share: a gateway's members, a clock to turn, an intake that folds at once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from redis import Redis

from exporter import conventions as series
from exporter.conventions import Family
from exporter.decode.gateway import decode_member
from exporter.fold.apply import Fold
from exporter.fold.state import State
from exporter.sources.redis_zset import RedisZset
from exporter.types import Batch

NOW = 1_800_000_000.0
LOOK_BACK_S = 300.0
DAY = 86_400.0


@dataclass
class Clock:
    """A clock that stands still until it is turned."""

    now: float = NOW

    def __call__(self) -> float:
        return self.now


class Crash(Exception):
    """What ends a poll in the middle."""


@dataclass
class Ledger:
    """An intake that folds what it gets at once; `crash_after` batches it takes no more."""

    position_: dict[str, bytes] = field(default_factory=dict)
    fold: Fold = field(default_factory=lambda: Fold(State()))
    batches: list[Batch] = field(default_factory=list)
    crash_after: int | None = None

    def submit(self, batch: Batch) -> None:
        if self.crash_after is not None and len(self.batches) >= self.crash_after:
            raise Crash
        self.batches.append(batch)
        self.fold.apply(batch)
        for part, value in batch.move.items():
            if value is None:
                self.position_.pop(part, None)
            else:
                self.position_[part] = value

    def position(self, _: str) -> dict[str, bytes]:
        return dict(self.position_)

    def total(self, family: Family, **labels: str) -> float:
        """The sum of the family's children that have these label values."""
        children = self.fold.state.families[family.name].children.values()
        wanted = labels.items()
        return sum(
            child.value for child in children if wanted <= dict(zip(family.labels, child.labels, strict=True)).items()
        )

    @property
    def counted(self) -> int:
        return int(self.total(series.CONNECTION_EVENTS))

    @property
    def late(self) -> int:
        return int(self.total(series.SOURCE_LATE))

    @property
    def missing(self) -> int:
        return int(self.total(series.SOURCE_MISSING))

    @property
    def rejected(self) -> dict[str, int]:
        children = self.fold.state.families[series.REJECTED.name].children.values()
        return {child.labels[1]: int(child.value) for child in children}

    @property
    def holding(self) -> bool:
        """Whether the last first contact that began has not ended."""
        marks = [batch.catching_up for batch in self.batches if batch.catching_up is not None]
        return bool(marks and marks[-1])


def key_of(connection_type: str) -> str:
    return f"connection_monitor:{connection_type}:events"


def member(at: float, total: int | None = None, kind: str = "redis", **fields: Any) -> str:
    """A member as ConnectionMonitor writes it; its time makes it different from others."""
    event = {
        "timestamp": at, "datetime": "-", "connection_type": kind, "direction": "send", "script": "storage_backend.py",
        "function": "get", "data_size_bytes": 37, "response_time_ms": 2.5, "error": None, "metadata": {},
        **fields,
    }  # fmt: skip
    return json.dumps({**event, "stats": {"total_events": total}} if total else event)


@dataclass
class Gateway:
    """Writes members to a real Redis."""

    client: Redis

    def add(self, *times: float, kind: str = "redis", **fields: Any) -> None:
        """Adds one member for each time."""
        self.client.zadd(key_of(kind), {member(at, kind=kind, **fields): at for at in times})

    def add_totals(self, *totals: int, start: float, step: float = 0.1) -> None:
        """Adds a member for each of the writer's totals, one after the other."""
        times = [start + number * step for number in range(len(totals))]
        self.client.zadd(key_of("redis"), {member(at, total): at for at, total in zip(times, totals, strict=True)})

    def replay(self, writes: Iterable[Mapping[str, Any]]) -> None:
        """Adds recorded writes: `{key, score, member}` each."""
        with self.client.pipeline(transaction=False) as pipeline:
            for write in writes:
                pipeline.zadd(write["key"], {write["member"]: write["score"]})
            pipeline.execute()

    def calls(self) -> Counter[str]:
        """How often each command was called so far."""
        stats = self.client.info("commandstats")
        return Counter({name.removeprefix("cmdstat_"): found["calls"] for name, found in stats.items()})


def make_source(client: Redis, clock: Callable[[], float], **options: float) -> RedisZset:
    defaults = {"look_back_s": LOOK_BACK_S, "first_contact_s": DAY, "poll_interval_s": 0.01}
    return RedisZset(client, decode=decode_member, clock=clock, monotonic=clock, **{**defaults, **options})


@dataclass
class Tail:
    """The source under test on a ledger; `restart()` makes a new process of it on the same ledger."""

    client: Redis
    clock: Clock
    ledger: Ledger = field(default_factory=Ledger)
    options: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self.source = make_source(self.client, self.clock, **self.options)
        self.source.resume(self.ledger)

    def poll(self) -> Ledger:
        self.source.poll(self.ledger)
        return self.ledger

    def crash(self, after: int) -> None:
        """Polls until that many more batches were taken, and dies; AssertionError if it lives."""
        self.ledger.crash_after = len(self.ledger.batches) + after
        try:
            self.poll()
        except Crash:
            self.ledger.crash_after = None
            return
        raise AssertionError(f"the poll came to its end within {after} batches")
