"""A real Grafana starts with what is shipped, and takes every board and query."""

from __future__ import annotations

import json
import os
import re
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from exporter.bundle.programs import GRAFANA_QUIET, find_grafana
from tests import servers
from tests.databases import Postgres, postgres_server
from tests.grafana import last_week
from tests.grafana.shipped import (
    ALWAYS,
    GRAFANA,
    POSTGRES,
    WITH_POSTGRES,
    Json,
    SqlTarget,
    Target,
    sql_targets,
    targets,
)

TARGETS = list(targets())
SQL_TARGETS = list(sql_targets())
LINES = {
    "exai-semantic-cache-observations": {"legacy", "new", "legacy a week ago", "new a week ago"},
    "exai-alert-history": {"critical", "warning", "info"},
}
"""What is drawn over time on a board that asks Postgres."""
FOUND = find_grafana(os.environ)

pytestmark = pytest.mark.skipif(FOUND is None, reason="no Grafana: set GRAFANA_HOME to one")


@pytest.fixture(scope="module")
def grafana(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    """A Grafana with the shipped provisioning beside an empty Prometheus."""
    home = tmp_path_factory.mktemp("grafana")
    with servers.prometheus_server(home, {}) as prometheus, grafana_server(home, prometheus) as server:
        yield server


def grafana_server(home: Path, prometheus: servers.Prometheus) -> AbstractContextManager[servers.Server]:
    """Run a Grafana with the shipped provisioning over a Prometheus; its files go to `home`."""
    assert FOUND
    port = servers.free_port()
    return servers.running(
        [str(FOUND.binary), "server", "--homepath", str(FOUND.home)],
        ready=servers.answers(port, "/api/health"),
        log=home / "grafana.log",
        port=port,
        env={**os.environ, **settings(home, port, prometheus.url)},
    )


def settings(home: Path, port: int, prometheus_url: str) -> dict[str, str]:
    """Grafana's environment: all it writes goes to `home`, and whoever asks may see everything."""
    return {
        **GRAFANA_QUIET,
        "GF_SERVER_HTTP_ADDR": servers.LOOPBACK,
        "GF_SERVER_HTTP_PORT": str(port),
        "GF_PATHS_DATA": str(home / "data"),
        "GF_PATHS_LOGS": str(home / "log"),
        "GF_PATHS_PLUGINS": str(home / "plugins"),
        "GF_PATHS_PROVISIONING": str(GRAFANA / "provisioning"),
        "GF_AUTH_ANONYMOUS_ENABLED": "true",
        "GF_AUTH_ANONYMOUS_ORG_ROLE": "Admin",
        "GF_LOG_MODE": "console",
        "EXAI_DASHBOARDS_PATH": str(GRAFANA / "dashboards"),
        "PROMETHEUS_URL": prometheus_url,
        "ALERTMANAGER_URL": f"http://{servers.LOOPBACK}:9",
    }


def post(grafana: servers.Server, path: str, body: object) -> Any:
    request = urllib.request.Request(  # noqa: S310
        grafana.url + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310
        return json.load(reply)


def test_the_data_sources_have_their_uids_and_addresses(grafana: servers.Server) -> None:
    sources = {source["uid"]: source for source in servers.get_json(f"{grafana.url}/api/datasources")}
    assert sources.keys() == {"prometheus", "alertmanager"}
    assert sources["prometheus"]["isDefault"]
    assert sources["alertmanager"]["url"] == f"http://{servers.LOOPBACK}:9"


@pytest.mark.parametrize("board", ALWAYS, ids=[board["uid"] for board in ALWAYS])
def test_a_board_is_in_its_folder_as_it_was_written(board: Json, grafana: servers.Server) -> None:
    kept = servers.get_json(f"{grafana.url}/api/dashboards/uid/{board['uid']}")
    assert (kept["meta"]["folderTitle"], kept["meta"]["provisioned"]) == ("EXAI", True)
    assert kept["dashboard"]["panels"] == board["panels"]


def test_provisioning_went_without_a_word_of_complaint(grafana: servers.Server) -> None:
    log = grafana.log.read_text()
    assert re.findall(r"logger=provisioning\S* .*level=(?:warn|error).*", log) == []


@pytest.mark.parametrize("target", TARGETS, ids=map(str, TARGETS))
def test_a_query_is_taken(target: Target, grafana: servers.Server) -> None:
    query = {**target.json, "expr": target.json["expr"], "intervalMs": 5000, "maxDataPoints": 500}
    for variable in target.board["templating"]["list"]:
        query["expr"] = query["expr"].replace(f"${variable['name']}", ".*")
    query["datasource"] = {"type": "prometheus", "uid": "prometheus"}
    body = {"queries": [query], "from": "now-15m", "to": "now"}
    (result,) = post(grafana, "/api/ds/query", body)["results"].values()
    assert (result["status"], result.get("error")) == (200, None)


@pytest.fixture(scope="module")
def grafana_with_postgres(
    grafana: servers.Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[servers.Server]:
    """The same Grafana, with a data source of a Postgres whose caches have a day and a week before it."""
    with postgres_server(tmp_path_factory.mktemp("postgres")) as postgres:
        last_week.remembering(postgres, "boards")
        post(grafana, "/api/datasources", data_source(postgres, "boards"))
        yield grafana


def data_source(postgres: Postgres, database: str) -> Json:
    options = {"database": database, "sslmode": "disable"}
    address = {"access": "proxy", "url": postgres.address, "user": "postgres", "jsonData": options}
    return {"uid": "postgres-of-a-test", "name": "Postgres of a test", "type": POSTGRES, **address}


@pytest.mark.parametrize("board", WITH_POSTGRES, ids=[board["uid"] for board in WITH_POSTGRES])
def test_a_board_that_asks_postgres_is_taken_as_it_was_written(board: Json, grafana: servers.Server) -> None:
    uid = f"test-{board['uid']}"[:40]
    post(grafana, "/api/dashboards/db", {"dashboard": {**board, "uid": uid}, "overwrite": True})
    kept = servers.get_json(f"{grafana.url}/api/dashboards/uid/{uid}")
    assert kept["dashboard"]["panels"] == board["panels"]


@pytest.mark.parametrize("target", SQL_TARGETS, ids=map(str, SQL_TARGETS))
def test_a_question_to_postgres_has_rows(target: SqlTarget, grafana_with_postgres: servers.Server) -> None:
    query = {**target.json, "intervalMs": 5000, "maxDataPoints": 500, "datasource": {"uid": "postgres-of-a-test"}}
    query["rawSql"] = target.filled()
    body = {"queries": [query], "from": "now-24h", "to": "now"}
    (result,) = post(grafana_with_postgres, "/api/ds/query", body)["results"].values()
    assert (result["status"], result.get("error")) == (200, None)
    assert result["frames"]
    assert all(frame["data"]["values"][0] for frame in result["frames"])
    if target.json["format"] == "time_series":
        names = {_name(field) for frame in result["frames"] for field in frame["schema"]["fields"]}
        assert names >= LINES[target.board["uid"]]


def _name(field: Json) -> str:
    return str(field.get("config", {}).get("displayNameFromDS") or field["name"])
