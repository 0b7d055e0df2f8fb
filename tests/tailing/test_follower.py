"""A follower shows each event once, and says so where it cannot."""

from __future__ import annotations

from itertools import islice

import pytest
from msgspec import Raw

from exporter.tailing.follower import Follower
from exporter.tailing.recent import Away, Recent


class Ring:
    """An exporter's ring in one process after another."""

    def __init__(self, newest: int, oldest: int = 1) -> None:
        self.boot = "first"
        self.newest, self.oldest = newest, oldest
        self.away = False
        self.told: list[str] = []

    def fetch(self, after: int, boot: str, limit: int) -> Recent:
        if self.away:
            raise Away("no answer")
        after = after if boot in ("", self.boot) else 0
        first = max(after + 1, self.oldest)
        events = [Raw(f"{self.boot} {n}".encode()) for n in range(first, min(self.newest, first + limit - 1) + 1)]
        return Recent(self.boot, events, first - 1 + len(events), max(0, self.oldest - 1 - after), self.newest)

    def follower(self, last: int = 0) -> Follower:
        return Follower(self.fetch, self.told.append, lambda _: None, last=last)


def seen(follower: Follower, rounds: int = 4) -> list[str]:
    return [bytes(raw).decode() for shown in islice(follower, rounds) for raw in shown]


@pytest.mark.parametrize(("last", "first"), [(0, 10), (2, 8), (100, 7)])
def test_it_begins_with_the_last_events(last: int, first: int) -> None:
    ring = Ring(9, oldest=7)
    assert seen(ring.follower(last)) == [f"first {number}" for number in range(first, 10)]
    assert ring.told == []


def test_more_than_one_response_of_events_comes_in_order() -> None:
    ring = Ring(0)
    follower = ring.follower()
    ring.newest = 2500
    assert seen(follower) == [f"first {number}" for number in range(1, 2501)]


def test_missed_events_are_told() -> None:
    ring = Ring(5)
    follower = ring.follower()
    ring.newest, ring.oldest = 12_008, 2009
    assert len(seen(follower, 12)) == 10_000
    assert ring.told == ["2,003 events were missed: they came faster than they could be read"]
    assert follower.missed == 2003


def test_a_restart_is_told_and_shows_the_events_of_the_new_process() -> None:
    ring = Ring(50)
    follower = ring.follower()
    assert seen(follower) == []
    ring.away = True
    assert seen(follower) == []
    ring.away, ring.boot, ring.newest = False, "second", 60
    assert seen(follower) == [f"second {number}" for number in range(1, 61)]
    assert ring.told == [
        "no answer; waiting for it",
        "the exporter answers again",
        "the exporter was restarted: the last events before that may be missing",
    ]


def test_an_exporter_that_is_not_there_at_first_is_an_error() -> None:
    ring = Ring(0)
    ring.away = True
    with pytest.raises(Away):
        ring.follower()
