"""The board of errors says of an outage what has failed, of that which was tried."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from exporter.fold.apply import Fold
from exporter.fold.state import State
from tests import servers
from tests.blocks import at, prometheus_of
from tests.core.harness import folded, shown
from tests.grafana.live import windows
from tests.grafana.shipped import Target, targets

BEGAN, STEP_S, STEPS = 1_780_000_000, 5, 30
ENDED = BEGAN + STEP_S * STEPS
BY_TITLE: dict[str, list[Target]] = {}
for each in targets():
    if each.board["uid"] == "exai-errors":
        BY_TITLE.setdefault(each.panel["title"], []).append(each)

OPERATIONS: list[tuple[int, dict[str, Any]]] = [
    (70, {"connection_type": "redis", "direction": "receive", "script_name": "storage.py", "function_name": "get"}),
    (10, {"connection_type": "redis", "direction": "receive", "script_name": "storage.py", "function_name": "set"}),
    (2, {"connection_type": "redis", "error": "TimeoutError: 5s", "script_name": "storage.py", "function_name": "set"}),
    (12, {"connection_type": "kimi", "error": "ConnectionError: ", "script_name": "kimi.py", "function_name": "chat"}),
    (6, {"connection_type": "kimi", "error": "TimeoutError: 30s", "script_name": "kimi.py", "function_name": "files"}),
    (20, {"connection_type": "kimi", "direction": "reject", "error": "LimitError: full", "script_name": "kimi.py",
          "function_name": "chat"}),
]  # fmt: skip
"""What happens in each step, and how often: kimi is out, and the gateway turns twenty more of its callers away."""


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Prometheus]:
    """A Prometheus that has two minutes of the outage."""
    with prometheus_of(tmp_path_factory.mktemp("outage"), samples()) as server:
        yield server


def samples() -> Iterator[str]:
    """Yield what the exporter shows of the outage every 5 seconds."""
    fold = Fold(State())
    for now in range(BEGAN, ENDED + 1, STEP_S):
        happened = [
            {"kind": "connection", "direction": "error", "timestamp": now, **operation}
            for count, operation in OPERATIONS
            for _ in range(count)
        ]
        yield from at(shown(folded(happened, fold, received=now).state), now)


def drawn(prometheus: servers.Prometheus, title: str, part: int = 0, **chosen: str) -> dict[str, float]:
    """Return what a panel shows at the end, by the label that its series differ in."""
    target = BY_TITLE[title][part]
    rows = prometheus.query(target.expression(chosen, **windows(target)), at=ENDED)
    return {"".join(row["metric"].values()): pytest.approx(float(row["value"][1]), abs=1e-6) for row in rows}


def test_the_outage_is_that_of_all_operations_of_its_service(prometheus: servers.Prometheus) -> None:
    assert drawn(prometheus, "Error ratio by service") == {"kimi": 1, "redis": 2 / 82}
    assert drawn(prometheus, "Error ratio by function") == {"get": 0, "set": 2 / 12, "chat": 1, "files": 1}
    assert drawn(prometheus, "Errors", 1) == {"": 20 / 100}
    assert drawn(prometheus, "Errors", 1, service="kimi") == {"": 1}
    assert drawn(prometheus, "Errors", 0) == {"": 20 / STEP_S}


def test_types_and_scripts_are_shares_of_the_errors(prometheus: servers.Prometheus) -> None:
    types, scripts = (drawn(prometheus, f"Share of the errors by {label}") for label in ("type", "script"))
    assert types == {"ConnectionError": 12 / 40, "TimeoutError": 8 / 40, "LimitError": 20 / 40}
    assert scripts == {"kimi.py": 38 / 40, "storage.py": 2 / 40}


def test_a_chosen_type_is_divided_among_scripts_and_changes_no_ratio(prometheus: servers.Prometheus) -> None:
    scripts = drawn(prometheus, "Share of the errors by script", error_type="TimeoutError")
    assert scripts == {"kimi.py": 6 / 8, "storage.py": 2 / 8}
    assert drawn(prometheus, "Error ratio by service", error_type="TimeoutError") == {"kimi": 1, "redis": 2 / 82}


@pytest.mark.parametrize("title", BY_TITLE)
def test_no_share_of_the_board_passes_100_percent(title: str, prometheus: servers.Prometheus) -> None:
    for target in BY_TITLE[title]:
        if target.panel["type"] == "timeseries" and target.panel["fieldConfig"]["defaults"]["unit"] == "percentunit":
            rows = prometheus.query(target.expression(None, **windows(target)), at=ENDED)
            assert all(0 <= float(row["value"][1]) <= 1 for row in rows)
