"""What the fold counts of the batches themselves: rejections, tallies, and kinds that another source brings."""

from __future__ import annotations

from exporter import conventions as series
from exporter.events import ConnectionEvent
from exporter.fold.apply import Fold
from exporter.fold.state import State
from exporter.types import Batch, Rejection
from tests.core.examples import NOW, T
from tests.core.harness import view

EVENT = ConnectionEvent("kimi", "send", T)


def rejections(*reasons: str) -> list[Rejection]:
    return [Rejection(index, "", reason, "") for index, reason in enumerate(reasons)]


def test_rejections_are_counted_by_source_and_reason() -> None:
    fold = Fold(State())
    fold.apply(Batch("http", rejections=rejections("malformed", "malformed", "wrong_type")))
    fold.apply(Batch("redis_stream", rejections=rejections("malformed")))
    found = view(fold.state)
    assert found[series.REJECTED.name, ("http", "malformed")] == 2
    assert found[series.REJECTED.name, ("redis_stream", "malformed")] == 1


def test_what_a_source_says_of_itself_is_added() -> None:
    fold = Fold(State())
    fold.apply(Batch("redis_zset", tallies=[(series.SOURCE_LATE, ("redis_zset",), 3)]))
    assert view(fold.state)[series.SOURCE_LATE.name, ("redis_zset",)] == 3


def test_a_kind_counts_from_its_one_authority_and_the_others_only_compare() -> None:
    fold = Fold(State(), {"connection": "redis_zset"})
    for source in ("redis_zset", "http", "http"):
        fold.apply(Batch(source, [EVENT], received=NOW))
    found = view(fold.state)
    assert found[series.CONNECTION_EVENTS.name, ("kimi", "send", "unknown", "unknown")] == 1
    assert found[series.COMPARED.name, ("http", "connection")] == 2
    assert found[series.INGESTED.name, ("redis_zset", "connection")] == 1
