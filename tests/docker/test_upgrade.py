"""The volumes of 0.1.0 are started by the new compose file: nothing that was counted or set is lost."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from exporter.bundle import simulated
from tests.docker import observing
from tests.docker.engine import Engine
from tests.docker.project import FLAVOURS, Flavour, Project, project
from tests.servers import wait_until
from tests.tree import OLD, needs_old

SHOWN = 'gen_ai_client_operation_duration_seconds_count{gen_ai_request_model="kimi-k2"} == 11'
OBSERVATION = """
    insert into public.cache_auditor_observations
      (severity, category, title, description, recommendation, subject, metric_name, metadata)
    values ('warning', 'performance', 't', 'd', 'r', 'legacy', 'hit_rate', '{"simulated": true}')
"""
SECRETS = ("push-token", "admin-token", "grafana-password", "grafana-database-password", "postgres-passfile")


@needs_old
@pytest.mark.parametrize("named", ["compose-1.29", "compose-5"])
def test_counts_secrets_and_rows_are_kept(engine: Engine, named: str) -> None:
    by: Flavour = next(flavour for flavour in FLAVOURS if flavour.name == named)
    with project(engine, FLAVOURS[0], commit=OLD) as old, project(engine, by) as new:
        # 0.1.0 starts nothing where / is not a shared mount.
        engine.share_mounts(shared=True)
        try:
            old.up("--build")
        finally:
            engine.share_mounts(shared=False)
        wait_until(lambda: old.state("exporter") == "healthy" and old.state("postgres") == "healthy", 120, "0.1.0")
        wait_until(lambda: observing.series("up"), 60, "the old Prometheus")
        observing.push(old, "kimi-k2", 11)
        old.exec("redis", "redis-cli", "set", "kept", "yes")
        wait_until(lambda: has_table(old), 60, "the old schema")
        old.exec(
            "postgres",
            *sql("insert into public.cache_metrics (operation_type, implementation_type) values ('hit', 'a')"),
        )
        wait_until(lambda: observing.series(SHOWN), 60, "the calls in the old Prometheus")
        mark_as_of_a_demo(old, by)
        seen_at = time.time()
        before = {name: old.exec("exporter", "cat", f"/var/lib/exai/{name}") for name in SECRETS}
        old.compose("down")

        replace_tree(old.root, new.root)
        assert simulated.WARNING in new.make("up")
        observing.wait_until_healthy(new)
        assert observing.counted("kimi-k2") == 11
        assert {name: new.exec("exporter", "cat", f"/var/lib/exai/{name}") for name in SECRETS} == before
        assert new.exec("redis", "redis-cli", "get", "kept").strip() == "yes"
        assert new.exec("postgres", *sql("select count(*) from public.cache_metrics")).strip() == "1"
        assert observing.series(SHOWN, at=seen_at), "the samples of the old Prometheus"


def mark_as_of_a_demo(bundle: Project, by: Flavour) -> None:
    """Leave what a demo of 0.1 does, here one of its marks, there the other."""
    if by is FLAVOURS[0]:
        (bundle.volume("prometheus-data") / "past.om").touch()
        return
    bundle.exec("postgres", *sql(OBSERVATION))


def has_table(bundle: Project) -> bool:
    """Whether the database has its schema."""
    return "cache_metrics" in bundle.exec("postgres", *sql("select to_regclass('public.cache_metrics')"))


def sql(query: str) -> tuple[str, ...]:
    """A command that asks PostgreSQL as its owner, over the socket, with the password of the container."""
    return ("sh", "-c", 'PGPASSWORD=$(cat /run/*/password) exec psql -U postgres -d exai -Atc "$0"', query)


def replace_tree(old: Path, new: Path) -> None:
    """Put the new version where the old one was, as `git pull` does."""
    shutil.rmtree(old)
    old.symlink_to(new)
