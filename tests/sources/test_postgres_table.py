"""A row counts once, however late its transaction commits and wherever the exporter dies."""

from __future__ import annotations

import random
from collections.abc import Callable

import psycopg
import pytest

from exporter import conventions as series
from exporter.sources import postgres_pages
from tests.sources.postgres import Connection, Tail, hits, metric, reported

Another = Callable[[], Connection]


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_pages, "PAGE", 50)


def test_rows_count_in_pages(follower: Tail, rows: Connection) -> None:
    follower.poll()
    hits(rows, 1234)
    follower.poll()
    assert (follower.counted, follower.poll().holding) == (1234, False)


def test_a_transaction_that_commits_late_is_neither_missed_nor_doubled(follower: Tail, another: Another) -> None:
    late, early = another(), another()
    follower.poll()
    late.execute("begin")
    hits(late, 120, "late")
    hits(early, 130, "early")
    follower.poll()
    assert follower.counted == 130, "nobody waits for the transaction that is open"
    late.execute("commit")
    hits(early, 7, "early")
    follower.poll()
    follower.poll()
    assert follower.ledger.total(series.CACHE_OPERATIONS, implementation="late") == 120
    assert (follower.counted, follower.repeated) == (257, 0)


def test_what_is_rolled_back_never_counts(follower: Tail, another: Another) -> None:
    undone = another()
    follower.poll()
    undone.execute("begin")
    hits(undone, 3)
    undone.execute("savepoint here")
    hits(undone, 4)
    undone.execute("rollback to here")
    follower.poll()
    undone.execute("commit")
    follower.poll()
    assert follower.counted == 3


@pytest.mark.parametrize("seed", range(6))
def test_transactions_that_overlap_in_any_way_count_exactly(follower: Tail, another: Another, seed: int) -> None:
    dice = random.Random(seed)
    writers = [another() for _ in range(6)]
    open_rows = [0] * len(writers)
    committed = 0
    for _ in range(150):
        number = dice.randrange(len(writers))
        action = dice.choice(("write", "write", "commit", "rollback", "poll", "restart", "burn"))
        if action == "write":
            if not open_rows[number]:
                writers[number].execute("begin")
            open_rows[number] += (written := dice.randint(1, 70))
            hits(writers[number], written)
        elif action in ("commit", "rollback") and open_rows[number]:
            writers[number].execute(action.encode())
            committed += open_rows[number] if action == "commit" else 0
            open_rows[number] = 0
        elif action == "poll":
            follower.poll()
            assert follower.counted == committed
        elif action == "restart":
            follower.restart()
        elif action == "burn" and not open_rows[number]:
            for _ in range(dice.choice((1, 100))):
                writers[number].execute("select pg_current_xact_id()")
    follower.poll()
    assert (follower.counted, follower.repeated) == (committed, 0)


@pytest.mark.parametrize("after", [0, 1, 2, 5, 9])
def test_a_crash_between_two_batches_loses_and_repeats_nothing(follower: Tail, another: Another, after: int) -> None:
    late, writer = another(), another()
    follower.poll()
    late.execute("begin")
    hits(late, 60)
    hits(writer, 230)
    metric(writer, "cache_miss", {"implementation": "new"})
    follower.poll()
    hits(writer, 200)
    late.execute("commit")
    for number in range(100):
        metric(writer, "cache_set", {"implementation": "new", "response_time_ms": number})
    for number in range(100):
        reported(writer, "cache_hit", {"implementation": "legacy", "cache_key": str(number)})
    follower.crash(after)
    follower.restart()
    hits(writer, 11)
    follower.poll()
    assert (follower.counted, follower.repeated) == (60 + 230 + 1 + 200 + 100 + 100 + 11, 0)


@pytest.mark.parametrize("after", [0, 1, 4])
def test_a_first_contact_that_breaks_off_goes_on_and_stays_hidden(follower: Tail, rows: Connection, after: int) -> None:
    hits(rows, 300)
    follower.crash(after)
    assert follower.ledger.holding is (after > 0)
    follower.restart()
    hits(rows, 5)
    follower.poll()
    assert (follower.counted, follower.repeated, follower.ledger.holding) == (305, 0, False)


def test_a_first_contact_folds_a_day_and_no_more(follower: Tail, rows: Connection) -> None:
    hits(rows, 10, ago_s=86_400 - 60)
    hits(rows, 20, ago_s=86_400 + 60)
    follower.poll()
    assert follower.counted == 10
    hits(rows, 5, ago_s=86_400 * 3)
    follower.poll()
    assert follower.counted == 15, "after it, a row counts whatever its age"


def test_a_row_that_is_moved_to_the_partition_of_its_day_counts_once(follower: Tail, rows: Connection) -> None:
    follower.poll()
    hits(rows, 20, ago_s=-10 * 86_400)
    follower.poll()
    rejected = follower.ledger.rejected
    rows.execute("select monitoring.make_day('public.cache_metrics', (now() + interval '10 days')::date)")
    hits(rows, 3)
    follower.poll()
    assert (follower.counted, rejected, follower.ledger.rejected) == (3, {"out_of_range": 20}, {"out_of_range": 20})


def test_an_updated_row_does_not_count_again(follower: Tail, rows: Connection) -> None:
    hits(rows, 20)
    follower.poll()
    rows.execute("update public.cache_metrics set metadata = '{\"seen\": true}'")
    follower.poll()
    assert (follower.counted, follower.repeated) == (20, 0)


def test_an_event_that_came_by_another_way_too_counts_once(follower: Tail, rows: Connection) -> None:
    rows.execute(
        "insert into public.cache_metrics (event_id, operation_type, implementation_type) values ('e1', 'hit', 'new')"
    )
    metric(rows, "cache_hit", {"event_id": "e1", "implementation": "new"})
    reported(rows, "cache_hit", {"implementation": "new"}, {"event_id": "e1"})
    reported(rows, "cache_hit", {"implementation": "new"})
    follower.poll()
    assert (follower.counted, follower.repeated) == (2, 2)


def test_what_cannot_be_read_is_counted_by_its_reason(follower: Tail, rows: Connection) -> None:
    metric(rows, "cache_hit", {"implementation": "new", "response_time_ms": -1})
    metric(rows, "cache_hit", {"implementation": 5})
    metric(rows, "cache_hit", [])
    metric(rows, "a_dream", {})
    metric(rows, "cache_hit", {"implementation": "new"})
    rows.execute(
        "insert into public.cache_metrics (operation_type, implementation_type, timestamp) "
        "values ('hit', 'new', 'infinity'), ('hit', 'new', now())"
    )
    ledger = follower.poll()
    assert follower.counted == 2
    assert ledger.rejected == {"out_of_range": 1, "wrong_type": 3, "unknown_kind": 1}


def test_the_tables_of_a_gateway_that_are_not_migrated_are_an_error(follower: Tail, rows: Connection) -> None:
    rows.execute("alter table public.cache_metrics drop column written_in cascade")
    with pytest.raises(psycopg.errors.UndefinedColumn):
        follower.poll()


def test_the_active_baseline_is_shown(follower: Tail, rows: Connection) -> None:
    for active, rate in ((False, 50), (True, 87.5)):
        rows.execute(
            "insert into public.cache_baseline_metrics (implementation_type, baseline_period_start, "
            "baseline_period_end, baseline_hit_rate, baseline_avg_response_time_ms, "
            "baseline_p95_response_time_ms, baseline_error_rate, "
            "hit_rate_stddev, response_time_stddev, sample_size, is_active) "
            "values ('new', now() - interval '14 days', now(), %s, 20, 45, 0.5, 2.5, null, 5000, %s)",
            (rate, active),
        )
    ledger = follower.poll()
    assert ledger.total(series.BASELINE_HIT_RATIO, implementation="new") == 0.875
    assert ledger.total(series.BASELINE_RESPONSE) == 0.02
    assert ledger.total(series.BASELINE_RESPONSE_P95) == 0.045
    assert ledger.total(series.BASELINE_ERROR_RATIO) == 0.005
    assert ledger.total(series.BASELINE_HIT_RATIO_STDDEV) == 0.025
    assert ledger.total(series.BASELINE_SAMPLES) == 5000
    assert not ledger.fold.state.families[series.BASELINE_RESPONSE_STDDEV.name].children
