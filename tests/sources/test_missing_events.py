"""What the writer's totals bound as lost is claimed when nothing can fill it any more, and never falsely."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter import conventions as series
from exporter.sources.writer_totals import SKEW, WriterTotals
from tests.sources.gateway import LOOK_BACK_S, NOW, Gateway, Tail, key_of, member

SEEDS = st.integers(0, 2**32)
LATER = LOOK_BACK_S + 100


def settle(tail: Tail, gateway: Gateway, total: int = 0) -> int:
    """Lets the look-back pass everything so far, with a member that is newer; returns what is missing."""
    tail.clock.now += LATER
    gateway.client.zadd(key_of("redis"), {member(tail.clock.now - 1, total or None): tail.clock.now - 1})
    return tail.poll().missing


def claimed(totals: list[int], at_once: int = 1) -> int:
    """What is claimed of members with these totals when they settle that many at a time."""
    found = WriterTotals()
    for start in range(0, len(totals), at_once):
        behind = start + at_once
        found.settle(totals[start:behind], lambda behind=behind: iter(totals[behind:]))
    return found.missing


def test_a_gap_in_the_totals_is_claimed_once_it_is_older_than_the_look_back(gateway: Gateway, tail: Tail) -> None:
    gateway.add_totals(1, 2, 3, 7, 8, start=NOW - 10)
    assert tail.poll().missing == 0
    assert settle(tail, gateway, total=9) == 3
    assert settle(tail, gateway, total=10) == 3
    tail.restart()
    assert settle(tail, gateway, total=11) == 3
    assert tail.ledger.total(series.SOURCE_MISSING, source="redis_zset", connection_type="redis") == 3


def test_a_gap_that_late_members_fill_is_not_claimed(gateway: Gateway, tail: Tail) -> None:
    gateway.add_totals(1, 2, 3, start=NOW - 100)
    gateway.add_totals(60, 61, start=NOW - 10)
    tail.poll()
    gateway.add_totals(*range(4, 60), start=NOW - 90)
    tail.poll()
    assert settle(tail, gateway, total=62) == 0


def test_a_large_gap_is_claimed_whole(gateway: Gateway, tail: Tail) -> None:
    gateway.add_totals(*range(1, 101), *range(1101, 1201), start=NOW - 60)
    tail.poll()
    assert settle(tail, gateway, total=1201) == 1000


def test_a_gap_that_redis_lost_while_the_exporter_was_away_is_claimed(gateway: Gateway, tail: Tail) -> None:
    gateway.add_totals(*range(1, 50), start=NOW - 10)
    tail.poll()
    tail.clock.now += 60
    gateway.client.delete(key_of("redis"))
    gateway.add_totals(*range(80, 90), start=NOW + 50)
    tail.restart()
    tail.poll()
    assert settle(tail, gateway, total=90) == 30


def test_a_member_that_cannot_be_read_is_not_missing(gateway: Gateway, tail: Tail) -> None:
    gateway.add_totals(1, 2, 3, 5, 6, start=NOW - 10)
    broken = member(NOW - 9.65, 4).replace("37", "-37")
    gateway.client.zadd(key_of("redis"), {broken: NOW - 9.65})
    tail.poll()
    assert (settle(tail, gateway, total=7), tail.ledger.rejected) == (0, {"out_of_range": 1})


def test_a_writer_that_begins_anew_is_not_a_loss_and_its_own_gaps_are() -> None:
    assert claimed([*range(1, 101), *range(1, 51)]) == 0
    assert claimed([*range(1, 101), *range(1, 51), *range(61, 70)]) == 10
    assert claimed([1, 2, 3, 5, 1, 2, 4]) == 2


def test_a_writer_that_resumes_at_what_it_reloaded_is_not_a_loss() -> None:
    assert claimed([*range(900, 1001), *range(700, 800)]) == 0
    assert claimed([*range(900, 1001), *range(998, 1100)]) == 0


@pytest.mark.parametrize("at_once", [1, 7, 1000])
def test_threads_that_repeat_and_skip_a_total_lose_nothing(at_once: int) -> None:
    assert claimed([1, 2, 2, 4, 5, 5, 5, 8, 9], at_once) == 0


@given(SEEDS, st.integers(1, SKEW - 1), st.integers(1, 60))
def test_threads_that_get_ahead_of_each_other_lose_nothing(seed: int, skew: int, at_once: int) -> None:
    assert claimed(skewed(range(100, 300), seed, skew), at_once) == 0


@given(SEEDS, st.integers(1, SKEW - 1), st.sets(st.integers(110, 280)), st.integers(1, 60))
def test_what_threads_lose_is_never_claimed_too_high(seed: int, skew: int, lost: set[int], at_once: int) -> None:
    totals = skewed([total for total in range(100, 300) if total not in lost], seed, skew)
    assert len(lost) - SKEW <= claimed(totals, at_once) <= len(lost)


@given(SEEDS, st.sets(st.integers(0, 20), min_size=2, max_size=5), st.integers(1, 40))
def test_writers_that_interleave_lose_nothing(seed: int, beginnings: set[int], at_once: int) -> None:
    """Each process counts on its own, from wherever it began, and they write by turns."""
    writers = [iter(range(1000 * start + 1, 1000 * start + 101)) for start in beginnings]
    turns = [number for number in range(len(writers)) for _ in range(100)]
    random.Random(seed).shuffle(turns)
    assert claimed([next(writers[number]) for number in turns], at_once) == 0


def skewed(totals: Iterable[int], seed: int, skew: int) -> list[int]:
    """The totals as threads bring them that get ahead of each other by up to `skew`."""
    chance = random.Random(seed)
    return sorted(totals, key=lambda total: total + chance.uniform(0, skew))


def test_what_one_of_two_writers_loses_is_claimed() -> None:
    one = [*range(1, 50), *range(150, 250)]
    other = range(5000, 5149)
    assert claimed([total for both in zip(one, other, strict=True) for total in both], 10) == 100


def test_a_writer_that_comes_in_between_is_not_a_loss() -> None:
    turns = [*range(1, 100)]
    for place in range(40):
        turns.insert(50 + 2 * place - place, 9000 + place)
    assert claimed(turns, 5) == 0
