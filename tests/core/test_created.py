"""`_created` names the time at which a series was made, so that Prometheus 3 counts its first increase."""

from __future__ import annotations

import gzip
import json
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from exporter.conventions import FAMILIES, Kind
from exporter.decode.canonical import decode
from exporter.expose.exposition import CONTENT_TYPES, Format
from exporter.fold.apply import Fold
from exporter.fold.children import NO_PAGES
from exporter.fold.state import State
from exporter.fold.store import open_store
from exporter.state_dir import STORE
from exporter.types import Batch
from tests.core.examples import T, minimal
from tests.core.harness import Running, folded, running, shown, view
from tests.core.strategies import batches
from tests.data.record_state import EVERYTHING, UNSAVED
from tests.servers import ROOT, wait_until

LATER = T + 1000
RECORDED = ROOT / "tests/data/state_0.1.0.sqlite3.gz"
OPERATIONS = "exai_connection_operations"
OPENMETRICS = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8"
PROTOBUF = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
OF_PROMETHEUS = f"{OPENMETRICS};q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.2"
"""What Prometheus 3 asks for; with `created-timestamp-zero-ingestion`, protobuf comes first."""
READING_AHEAD = f"{PROTOBUF};q=0.6,{OF_PROMETHEUS}"

Created = dict[tuple[str, frozenset[tuple[str, str]]], float]
"""When a series was made, by the name of its family in OpenMetrics and its labels."""


def created(openmetrics: str) -> Created:
    """The `_created` samples of a text; each must stand behind the samples that it is about."""
    found: Created = {}
    for family in text_string_to_metric_families(openmetrics if "# EOF" in openmetrics else openmetrics + "# EOF\n"):
        seen = set()
        for sample in family.samples:
            labels = frozenset(sample.labels.items() - {("le", sample.labels.get("le"))})
            if sample.name == f"{family.name}_created":
                assert labels in seen
                found[family.name, labels] = sample.value
            else:
                assert (family.name, labels) not in found
                seen.add(labels)
    return found


def of(exporter: Running, accept: str = OF_PROMETHEUS) -> Created:
    """Scrape a running exporter for its creation times."""
    return created(exporter.client.get("/metrics", headers={"Accept": accept}).text)


def by_function(found: Created, family: str = "exai_connection_events") -> dict[str, float]:
    """When the series of each function were made."""
    return {dict(labels)["function"]: at for (name, labels), at in found.items() if name == family}


def connection(function: str, **changed: object) -> dict[str, object]:
    """An event of its own series."""
    return minimal("connection", function_name=function, **changed)


def decoded(*functions: str) -> Sequence[Any]:
    """Events of these functions, for a batch that the test makes itself."""
    return decode(json.dumps([connection(function) for function in functions]).encode(), T).events


class Setting:
    """A clock that the test sets."""

    def __init__(self, now: float = T) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def is_running_total(name: str) -> bool:
    """Whether a counter follows a total that the gateway counts itself."""
    return name.startswith(("exai_websocket_", "exai_semaphore_leaks"))


@given(batches)
@settings(max_examples=40, deadline=None)
def test_what_counts_events_says_when_it_was_made_and_nothing_else_does(events: list[dict[str, object]]) -> None:
    state = folded(events, received=LATER).state
    expected = {
        (name.removesuffix("_total"), frozenset(zip(FAMILIES[name].labels, labels, strict=True))): LATER
        for name, labels in view(state)
        if FAMILIES[name].kind is not Kind.GAUGE and not is_running_total(name)
    }
    assert created(shown(state, Format.OPENMETRICS)) == expected
    assert "_created" not in shown(state)


def test_it_is_when_the_batch_arrived_however_old_its_events_are_and_however_long_the_series_lives() -> None:
    fold = folded([connection("first", timestamp=T - 86_000)], received=T)
    folded([connection("first"), connection("second")], fold, received=LATER)
    assert by_function(created(shown(fold.state, Format.OPENMETRICS))) == {"first": T, "second": LATER}


def test_milliseconds_are_kept_and_no_more() -> None:
    text = shown(folded([connection("f")], received=T + 0.1234567).state, Format.OPENMETRICS)
    labels = 'connection_type="kimi",direction="send",script="unknown",function="f"'
    assert f"exai_connection_events_created{{{labels}}} {T + 0.123}\n" in text


def test_a_series_that_was_made_at_an_unknown_time_has_none() -> None:
    fold = Fold(State())
    fold.apply(Batch("http", decoded("unknown")))
    folded([connection("known")], fold, received=T)
    assert by_function(created(shown(fold.state, Format.OPENMETRICS))) == {"known": T}


def test_a_running_total_that_began_before_its_first_report_has_none() -> None:
    fold = folded([minimal("gauge", subject="semaphore", values={"total_leaks_detected": 3})], received=T)
    assert view(fold.state)["exai_semaphore_leaks_total", ()] == 3
    folded([connection("f")], fold, received=T)
    found = created(shown(fold.state, Format.OPENMETRICS))
    assert "exai_semaphore_leaks" not in {name for name, _ in found}
    assert by_function(found) == {"f": T}


def test_an_overflow_was_made_when_the_first_value_became_other() -> None:
    fold = Fold(State({"exai_connection_events_total": 1}))
    for number in range(3):
        folded([connection(f"f{number}")], fold, received=T + number)
    assert by_function(created(shown(fold.state, Format.OPENMETRICS))) == {"f0": T, "other": T + 1}


def catching_up(exporter: Running, function: str, still: bool = True) -> None:
    """A batch of a source that has a day of history to bring, and perhaps comes to its end."""
    exporter.app.loop.submit(Batch("redis_zset", decoded(function), received=T, catching_up=still))


def test_the_series_of_a_first_contact_have_none_and_those_of_others_have(tmp_path: Path) -> None:
    with running(tmp_path, Setting()) as exporter:
        catching_up(exporter, "history")
        exporter.push([connection("pushed")])
        assert by_function(of(exporter)) == {"pushed": T}
        catching_up(exporter, "the end", still=False)
        assert exporter.value("exai_connection_events_total", function="history") == 1
        assert by_function(of(exporter)) == {"pushed": T}
    with running(tmp_path, Setting(LATER)) as exporter:
        exporter.push([connection("history"), connection("new")])
        assert by_function(of(exporter)) == {"pushed": T, "new": LATER}


def test_it_is_kept_through_restarts(tmp_path: Path) -> None:
    clock = Setting()
    with running(tmp_path, clock) as exporter:
        exporter.push(EVERYTHING)
        before = of(exporter)
    clock.now = LATER
    for _ in range(2):
        with running(tmp_path, clock) as exporter:
            exporter.push(EVERYTHING)
            assert before
            assert before.items() <= of(exporter).items()
            assert set(of(exporter).values()) <= {T, LATER}


def test_a_series_that_only_the_journal_knew_was_made_when_its_push_arrived(tmp_path: Path) -> None:
    clock = Setting()
    with running(tmp_path / "state", clock, checkpoint_interval_s=300) as exporter:
        clock.now = T + 1
        exporter.push([connection("f")])
        shutil.copytree(tmp_path / "state", tmp_path / "killed")
    with running(tmp_path / "killed", Setting(LATER)) as exporter:
        assert by_function(of(exporter)) == {"f": T + 1}


@pytest.fixture
def of_0_1(tmp_path: Path) -> Iterator[Path]:
    """A state directory that exporter 0.1.0 has left."""
    (tmp_path / "state").mkdir(mode=0o700)
    (tmp_path / "state" / STORE).write_bytes(gzip.decompress(RECORDED.read_bytes()))
    return tmp_path / "state"


def test_the_state_of_0_1_is_read_and_its_series_have_none(of_0_1: Path) -> None:
    clock = Setting(LATER)
    for _ in range(2):
        with running(of_0_1, clock, gauge_ttl_s=1e6) as exporter:
            found = of(exporter)
            counts = view(folded([*EVERYTHING, *UNSAVED], received=T).state)
            for (name, labels), content in counts.items():
                if not name.startswith(("exai_exporter", OPERATIONS)):
                    assert view(exporter.app.loop._fold.state)[name, labels] == content
            assert exporter.value("exai_connection_events_total", connection_type="of a first contact") == 1
            # The journal says when they arrived, and nothing of them had been saved.
            assert by_function(found) == {"unknown": T, "only in the journal": T}
            # The ages of events are new since 0.1, and counted of the journal only.
            assert {name for name, _ in found} == {"exai_connection_events", "exai_exporter_event_age_seconds"}
    with running(of_0_1, clock) as exporter:
        exporter.push([connection("new"), *EVERYTHING])
        found = of(exporter)
        assert by_function(found) == {"unknown": T, "only in the journal": T, "new": LATER}
        # Operations are new since 0.1: they are counted from 0, and only from now on.
        assert by_function(found, OPERATIONS) == {"f": LATER}
        assert exporter.value(f"{OPERATIONS}_total", outcome="error") == 1
        assert exporter.value("exai_connection_errors_total", connection_type="kimi") == 2


def test_the_store_of_0_1_becomes_one_that_0_1_refuses(of_0_1: Path) -> None:
    open_store(of_0_1 / STORE).close()
    upgraded = sqlite3.connect(of_0_1 / STORE)
    assert upgraded.execute("PRAGMA user_version").fetchone() == (3,)
    (table,) = upgraded.execute("SELECT sql FROM sqlite_master WHERE name = 'child'").fetchone()
    assert "created REAL" in table
    upgraded.close()


def test_a_future_time_is_forgotten_when_the_clock_is_set_back(tmp_path: Path) -> None:
    clock = Setting()
    with running(tmp_path, clock) as exporter:
        exporter.push([connection("right")])
        clock.now = LATER
        exporter.push([connection("wrong")])
        assert by_function(of(exporter)) == {"right": T, "wrong": LATER}
        clock.now = T + 10
        wait_until(lambda: by_function(of(exporter)) == {"right": T}, what="the future is forgotten")
    with running(tmp_path, Setting(LATER + 1)) as exporter:
        assert by_function(of(exporter)) == {"right": T}


def test_a_saved_future_time_is_forgotten_at_the_start(tmp_path: Path) -> None:
    with running(tmp_path, Setting(LATER)) as exporter:
        exporter.push([connection("wrong")])
    with running(tmp_path, Setting(T)) as exporter:
        wait_until(lambda: by_function(of(exporter)) == {}, what="the future is forgotten")
        assert exporter.value("exai_connection_events_total", function="wrong") == 1


@given(st.lists(st.tuples(batches, st.sampled_from(Format), st.booleans()), max_size=6))
@settings(max_examples=40, deadline=None)
def test_a_page_of_one_format_is_never_taken_for_another(
    steps: list[tuple[list[dict[str, object]], Format, bool]],
) -> None:
    fold = Fold(State())
    for events, form, known in steps:
        found = decode(json.dumps(events).encode(), LATER).events
        fold.apply(Batch("http", found, received=LATER if known else 0.0))
        cached = shown(fold.state, form)
        for held in fold.state.families.values():
            for segment in held.segments:
                segment.pages = NO_PAGES
        fold.state.shown_in = None
        assert cached == shown(fold.state, form)


def test_a_prometheus_that_reads_ahead_finds_an_end_behind_every_series() -> None:
    fold = Fold(State())
    fold.apply(Batch("http", decoded("unknown")))
    folded([connection("known"), minimal("gauge", values={"active_sessions": 1})], fold, received=T)
    found = created(shown(fold.state, Format.OPENMETRICS_READ_AHEAD))
    assert by_function(found) == {"unknown": 0, "known": T}
    kinds = {family.name.removesuffix("_total"): family.kind for family in FAMILIES.values()}
    assert {kinds[name] for name, _ in found} == {Kind.COUNTER, Kind.HISTOGRAM}


@pytest.mark.parametrize(
    ("accept", "unknown"),
    [
        (OF_PROMETHEUS, {}),
        (READING_AHEAD, {"unknown": 0.0}),
        (f"{OPENMETRICS};q=0.9,{PROTOBUF};q=0.1", {}),
        (PROTOBUF, {}),
    ],
)
def test_only_one_that_prefers_protobuf_is_taken_to_read_ahead(
    tmp_path: Path, accept: str, unknown: dict[str, float]
) -> None:
    with running(tmp_path, Setting()) as exporter:
        exporter.app.loop.submit(Batch("http", decoded("unknown")))
        reply = exporter.client.get("/metrics", headers={"Accept": accept})
        form = Format.TEXT if accept is PROTOBUF else Format.OPENMETRICS
        assert reply.headers["Content-Type"] == CONTENT_TYPES[form]
        assert by_function(of(exporter, accept) if form else {}) == unknown


def test_no_family_is_named_like_a_creation_time() -> None:
    for family in FAMILIES.values():
        assert not any(name.endswith("_created") for name in (family.name, *family.series_names))
