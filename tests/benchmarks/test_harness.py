"""The harness of each benchmark, with tiny sizes: what comes out is well formed. Times are nobody's business here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import statsd
from benchmarks.catalogue import BENCHMARKS
from benchmarks.figures import Goal, Peer, against, alone, as_table, percentile
from benchmarks.processes import port_answers, running
from benchmarks.workload import EVENT_BYTES, Workload, busy, children, label_sets, series
from exporter.decode.canonical import decode
from exporter.fold.apply import Fold
from exporter.fold.state import State
from exporter.types import Batch

ROOT = Path(__file__).resolve().parent.parent.parent
KEYS = ["name", "value", "unit", "peer", "peer_value", "ratio", "goal", "met"]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=180
    )


@pytest.mark.parametrize("name", BENCHMARKS)
def test_each_benchmark_yields_well_formed_json(name: str) -> None:
    finished = run(name, "--json", "--smoke")
    assert finished.returncode == 0, finished.stderr
    figures: list[dict[str, Any]] = json.loads(finished.stdout)
    assert figures
    for figure in figures:
        assert list(figure) == KEYS
        assert figure["value"] >= 0 or ": added" in figure["name"]  # By chance, less than nothing.
        assert figure["met"] in (True, False, None)
        assert (figure["peer_value"] is None) == (figure["ratio"] is None)


def test_a_name_that_is_not_there_is_an_error_that_lists_those_that_are() -> None:
    finished = run("nonsense")
    assert finished.returncode == 2
    assert "nonsense" in finished.stderr
    assert all(name in finished.stderr for name in BENCHMARKS)


def test_the_list_says_what_each_benchmark_is() -> None:
    lines = run("--list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(BENCHMARKS)
    assert all(len(line.split()) > 4 for line in lines)


def test_a_peer_that_cannot_be_had_is_said_and_not_guessed() -> None:
    missing = Peer("statsd_exporter", None, "Go is not there to build it")
    figure = against("scrape", 3.0, "ms", missing, Goal(4, "≥", times=True))
    assert figure.peer == "statsd_exporter (not measured: Go is not there to build it)"
    assert (figure.peer_value, figure.ratio, figure.met) == (None, None, None)


def test_without_go_statsd_exporter_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(statsd.Missing, match="Go is not there"):
        statsd.binary()


def test_a_ratio_says_how_many_times_better_a_figure_is() -> None:
    goal = Goal(4, "≥", times=True)
    assert against("scrape", 10, "ms", Peer("other", 50), goal).ratio == 5
    assert against("ingest", 50, "events/CPU s", Peer("other", 10), goal).ratio == 5
    assert against("ingest", 30, "events/CPU s", Peer("other", 10), goal).met is False


def test_a_goal_whose_condition_is_not_given_is_neither_met_nor_missed() -> None:
    slow = alone("push acknowledged, p99", 54, "ms", Goal(20, "≤", condition=" where fsync ≤ 5 ms"), applies=False)
    assert slow.met is None
    assert alone("push acknowledged, p99", 54, "ms", Goal(20, "≤")).met is False


def test_the_table_has_a_row_for_each_figure() -> None:
    text = as_table([alone("one", 1234.5, "ms"), against("two", 1, "ms", Peer("other", 2), Goal(4, "≥", times=True))])
    assert "1,234 ms" in text
    assert "other: 2" in text
    assert text.splitlines()[-1].split() == ["two", "1", "ms", "other:", "2", "2.00x", "≥", "4x", "NO"]


def test_the_99th_percentile_of_a_hundred_is_the_last_but_one() -> None:
    assert percentile(range(1, 101), 0.99) == 99
    assert percentile([7], 0.99) == 7


def test_the_workload_is_as_large_and_as_various_as_the_figures_say() -> None:
    narrow, wide = label_sets(200), label_sets(740, 2)
    assert len(narrow) >= 2000
    assert len({labels.connection_type for labels in narrow}) == 5
    assert series(wide) >= 100_000
    assert series(busy(wide)) >= series(wide) / 10
    assert len(busy(wide)) >= 2000


def test_events_are_280_bytes_and_feed_the_series_that_they_are_counted_as() -> None:
    sets = label_sets(20, 2)
    fold = Fold(State())
    for body in Workload(sets).all(50):
        decoded = decode(body, 2e9)
        assert not decoded.rejections
        assert (len(body) - 1) / len(decoded.events) - 1 == EVENT_BYTES
        fold.apply(Batch("http", decoded.events))
    held = {family: held for family, held in fold.state.each() if family.name.startswith("exai_connection_")}
    assert sum(len(found) for found in held.values()) == children(sets)
    assert sum(len(found) * family.series_per_child for family, found in held.items()) == series(sets)


def test_changes_of_functions_change_one_function_each() -> None:
    traffic = Workload(label_sets(20, 2))
    events = decode(traffic.of_functions(30), 2e9).events
    assert len({(event.connection_type, event.function_name) for event in events}) == 30


def test_a_server_that_ends_at_once_is_an_error_with_its_output(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", "raise SystemExit('no such option')"]
    with pytest.raises(RuntimeError, match="no such option"), running(argv, 1, tmp_path):
        pass


def test_a_server_is_ended_when_the_measurement_fails(tmp_path: Path) -> None:
    ports = []

    def measure_something() -> None:
        from benchmarks.processes import exporter

        with exporter(tmp_path) as server:
            ports.append(server.port)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        measure_something()
    assert not port_answers(ports[0])
