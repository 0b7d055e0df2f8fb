"""What several transactions at once may not spoil: tails, roll-ups and notifications."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import psycopg
import pytest

from tests.servers import wait_until
from tests.supabase.conftest import Connection, Fresh

HIT = "insert into public.cache_metrics (event_id, operation_type, implementation_type) values (%s, 'hit', 'new')"
EARLY = """
    insert into public.cache_metrics (event_id, operation_type, implementation_type, timestamp)
    values (%s, 'hit', 'new', now() + %s * interval '1 day')
"""
TAIL = """
    select written_in::text, id, event_id from public.cache_metrics
    where (written_in, id) > (%s::text::xid8, %s::uuid) and written_in < pg_snapshot_xmin(pg_current_snapshot())
    order by written_in, id limit %s
"""
"""What a tail reads: behind its position, and below the oldest transaction that is open."""

Open = Callable[[], Connection]
START = ("0", "00000000-0000-0000-0000-000000000000")


@pytest.fixture
def another(fresh: Fresh) -> Iterator[Open]:
    """Opens connections to one database that has the schema."""
    dsn = fresh()
    with ExitStack() as stack:
        yield lambda: stack.enter_context(psycopg.connect(dsn, autocommit=True))


def tail(connection: Connection, limit: int = 1000) -> list[object]:
    """The event ids in the order in which a tail sees them, `limit` at a time."""
    position, seen = START, []
    while rows := connection.execute(TAIL, (*position, limit)).fetchall():
        position = (str(rows[-1][0]), str(rows[-1][1]))
        seen += [row[2] for row in rows]
    return seen


def waits_for_a_lock(observer: Connection, connection: Connection) -> bool:
    """Whether a connection waits for another transaction now."""
    query = "select wait_event_type = 'Lock' from pg_stat_activity where pid = %s"
    return observer.execute(query, (connection.info.backend_pid,)).fetchone() == (True,)


def test_a_transaction_that_commits_late_is_not_missed(another: Open) -> None:
    late, early, reader = another(), another(), another()
    late.execute("begin")
    late.execute(HIT, ("late",))
    early.execute(HIT, ("early",))
    assert tail(reader) == []
    late.execute("commit")
    assert tail(reader) == ["late", "early"]


def test_a_large_transaction_is_read_by_pages(another: Open) -> None:
    connection = another()
    connection.execute("""
        insert into public.cache_metrics (event_id, operation_type, implementation_type, timestamp)
        select i::text, 'hit', 'new', now() - i * interval '1 hour' from generate_series(1, 100) i""")
    seen = tail(connection, limit=7)
    assert len(seen) == 100
    assert set(seen) == {str(i) for i in range(1, 101)}


def test_a_transaction_that_commits_late_is_rolled_up(another: Open) -> None:
    late, other = another(), another()
    late.execute("begin")
    late.execute(HIT, ("late",))
    other.execute(HIT, ("early",))
    other.execute("call monitoring.roll_up()")
    late.execute("commit")
    other.execute("call monitoring.roll_up()")
    assert other.execute("select sum(hits) from public.cache_metrics_1min").fetchone() == (2,)


def test_who_brings_a_minute_up_to_date_waits_for_who_does_so_already(another: Open) -> None:
    first, second, observer = another(), another(), another()
    roll_up = "select monitoring.roll_up_cache_minutes(array(select timestamp from public.cache_metrics))"
    first.execute("begin")
    first.execute(HIT, ("first",))
    first.execute(roll_up)
    # One minute for both, whatever the clock does meanwhile.
    second.execute("begin")
    second.execute("insert into public.cache_metrics (operation_type, implementation_type, timestamp) "
                   "values ('hit', 'new', %s)", first.execute("select now()").fetchone())  # fmt: skip
    with ThreadPoolExecutor(1) as pool:
        rolled_up = pool.submit(second.execute, roll_up)
        wait_until(lambda: waits_for_a_lock(observer, second), what="the second waits")
        first.execute("commit")
        rolled_up.result()
    second.execute("commit")
    assert observer.execute("select sum(hits) from public.cache_metrics_1min").fetchone() == (2,)


def test_whoever_listens_is_woken_once_a_transaction(another: Open) -> None:
    listener, writer = another(), another()
    listener.execute("listen exai_rows")
    with writer.transaction():
        writer.execute(HIT, ("a",))
        writer.execute(HIT, ("b",))
        writer.execute("select public.insert_monitoring_event('x', now(), 'x', '{}')")
        writer.execute("select public.aggregate_metrics('[]')")
    woken = [notification.payload for notification in listener.notifies(timeout=10, stop_after=3)]
    assert sorted(woken) == ["monitoring.metrics_raw", "monitoring.monitoring_events", "public.cache_metrics"]


def test_days_are_made_while_rows_come_in(another: Open) -> None:
    writer, keeper = another(), another()
    days = 20
    with ThreadPoolExecutor(1) as pool:

        def write() -> None:
            for i in range(400):
                writer.execute(EARLY, (str(i), i % days))

        written = pool.submit(write)
        for ahead in range(8, days):
            keeper.execute("select monitoring.make_days(now(), %s)", (ahead,))
        written.result()
    keeper.execute("select monitoring.make_days(now(), %s)", (days,))
    assert keeper.execute("select count(*), count(distinct event_id) from public.cache_metrics").fetchone() == (
        400,
        400,
    )
    assert keeper.execute("select count(*) from monitoring_days.cache_metrics_default").fetchone() == (0,)


def test_upkeep_never_deadlocks_with_who_writes_to_several_tables(another: Open) -> None:
    writer, keeper, observer = another(), another(), another()
    writer.execute("set deadlock_timeout = '10ms'")
    observer.execute("delete from monitoring.retention where not daily")
    writer.execute("begin")
    writer.execute("select public.insert_monitoring_event('x', now(), 'x', '{}')")
    with ThreadPoolExecutor(1) as pool:
        kept = pool.submit(keeper.execute, "call monitoring.maintain(now() + interval '1 day')")

        wait_until(lambda: waits_for_a_lock(observer, keeper), what="maintenance waits for the writer")
        writer.execute("select public.aggregate_metrics(%s)", ('[{"type": "x", "data": {}, "timestamp": 1790000000}]',))
        writer.execute("commit")
        kept.result()
