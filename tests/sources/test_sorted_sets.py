"""The gateway's sorted sets are counted exactly once, whatever order and time their members come in."""

from __future__ import annotations

import json
import random

import pytest

from exporter import conventions as series
from tests.servers import ROOT
from tests.sources.gateway import DAY, LOOK_BACK_S, NOW, Clock, Gateway, Ledger, Tail, key_of, member

WRITES = [json.loads(line) for line in (ROOT / "tests/data/connection_monitor_redis.jsonl").open()]
STATS = json.loads((ROOT / "tests/data/connection_monitor_stats.json").read_text())
READING = ("zrangebyscore", "zrange", "zcount")


def assert_recorded(ledger: Ledger) -> None:
    """Every type's events, bytes and errors are what the gateway says itself."""
    for stats in STATS.values():
        kind = {"connection_type": stats["connection_type"]}
        events, errors = series.CONNECTION_EVENTS, int(stats["total_errors"])
        assert ledger.total(events, **kind) == int(stats["total_events"])
        assert ledger.total(events, direction="error", **kind) == errors
        assert ledger.total(series.CONNECTION_BYTES, direction="send", **kind) == int(stats["total_sent_bytes"])
        received = ledger.total(series.CONNECTION_BYTES, direction="receive", **kind)
        assert received == int(stats["total_received_bytes"])


@pytest.mark.parametrize("seed", range(5))
def test_the_recorded_members_count_exactly_in_any_order(gateway: Gateway, tail: Tail, seed: int) -> None:
    writes = random.Random(seed).sample(WRITES, len(WRITES))
    tail.clock.now = max(write["score"] for write in writes) + 2
    for start in range(0, len(writes), 150):
        gateway.replay(writes[start : start + 150])
        tail.clock.now += 40
        ledger = tail.poll()
    assert_recorded(ledger)
    assert (ledger.late, ledger.missing, ledger.rejected) == (0, 0, {})


def test_a_member_that_comes_late_within_the_look_back_counts_once(gateway: Gateway, tail: Tail) -> None:
    gateway.add(NOW - 10, NOW - 1)
    tail.poll()
    gateway.add(NOW - LOOK_BACK_S + 5)
    tail.poll()
    assert (tail.poll().counted, tail.ledger.late) == (3, 0)


def test_a_member_older_than_the_look_back_is_counted_as_late_and_nothing_else(gateway: Gateway, tail: Tail) -> None:
    gateway.add(NOW - 1)
    tail.poll()
    gateway.add(NOW - LOOK_BACK_S - 50, NOW - DAY + 60)
    tail.poll()
    assert (tail.poll().counted, tail.ledger.late) == (1, 2)


def test_late_members_are_told_although_the_poll_that_found_them_dies(gateway: Gateway, tail: Tail) -> None:
    gateway.add(NOW - 1)
    tail.poll()
    gateway.add(NOW - LOOK_BACK_S - 50, NOW - 2)
    tail.crash(after=1)
    tail.restart()
    assert (tail.poll().late, tail.ledger.counted) == (1, 2)


def test_a_member_dated_2100_blocks_nothing(gateway: Gateway, tail: Tail) -> None:
    gateway.add(NOW - 1, 4_102_444_800.0)
    tail.poll()
    gateway.add(NOW - 200, NOW - 100)
    tail.clock.now += 60
    gateway.add(NOW + 59)
    ledger = tail.poll()
    assert (ledger.counted, ledger.rejected, ledger.late) == (4, {"out_of_range": 1}, 0)


def test_a_member_dated_2100_moves_no_watermark(gateway: Gateway, tail: Tail) -> None:
    """A gateway whose clock is an hour behind is read on, whatever else is in the key."""
    gateway.add(NOW - 3600, 4_102_444_800.0)
    tail.poll()
    gateway.add(NOW - 3590)
    assert (tail.poll().counted, tail.ledger.late) == (2, 0)


def test_the_watermark_never_passes_our_clock(gateway: Gateway, tail: Tail) -> None:
    gateway.add(NOW + 600)
    tail.poll()
    watermark = json.loads(tail.ledger.position_[f"{key_of('redis')} head"])["watermark"]
    assert watermark == NOW
    gateway.add(NOW - 250)
    assert tail.poll().counted == 2


def test_members_of_a_clock_that_is_ahead_count_once_and_are_not_read_again(gateway: Gateway, tail: Tail) -> None:
    gateway.add(*(NOW + 100 + number for number in range(400)))
    tail.poll()
    gateway.add(NOW + 700)
    returned = rows_read(tail)
    assert tail.ledger.counted == 401
    assert returned < 100


def rows_read(tail: Tail) -> int:
    """Members that a poll asks for."""
    seen = 0
    original = tail.client.zrangebyscore

    def counting(*args: object, **options: object) -> list[object]:
        nonlocal seen
        page = original(*args, **options)
        seen += len(page)
        return page

    tail.client.zrangebyscore = counting
    tail.poll()
    del tail.client.zrangebyscore
    return seen


@pytest.mark.parametrize("score", ["inf", "-inf", "-5", "0", "1e300", "-1e300"])
def test_an_impossible_score_blocks_nothing(gateway: Gateway, tail: Tail, score: str) -> None:
    gateway.add(NOW - 1)
    gateway.client.zadd(key_of("redis"), {'{"not": "an event"}': float(score)})
    tail.poll()
    gateway.add(NOW - 2)
    tail.poll()
    tail.restart()
    gateway.add(NOW - 3)
    ledger = tail.poll()
    assert ledger.counted == 3
    assert ledger.rejected == ({"missing_field": 1} if float(score) > NOW else {})


def test_a_clock_that_is_set_back_repeats_nothing(gateway: Gateway, tail: Tail) -> None:
    """As after a boot without a battery: the position lies far in the future."""
    gateway.add(*(NOW - 1000 + number for number in range(1000)))
    tail.poll()
    tail.clock.now = NOW - 5000
    tail.restart()
    gateway.add(NOW)
    tail.poll()
    tail.clock.now = NOW + 1
    assert tail.poll().counted == 1001


def test_a_key_that_expires_and_begins_anew_counts_on(gateway: Gateway, tail: Tail) -> None:
    gateway.add(NOW - 2, NOW - 1)
    tail.poll()
    gateway.client.pexpire(key_of("redis"), 1)
    while gateway.client.exists(key_of("redis")):
        pass
    tail.poll()
    tail.clock.now += DAY + 60
    gateway.add(*(tail.clock.now - number for number in range(5)))
    assert (tail.poll().counted, tail.ledger.late) == (7, 0)


def test_a_key_that_was_deleted_and_holds_as_many_others_is_read(gateway: Gateway, tail: Tail) -> None:
    gateway.add(*(NOW - 10 - number for number in range(5)))
    tail.poll()
    gateway.client.delete(key_of("redis"))
    tail.poll()
    gateway.add(*(NOW - 50 - number for number in range(5)))
    assert tail.poll().counted == 10


def test_a_new_type_is_found(gateway: Gateway, tail: Tail) -> None:
    tail.poll()
    gateway.add(NOW - 1, NOW - 2, kind="claude 4:beta")
    tail.poll()
    assert tail.poll().total(series.CONNECTION_EVENTS, connection_type="claude 4:beta") == 2


def test_a_new_type_is_read_on_after_a_restart_before_it_is_found_again(gateway: Gateway, tail: Tail) -> None:
    gateway.add(NOW - 1, kind="claude")
    tail.poll()
    gateway.client.mset({f"other:{number}": 1 for number in range(5000)})
    gateway.add(NOW, kind="claude")
    tail.restart()
    assert tail.poll().counted == 2


def test_a_key_of_another_kind_is_left_alone(gateway: Gateway, tail: Tail) -> None:
    gateway.client.rpush(key_of("oddity"), "x")
    gateway.add(NOW - 1)
    tail.poll()
    assert tail.poll().counted == 1


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ("not json", "malformed"),
        ('{"connection_type": "redis", "direction": "send"}', "missing_field"),
        (member(NOW - 1, data_size_bytes=-1), "out_of_range"),
        (member(NOW - 1).replace("37", "NaN"), "malformed"),
        (member(1000.0), "out_of_range"),
        (b'{"connection_type": "\xff"}', "encoding"),
        (member(NOW - 1, metadata={"x": "DEEP"}).replace('"DEEP"', "[" * 10_000 + "]" * 10_000), "too_deep"),
    ],
)
def test_a_malformed_member_is_rejected_once_with_its_reason(
    gateway: Gateway, tail: Tail, broken: str, reason: str
) -> None:
    gateway.add(NOW - 2)
    gateway.client.zadd(key_of("redis"), {broken: NOW - 1})
    tail.poll()
    gateway.add(NOW - 1.5)
    tail.poll()
    tail.restart()
    gateway.add(NOW - 1.2)
    ledger = tail.poll()
    assert (ledger.counted, ledger.rejected) == (3, {reason: 1})


def test_thousands_of_members_in_one_second_all_count(gateway: Gateway, tail: Tail) -> None:
    gateway.add(*(NOW - 5 + number / 10_000 for number in range(4321)))
    assert tail.poll().counted == 4321
    gateway.add(*(NOW - 4.5 + number / 10_000 for number in range(1000)))
    assert tail.poll().counted == 5321


def test_members_of_one_and_the_same_score_all_count(gateway: Gateway, tail: Tail) -> None:
    same = {member(NOW - 5, function=f"f{number}"): NOW - 5 for number in range(1700)}
    gateway.client.zadd(key_of("redis"), same)
    assert tail.poll().counted == 1700


def test_two_polls_with_nothing_new_read_nothing(gateway: Gateway, tail: Tail) -> None:
    gateway.add(*(NOW - 200 + number / 10 for number in range(1000)))
    tail.poll()
    before, batches = gateway.calls(), len(tail.ledger.batches)
    tail.poll()
    tail.poll()
    after = gateway.calls()
    assert {name: after[name] - before[name] for name in READING} == dict.fromkeys(READING, 0)
    assert len(tail.ledger.batches) == batches


def test_a_poll_reads_little_more_than_what_is_new(gateway: Gateway, tail: Tail) -> None:
    gateway.add(*(NOW - 290 + number / 10 for number in range(2880)))
    tail.poll()
    gateway.add(NOW - 0.5)
    assert rows_read(tail) <= 65
    assert tail.ledger.counted == 2881


def test_after_a_restart_only_what_is_new_counts(gateway: Gateway, tail: Tail) -> None:
    gateway.add(*(NOW - 400 + number for number in range(400)))
    tail.poll()
    for number in range(3):
        gateway.add(NOW - 150.5 - number)
        tail.restart()
        tail.poll()
    assert (tail.ledger.counted, tail.ledger.late) == (403, 0)


def test_what_came_while_the_exporter_was_away_counts(gateway: Gateway, tail: Tail) -> None:
    gateway.add(NOW - 1)
    tail.poll()
    tail.clock.now += 7200
    gateway.add(*(NOW + number for number in range(7000)))
    tail.restart()
    assert (tail.poll().counted, tail.ledger.late) == (7001, 0)


@pytest.mark.parametrize("after", range(0, 40, 5))
def test_a_poll_that_dies_anywhere_is_continued_exactly(gateway: Gateway, tail: Tail, after: int) -> None:
    gateway.add(*(NOW - 3000 + number / 2 for number in range(6000)))
    tail.crash(after)
    tail.restart()
    assert (tail.poll().counted, tail.ledger.late, tail.ledger.missing) == (6000, 0, 0)


def test_the_position_stays_as_small_as_the_look_back(gateway: Gateway, tail: Tail) -> None:
    for _ in range(10):
        gateway.add(*(tail.clock.now - number for number in range(200)))
        tail.clock.now += 200
        tail.poll()
    assert len(tail.ledger.position_) < LOOK_BACK_S + 10


def test_open_connections_follow_the_hash_and_a_date_of_2100_does_not_stop_them(
    gateway: Gateway, tail: Tail, clock: Clock
) -> None:
    def told(active: str, newest: str) -> float:
        hash_key = "connection_monitor:redis:stats"
        gateway.client.hset(hash_key, mapping={"active_connections": active, "last_event_timestamp": newest})
        clock.now += 1
        return tail.poll().total(series.CONNECTIONS_ACTIVE, connection_type="redis")

    assert told("3", str(NOW)) == 3
    assert told("4", "4102444800") == 4
    assert told("2", str(NOW + 2)) == 2
    assert told("nonsense", str(NOW + 3)) == 2
    assert told("9" * 400, str(NOW + 4)) == 2
    batches = len(tail.ledger.batches)
    assert told("7", "nan") == 2
    assert told("7", "nan") == 2
    assert len(tail.ledger.batches) == batches
