"""A point of a chart opens the trace that it is of: from the exporter through Prometheus to a real Grafana's link."""

from __future__ import annotations

import json
import os
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from exporter.bundle.programs import find_grafana
from tests import servers
from tests.grafana.shipped import BOARDS, GRAFANA, Json, Target, targets
from tests.grafana.test_grafana_live import post, settings

FOUND = find_grafana(os.environ)
TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
ASKED = [target for target in targets() if target.json["exemplar"] and target.board["uid"] == "exai-request-flow"]

pytestmark = pytest.mark.skipif(FOUND is None, reason="no Grafana: set GRAFANA_HOME to one")


@pytest.fixture(scope="module")
def grafana(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    """A Grafana that is provisioned as beside a Postgres, with a Prometheus that has seen one request."""
    assert FOUND
    home, port = tmp_path_factory.mktemp("exemplars"), servers.free_port()
    argv = [str(FOUND.binary), "server", "--homepath", str(FOUND.home)]
    (home / "grafana-database-password").write_text("secret")
    with ExitStack() as stack:
        exporter = stack.enter_context(servers.exporter_server(home))
        prometheus = stack.enter_context(servers.prometheus_server(home, {"exai-exporter": [exporter.address]}))
        push(exporter, home)
        servers.wait_until(lambda: prometheus.query("exai_requests_total"), what="the request is scraped")
        env = {**os.environ, **settings(home, port, prometheus.url), **beside_postgres(home)}
        ready = servers.answers(port, "/api/health")
        log = home / "grafana.log"
        yield stack.enter_context(servers.running(argv, ready=ready, log=log, port=port, env=env))


def beside_postgres(home: Path) -> dict[str, str]:
    database = {"URL": "/nowhere", "DATABASE": "postgres", "USER": "exai_grafana", "SSLMODE": "disable"}
    return {
        "GF_PATHS_PROVISIONING": str(GRAFANA / "provisioning-postgres"),
        "EXAI_POSTGRES_DASHBOARDS_PATH": str(GRAFANA / "dashboards-postgres"),
        **{f"GRAFANA_POSTGRES_{name}": value for name, value in database.items()},
        "GRAFANA_POSTGRES_PASSWORD": f"$__file{{{home}/grafana-database-password}}",
    }


def push(exporter: servers.Server, home: Path) -> None:
    """Sends one request, with a span in a layer."""
    end = time.time()
    times = {"start_time": end - 2, "end_time": end}
    event = {
        "kind": "trace", "trace_id": TRACE_ID, "tool_name": "chat", "status": "success", "call_index": 3,
        "spans": [{"layer": "ai_api", **times}], **times,
    }  # fmt: skip
    token = (home / "state/push-token").read_text().strip()
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    request = urllib.request.Request(f"{exporter.url}/api/v1/events", json.dumps(event).encode(), headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310
        assert reply.status == 202


def exemplars(grafana: servers.Server, target: Json) -> set[str]:
    """The ids of the traces that a panel's points are of."""
    query = {**target, "expr": target["expr"].replace("$tool", ".*"), "intervalMs": 5000, "maxDataPoints": 500}
    query["datasource"] = {"type": "prometheus", "uid": "prometheus"}
    (result,) = post(grafana, "/api/ds/query", {"queries": [query], "from": "now-15m", "to": "now"})["results"].values()
    found = set()
    for frame in result["frames"]:
        names = [field["name"] for field in frame["schema"]["fields"]]
        if "trace_id" in names:
            found |= set(frame["data"]["values"][names.index("trace_id")])
    return found


@pytest.mark.parametrize("target", ASKED, ids=map(str, ASKED))
def test_a_point_is_of_the_request_that_it_stands_for(target: Target, grafana: servers.Server) -> None:
    servers.wait_until(lambda: exemplars(grafana, target.json) == {TRACE_ID}, what=str(target))


def test_its_link_leads_to_a_board_that_reads_the_id_from_its_address(grafana: servers.Server) -> None:
    source = servers.get_json(f"{grafana.url}/api/datasources/uid/prometheus")
    (destination,) = source["jsonData"]["exemplarTraceIdDestinations"]
    assert destination["name"] == "trace_id"
    link = urllib.parse.urlsplit(destination["url"].replace("${__value.raw}", TRACE_ID))
    (board,) = (board for board in BOARDS if link.path == f"/d/{board['uid']}")
    chosen = urllib.parse.parse_qs(link.query)
    assert chosen == {"var-trace_id": [TRACE_ID]}
    assert "trace_id" in {variable["name"] for variable in board["templating"]["list"]}
    assert servers.get_json(f"{grafana.url}/api/dashboards/uid/{board['uid']}")["meta"]["provisioned"]
