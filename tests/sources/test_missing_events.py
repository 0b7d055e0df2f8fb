"""What the writer's totals bound as lost is claimed when nothing can fill it any more, and never falsely."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter import conventions as series
from exporter.sources.writer_runs import SKEW, Point
from exporter.sources.writer_totals import UNCERTAIN, WriterTotals
from tests.sources.flooding import FloodingWriter
from tests.sources.gateway import DAY, LOOK_BACK_S, NOW, Gateway, Tail, key_of, member

SEEDS = st.integers(0, 2**32)
LATER = LOOK_BACK_S + 100


def settle(tail: Tail, gateway: Gateway, total: int = 0) -> int:
    """Lets the look-back pass everything so far, with a member that is newer; returns what is missing."""
    tail.clock.now += LATER
    gateway.client.zadd(key_of("redis"), {member(tail.clock.now - 1, total or None): tail.clock.now - 1})
    return tail.poll().missing


def claimed(totals: list[int], at_once: int = 1, step: float = 0.1) -> int:
    """Return what is claimed of members with these totals when they settle that many at a time."""
    return claimed_of([(step * place, total) for place, total in enumerate(totals)], at_once)


def claimed_of(points: Iterable[Point], at_once: int) -> int:
    """Return what is claimed of members with these scores and totals."""
    ordered, found = sorted(points), WriterTotals()
    for start in range(0, len(ordered), at_once):
        behind = start + at_once
        settled = ordered[start:behind]
        coming = [point for point in ordered[behind:] if point[0] <= settled[-1][0] + LOOK_BACK_S]
        found.settle(settled, lambda coming=coming: iter(coming), before=start)
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
    # It has lost 200, counts the 200 members that it finds when it starts again, and loses 100 more.
    once = enumerate([*range(1, 101), *range(301, 401)])
    again = enumerate([*range(201, 251), *range(351, 501)], start=1000)
    found = claimed_of([(float(at), total) for at, total in [*once, *again]], at_once=10)
    assert 300 - UNCERTAIN <= found <= 300


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
    found = claimed([total for both in zip(one, other, strict=True) for total in both], 10)
    assert 100 - UNCERTAIN <= found <= 100


def test_a_writer_that_comes_in_between_is_not_a_loss() -> None:
    turns = [*range(1, 100)]
    for place in range(40):
        turns.insert(50 + 2 * place - place, 9000 + place)
    assert claimed(turns, 5) == 0


@settings(deadline=None)
@given(SEEDS, st.floats(0, 120), st.sampled_from([1, 50, 10_000]))
def test_scores_that_clocks_shuffle_lose_nothing(seed: int, seconds: float, at_once: int) -> None:
    chance = random.Random(seed)
    points = [(total / 20 + chance.uniform(-seconds, seconds), total) for total in range(1, 1000)]
    assert claimed_of(points, at_once) == 0


@settings(deadline=None)
@given(SEEDS, st.floats(0, 10), st.integers(1, 900), st.sampled_from([10, 100, 10_000]))
def test_processes_whose_scores_are_shuffled_lose_nothing(seed: int, seconds: float, apart: int, at_once: int) -> None:
    chance = random.Random(seed)
    points = [
        (total / 100 + chance.uniform(-seconds, seconds), total + apart * process)
        for process in range(4)
        for total in range(1, 600)
    ]
    assert claimed_of(points, at_once) == 0


def test_what_a_writer_loses_is_claimed_though_its_scores_are_jittered() -> None:
    chance = random.Random(1)
    totals = [*range(1, 1000), *range(2000, 3000)]
    assert claimed_of([(total / 100 + chance.uniform(0, 0.5), total) for total in totals], 100) == 1000


def test_processes_that_start_again_together_lose_nothing() -> None:
    """Each counts the members of both when it starts: a leap that no member fills."""
    both = [total for total in range(1, 501) for _ in range(2)]
    again = [total for total in range(1001, 1501) for _ in range(2)]
    assert claimed([*both, *again]) == 0


@pytest.mark.parametrize("at_once", [100, 20_000])
def test_what_threads_write_is_not_claimed(at_once: int) -> None:
    writer = FloodingWriter(capacity=20_000)
    writer.flood(threads=8, events=2000)
    assert claimed_of(writer.written(), at_once) == 0


@pytest.mark.parametrize("threads", [1, 8])
def test_what_a_flood_drops_is_claimed_up_to_the_last_member(threads: int) -> None:
    writer = FloodingWriter(capacity=100)
    writer.flood(threads=threads, events=16_000 // threads)
    points = writer.written()
    dropped = max(total for _, total in points) - len(points)
    assert dropped > 0
    assert claimed_of(points, 100) == dropped


def test_a_loss_is_claimed_when_the_gateway_falls_silent(gateway: Gateway, tail: Tail) -> None:
    gateway.add_totals(*range(1, 101), *range(1101, 1201), start=NOW - 30)
    assert tail.poll().missing == 0
    tail.clock.now += LOOK_BACK_S
    assert tail.poll().missing == 0
    tail.clock.now += 1
    assert tail.poll().missing == 1000
    batches = len(tail.ledger.batches)
    tail.clock.now += LOOK_BACK_S
    assert tail.poll().missing == 1000
    assert len(tail.ledger.batches) == batches
    tail.restart()
    tail.clock.now += LATER
    assert tail.poll().missing == 1000
    assert settle(tail, gateway, total=1201) == 1000
    assert (settle(tail, gateway, total=1202), tail.ledger.counted) == (1000, 202)


def test_a_silence_begins_again_when_redis_was_away(gateway: Gateway, tail: Tail) -> None:
    gateway.add_totals(1, 2, 30, 31, start=NOW - 30)
    tail.poll()
    tail.clock.now += LATER
    tail.source.resume(tail.ledger)
    assert tail.poll().missing == 0
    gateway.add_totals(*range(3, 30), start=NOW - 29)
    tail.poll()
    assert (settle(tail, gateway, total=32), tail.ledger.counted) == (0, 32)


def test_a_gateway_whose_clock_is_slow_is_neither_late_nor_missing_after_a_silence(
    gateway: Gateway, tail: Tail
) -> None:
    behind = NOW - 4 * LOOK_BACK_S
    gateway.add_totals(1, 2, 3, start=behind)
    tail.poll()
    tail.clock.now += LATER
    tail.poll()
    gateway.add_totals(4, 5, 6, start=behind + 2)
    assert (tail.poll().counted, tail.ledger.late) == (6, 0)
    tail.clock.now += LATER
    assert tail.poll().missing == 0


def test_what_comes_after_it_was_claimed_is_set_against_the_next_loss(gateway: Gateway, tail: Tail) -> None:
    gateway.add_totals(1, 2, 23, 24, start=NOW - 30)
    tail.poll()
    tail.clock.now += LATER
    assert tail.poll().missing == 20
    gateway.add_totals(*range(3, 23), start=NOW - 29.8, step=0.001)
    assert tail.poll().counted == 24
    gateway.add_totals(45, 46, start=tail.clock.now - 1)
    assert settle(tail, gateway, total=47) == 20


def test_what_is_late_is_not_missing_as_well(gateway: Gateway, tail: Tail) -> None:
    gateway.add_totals(1, 2, start=NOW - 2 * LOOK_BACK_S)
    gateway.add_totals(13, start=NOW)
    tail.poll()
    gateway.add_totals(*range(3, 13), start=NOW - 2 * LOOK_BACK_S + 1)
    tail.poll()
    assert tail.ledger.late == 10
    gateway.add_totals(14, 15, start=NOW + 1)
    assert settle(tail, gateway, total=16) == 0


def test_a_clock_that_was_ahead_once_hides_no_loss(gateway: Gateway, tail: Tail) -> None:
    gateway.add_totals(1, 2, 3, start=NOW - 1)
    tail.poll()
    tail.clock.now += DAY
    tail.poll()
    tail.clock.now = NOW + 5
    gateway.add_totals(*range(4, 10), *range(60, 70), start=NOW + 1)
    tail.poll()
    assert settle(tail, gateway, total=70) == 50
