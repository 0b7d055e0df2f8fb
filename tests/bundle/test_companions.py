"""The exporters of others that the native bundle runs."""

from __future__ import annotations

import socket
from collections.abc import Sequence

import pytest

from exporter.bundle import companions, packages
from exporter.bundle.endpoints import Endpoints
from exporter.bundle.layout import Layout
from tests.bundle.conftest import Clone
from tests.servers import wait_until

SUPABASE = {"EXAI_DATABASE_URL": "postgresql://postgres.ref:secret@pooler.example:6543/postgres"}


def test_each_listens_where_prometheus_looks(endpoints: Endpoints, layout: Layout) -> None:
    wanted = companions.companions(endpoints, layout, SUPABASE)
    node, postgres = companions.programs(wanted, layout, pytest.fail)
    assert f"--web.listen-address={endpoints.node}" in node.command
    assert f"--web.listen-address={endpoints.postgres_exporter}" in postgres.command


def test_nothing_watches_a_database_where_there_is_none(endpoints: Endpoints, layout: Layout) -> None:
    assert [each.name for each in companions.companions(endpoints, layout, {})] == ["node"]


def test_postgres_exporter_asks_as_the_login_that_reads(endpoints: Endpoints, layout: Layout) -> None:
    environment = companions.companions(endpoints, layout, SUPABASE)[1].environment
    assert environment == {
        "DATA_SOURCE_URI": "pooler.example:6543/postgres?sslmode=require",
        "DATA_SOURCE_USER": "exai_grafana.ref",
        "DATA_SOURCE_PASS_FILE": str(layout.state / "grafana-database-password"),
    }


def test_there_is_no_second_one_where_one_listens_already(endpoints: Endpoints, layout: Layout) -> None:
    with socket.create_server((endpoints.node.host, endpoints.node.port)):
        assert companions.programs(companions.companions(endpoints, layout, {}), layout, pytest.fail) == []


def test_the_bundle_goes_without_one_that_cannot_be_installed(
    endpoints: Endpoints, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(names: Sequence[str]) -> None:
        raise packages.MissingPackagesError(f"Run: sudo apt-get install {' '.join(names)}")

    monkeypatch.setattr(companions, "find_binary", lambda *_: None)
    monkeypatch.setattr(packages, "ensure", refuse)
    said: list[str] = []
    assert companions.programs(companions.companions(endpoints, layout, {}), layout, said.append) == []
    assert said == ["  nothing watches this machine: Run: sudo apt-get install prometheus-node-exporter"]


def test_the_bundles_own_postgres_is_scraped(clone: Clone) -> None:
    clone.up(EXAI_POSTGRES="native")
    wait_until(lambda: clone.value('pg_up{job="postgres"}') == 1, 40, "PostgreSQL in Prometheus")
    wait_until(lambda: clone.value('pg_database_size_bytes{datname="postgres"}') > 1e6, 40, "its size")
    assert clone.value('sum(pg_stat_activity_count{state="idle",usename!~"exai_grafana"})') > 0
