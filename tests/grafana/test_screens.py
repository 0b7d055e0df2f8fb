"""Every board in a browser, over the whole bundle with its demo: nothing fails, nothing is empty, nobody waits."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress

import pytest

from exporter.bundle.programs import find_grafana
from tests.bundle.conftest import cloned
from tests.grafana.browser import CHROMIUM, Screen, screen
from tests.grafana.shipped import BOARDS, Json
from tests.servers import wait_until

GIVEN, FOUND = os.environ.get("GRAFANA_URL", ""), find_grafana(os.environ)
"""A Grafana that runs on the bundle's data, with user and password in its URL; else the one to run."""

_HAS_DATA_WITHIN_S = 90
_SETTLES_WITHIN_S = 2
_LOADS = 5
"""The first is cold, and a busy machine slows another."""

pytestmark = [
    pytest.mark.skipif(not GIVEN and not FOUND, reason="no Grafana: set GRAFANA_HOME to one, or GRAFANA_URL"),
    pytest.mark.skipif(not CHROMIUM, reason="no browser: apt-get install chromium"),
    pytest.mark.parametrize("board", BOARDS, ids=[board["uid"] for board in BOARDS]),
]


@pytest.fixture(scope="module")
def grafana() -> Iterator[str]:
    """The URL of a Grafana over the demo's data, with who logs in."""
    if GIVEN or not FOUND:
        yield GIVEN
        return
    with cloned() as clone:
        done = clone.run("demo", "--native", GRAFANA_HOME=str(FOUND.home))
        assert done.returncode == 0, done.stdout + done.stderr
        yield clone.grafana


@pytest.fixture(scope="module")
def window(grafana: str) -> Iterator[Screen]:
    """A browser's window on it."""
    with screen(grafana) as opened:
        yield opened


def test_no_panel_of_a_board_fails_or_is_without_data(board: Json, window: Screen) -> None:
    with suppress(AssertionError):
        wait_until(lambda: window.open(board) and not window.faults(board), _HAS_DATA_WITHIN_S)
    assert window.faults(board) == {}


def test_a_warm_board_is_there_within_two_seconds(board: Json, window: Screen) -> None:
    times = [window.open(board)]
    while min(times) >= _SETTLES_WITHIN_S and len(times) < _LOADS:
        times.append(window.open(board))
    said = f"{board['uid']} settled after {min(times):.2f} s at best, warm"
    assert min(times) < _SETTLES_WITHIN_S, said
