"""What /metrics shows is what Prometheus reads, in both formats, plain and gzip."""

from __future__ import annotations

import gzip
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families

from exporter.conventions import FAMILIES, Kind
from exporter.expose.exposition import Format
from exporter.expose.pages import Page, gzipped, joined
from tests.core.examples import KINDS, READINGS, SOCKET_EXPORT, T, full, gauge, minimal
from tests.core.harness import Running, folded, running, samples, shown, total, view
from tests.core.strategies import batches
from tests.servers import binary

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
TEXT = "text/plain; version=0.0.4; charset=utf-8"
EVERYTHING = [
    full("trace", event_id=None, call_index=1),
    *[full(kind, event_id=None) for kind in KINDS if kind != "gauge"],
    *[gauge(subject, values) for subject, values in READINGS.items()],
    gauge("websocket", SOCKET_EXPORT),
]


@pytest.fixture
def exporter(tmp_path: Path) -> object:
    with running(tmp_path) as found:
        assert found.push(EVERYTHING).get_json()["rejected"] == 0
        yield found


@given(batches)
@settings(max_examples=60, deadline=None)
def test_prometheus_reads_back_exactly_what_was_folded(events: list[dict[str, object]]) -> None:
    state = folded(events).state
    found = samples(shown(state))
    count = 0
    for (name, labels), content in view(state).items():
        family = FAMILIES[name]
        pairs = frozenset(zip(family.labels, labels, strict=True))
        if family.kind is Kind.HISTOGRAM:
            assert found[f"{name}_sum", pairs] == content[0]
            assert found[f"{name}_count", pairs] == sum(content[1])
            running_count = 0
            for bound, held in zip([*map(str, family.buckets), "+Inf"], content[1], strict=True):
                running_count += held
                assert found[f"{name}_bucket", pairs | {("le", bound)}] == running_count
        else:
            assert found[name, pairs] == (content[0] if family.kind is Kind.GAUGE else content)
        count += family.series_per_child
    assert len(found) == count


@given(batches)
@settings(max_examples=40, deadline=None)
def test_openmetrics_reads_back_the_same_samples(events: list[dict[str, object]]) -> None:
    state = folded(events).state
    plain, rich = shown(state), shown(state, Format.OPENMETRICS) + "# EOF\n"
    found = {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in openmetrics_families(rich)
        for sample in family.samples
        if not sample.name.endswith("_created")
    }
    assert found == samples(plain)


def test_what_changes_between_two_scrapes_is_shown_and_the_rest_stays() -> None:
    fold = folded([minimal("http", route=f"/{number}") for number in range(50)])
    before = samples(shown(fold.state))
    folded([minimal("http", route="/7")], fold)
    after = samples(shown(fold.state))
    changed = {key for key in after if after[key] != before.get(key)}
    assert {dict(labels).get("route") for name, labels in changed if name.startswith("exai_http")} == {"/7"}
    assert after == samples(shown(folded([], fold).state))


HOSTILE = ['quote"back\\slash', "{le=}, #", "%d %s", "日本 🙂", "\\n", '\\"', "a'b", " # HELP x"]
HOSTILE += ["\u00a0", "a\u3000", "\u200d"]


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("form", list(Format))
def test_a_hostile_label_value_comes_back_as_it_was(value: str, form: Format) -> None:
    fold = folded([minimal("http", service=value, route=value), minimal("connection", connection_type=value)])
    text = shown(fold.state, form)
    found = list(openmetrics_families(text + "# EOF\n")) if form is Format.OPENMETRICS else None
    keys = (
        [(s.name, s.labels) for family in found for s in family.samples]
        if found
        else [(name, dict(labels)) for name, labels in samples(text)]
    )
    assert {labels["service"] for name, labels in keys if name.startswith("exai_http")} == {value}
    assert {labels["connection_type"] for name, labels in keys if "connection_events" in name} == {value}


def exemplars(text: str) -> dict[str, tuple[str, float, float]]:
    """The exemplars by sample name and bucket: (trace id, value, time)."""
    return {
        f"{sample.name} {sample.labels['le']}": (
            sample.exemplar.labels["trace_id"], sample.exemplar.value, float(sample.exemplar.timestamp),
        )
        for family in openmetrics_families(text)
        for sample in family.samples
        if sample.exemplar
    }  # fmt: skip


def test_a_trace_leaves_its_id_as_the_exemplar_of_its_buckets() -> None:
    fold = folded([minimal("http", trace_id="old", duration_ms=30), minimal("http", trace_id="t9", duration_ms=40)])
    folded([minimal("trace", trace_id="t1")], fold)
    found = exemplars(shown(fold.state, Format.OPENMETRICS) + "# EOF\n")
    assert found == {
        "exai_http_request_duration_seconds_bucket 0.05": ("t9", 0.04, T),
        "exai_request_duration_seconds_bucket 1.0": ("t1", 1.0, T + 1),
    }
    assert "t9" not in shown(fold.state)


@pytest.mark.parametrize("trace_id", ["x" * 121, "two\nlines", "\x00", ""])
def test_a_trace_id_that_no_exemplar_may_hold_is_left_out(trace_id: str) -> None:
    fold = folded([minimal("http", trace_id=trace_id), minimal("trace", trace_id=trace_id)])
    assert exemplars(shown(fold.state, Format.OPENMETRICS) + "# EOF\n") == {}


def test_the_longest_trace_id_that_fits_is_kept() -> None:
    fold = folded([minimal("http", trace_id="x" * 120)])
    assert exemplars(shown(fold.state, Format.OPENMETRICS) + "# EOF\n")


def test_bounds_are_floats(exporter: Running) -> None:
    for accept in ("", "application/openmetrics-text"):
        text = exporter.client.get("/metrics", headers={"Accept": accept}).text
        assert 'le="1.0"' in text
        assert 'le="1"' not in text


def test_promtool_finds_nothing_to_say(exporter: Running) -> None:
    text = exporter.client.get("/metrics").data
    found = subprocess.run([binary("promtool"), "check", "metrics"], input=text, capture_output=True, check=False)
    assert (found.returncode, found.stdout, found.stderr) == (0, b"", b"")


def test_openmetrics_as_it_is_served_parses_and_ends(exporter: Running) -> None:
    text = exporter.client.get("/metrics", headers={"Accept": OPENMETRICS}).text
    assert text.endswith("# EOF\n")
    assert text.count("# EOF") == 1
    names = {family.name for family in openmetrics_families(text)}
    assert {"exai_connection_events", "process_cpu_seconds", "exai_exporter_build_info"} <= names


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", TEXT),
        ("*/*", TEXT),
        ("text/plain", TEXT),
        ("application/openmetrics-text; version=1.0.0,text/plain;q=0.5", OPENMETRICS),
        ("application/openmetrics-text;q=0,text/plain", TEXT),
    ],
)
def test_each_format_has_its_exact_content_type(exporter: Running, accept: str, expected: str) -> None:
    assert exporter.client.get("/metrics", headers={"Accept": accept}).headers["Content-Type"] == expected


@pytest.mark.parametrize("accept", ["text/plain", OPENMETRICS])
def test_the_gzip_body_is_the_plain_body(exporter: Running, accept: str) -> None:
    plain = exporter.client.get("/metrics", headers={"Accept": accept})
    squeezed = exporter.client.get("/metrics", headers={"Accept": accept, "Accept-Encoding": "gzip"})
    assert squeezed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers

    def folded_lines(text: str) -> list[str]:
        return [line for line in text.splitlines() if "exai_exporter" not in line and "process_" not in line]

    assert folded_lines(gzip.decompress(squeezed.data).decode()) == folded_lines(plain.text)
    assert len(squeezed.data) < len(plain.data) / 3


@pytest.mark.parametrize("accepted", ["identity", "gzip;q=0", "deflate"])
def test_a_scraper_that_takes_no_gzip_gets_none(exporter: Running, accepted: str) -> None:
    assert "Content-Encoding" not in exporter.client.get("/metrics", headers={"Accept-Encoding": accepted}).headers


def test_any_pages_make_one_gzip_member() -> None:
    pages = [Page(text) for text in (b"", b"a", b"hello" * 1000, b"", bytes(range(256)) * 300)]
    for _ in range(2):
        assert gzip.decompress(gzipped(pages)) == joined(pages)
    assert gzip.decompress(gzipped([])) == b""
    assert total({}, "nothing") == 0
