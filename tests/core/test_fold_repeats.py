"""An event that comes again within the hour counts once, whichever source brings it."""

from __future__ import annotations

from typing import Any

from exporter.fold.apply import Fold
from exporter.fold.repeats import MOST, Repeats
from exporter.fold.state import State
from tests.core.examples import NOW, minimal
from tests.core.harness import folded, view


class Named:
    """Something with an event id."""

    def __init__(self, event_id: str | None) -> None:
        self.event_id = event_id


def event(event_id: str | None = "id-1", **fields: Any) -> dict[str, Any]:
    return minimal("http", event_id=event_id, **fields)


def counted(fold: Fold) -> tuple[float, float]:
    """(ingested, duplicate) events in all."""
    found = view(fold.state)
    words = ("exai_exporter_events_ingested_total", "exai_exporter_events_duplicate_total")
    ingested, duplicate = (sum(value for (name, _), value in found.items() if name == word) for word in words)
    return ingested, duplicate


def test_an_id_counts_once_in_a_batch_and_across_batches_and_sources() -> None:
    fold = folded([event(), event(), event("id-2")], received=NOW)
    folded([event()], fold, received=NOW + 10, source="redis_stream")
    assert counted(fold) == (2, 2)


def test_events_without_an_id_always_count() -> None:
    assert counted(folded([event(None), event(None)])) == (2, 0)


def test_an_id_of_the_last_hour_is_known_and_an_older_one_is_not() -> None:
    fold = folded([event()], received=NOW)
    folded([event()], fold, received=NOW + 3599)
    assert counted(fold) == (1, 1)
    folded([event()], fold, received=NOW + 3700)
    assert counted(fold) == (2, 1)


def test_other_events_in_between_do_not_change_what_an_hour_is() -> None:
    fold = Fold(State())
    for minute in range(60):
        folded([event(f"id-{minute}")], fold, received=NOW + 60 * minute)
    folded([event("id-0"), event("id-59")], fold, received=NOW + 3661)
    assert counted(fold) == (61, 1)


def test_at_most_a_million_ids_are_kept_and_the_newest_are() -> None:
    repeats = Repeats()
    for start in range(0, MOST + 200_000, 50_000):
        repeats.without([Named(str(number)) for number in range(start, start + 50_000)], NOW)
        repeats.unsaved.clear()
    assert len(repeats._known) <= MOST
    for start in (300_000, 700_000, MOST + 190_000):
        newest = [Named(str(number)) for number in range(start, start + 10_000)]
        assert repeats.without(newest, NOW + 1) == []


def test_ids_that_were_saved_are_known_after_a_restart() -> None:
    before, after = Repeats(), Repeats()
    before.without([Named("a"), Named("b")], NOW)
    after.restore(before.unsaved, NOW)
    assert [found.event_id for found in after.without([Named("a"), Named("c")], NOW + 5)] == ["c"]
