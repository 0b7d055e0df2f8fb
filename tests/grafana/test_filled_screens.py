"""Every board in a browser over the recorded gateway: what is empty says what it needs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest

from exporter.bundle.programs import find_grafana
from tests import servers
from tests.grafana.browser import CHROMIUM, Screen, screen
from tests.grafana.recorded_gateway import watched
from tests.grafana.shipped import BOARDS, POSTGRES, WITH_POSTGRES, Json, drawn, filler
from tests.grafana.test_grafana_live import post, settings

FOUND = find_grafana(os.environ)
FULL_WITHIN_S = 120
WITHOUT_ROOM = {"heatmap", "nodeGraph", "state-timeline", "traces"}
"""Types of panels that have a text of their own for no data: their description says what they need."""

pytestmark = [
    pytest.mark.skipif(FOUND is None, reason="no Grafana: set GRAFANA_HOME to one"),
    pytest.mark.skipif(not CHROMIUM, reason="no browser: apt-get install chromium"),
]


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screen]:
    """A browser's window on a Grafana with every board."""
    assert FOUND
    home, port = tmp_path_factory.mktemp("screens"), servers.free_port()
    argv = [str(FOUND.binary), "server", "--homepath", str(FOUND.home)]
    with ExitStack() as stack:
        live = stack.enter_context(watched(home))
        env = {**os.environ, **settings(home, port, live.prometheus.url)}
        ready = servers.answers(port, "/api/health")
        grafana = stack.enter_context(servers.running(argv, ready=ready, log=home / "grafana.log", port=port, env=env))
        post(grafana, "/api/datasources", _data_source(live.database))
        for board in WITH_POSTGRES:
            post(grafana, "/api/dashboards/db", {"dashboard": board, "overwrite": True})
        yield stack.enter_context(screen(grafana.url))


def _data_source(database: str) -> Json:
    parts = urlsplit(database)
    options = {"database": parts.path.removeprefix("/"), "sslmode": "disable"}
    address = {"access": "proxy", "url": f"{parts.hostname}:{parts.port}", "user": "postgres", "jsonData": options}
    return {"uid": "exai-postgres", "name": "EXAI Postgres", "type": POSTGRES, **address}


def unexplained(board: Json, window: Screen) -> dict[str, str]:
    """Return what is wrong with the panels that do not say what they need."""
    declared = {panel["title"]: panel for panel in drawn(board) if filler(panel)}
    return {
        title: fault
        for title, fault in window.faults(board).items()
        if title not in declared or not (fault.startswith("Needs ") or declared[title]["type"] in WITHOUT_ROOM)
    }


@pytest.mark.parametrize("board", BOARDS, ids=[board["uid"] for board in BOARDS])
def test_a_panel_that_is_empty_says_what_it_needs(board: Json, window: Screen) -> None:
    def explained() -> bool:
        window.open(board)
        return not unexplained(board, window)

    servers.wait_until(explained, FULL_WITHIN_S, f"every panel of {board['uid']} is full or says what it needs")
