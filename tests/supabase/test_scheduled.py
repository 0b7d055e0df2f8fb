"""The real pg_cron, which needs a minute to come round: the last tests, of what began with the first."""

from __future__ import annotations

from tests.databases import Postgres, prove
from tests.servers import ROOT, wait_until
from tests.supabase.conftest import SCHEDULED


def test_pg_cron_rolls_up_by_itself(postgres: Postgres) -> None:
    with postgres.connect() as connection:

        def rolled_up() -> bool:
            query = "select hits from public.cache_metrics_1min where implementation_type = %s"
            return connection.execute(query, (SCHEDULED,)).fetchone() == (1,)

        wait_until(rolled_up, timeout_s=90, what="pg_cron rolls up")


def test_pgtap_where_pg_cron_is(postgres: Postgres) -> None:
    prove(postgres.dsn(), ROOT / "supabase/tests/scheduled.sql")
