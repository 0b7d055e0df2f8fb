"""The header that carries a trace from one process to the next."""

from __future__ import annotations

import os
import random
import uuid

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exporter.client.ids import ids
from exporter.client.traceparent import (
    TraceParent,
    as_trace_id,
    current,
    new_span_id,
    new_trace_id,
    stand_at,
    stand_back,
)
from tests.client.doubles import child_succeeds, fork

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
HEADER = f"00-{TRACE}-{SPAN}-01"

digits = st.text("0123456789abcdef", min_size=1)
trace_ids = st.integers(1, 2**128 - 1).map(lambda number: f"{number:032x}")
span_ids = st.integers(1, 2**64 - 1).map(lambda number: f"{number:016x}")


def test_the_standards_own_example_is_read() -> None:
    assert TraceParent.parse(HEADER) == TraceParent(TRACE, SPAN, sampled=True)
    assert TraceParent.parse(HEADER[:-1] + "0") == TraceParent(TRACE, SPAN, sampled=False)


@given(trace_ids, span_ids, st.booleans())
def test_what_is_written_is_read_back(trace_id: str, span_id: str, sampled: bool) -> None:
    parent = TraceParent(trace_id, span_id, sampled)
    assert TraceParent.parse(str(parent)) == parent
    assert len(str(parent)) == 55


@given(
    st.text() | st.from_regex(r"[0-9a-fA-F]{2}-[0-9a-fA-F]{32}-[0-9a-fA-F]{16}-[0-9a-fA-F]{2}.{0,3}", fullmatch=True)
)
@example(f"00-{TRACE}-{SPAN}-01\n")
def test_what_is_read_is_what_the_header_says(header: str) -> None:
    parent = TraceParent.parse(header)
    if parent is not None:
        version, trace_id, span_id, flags = header.split("-")[:4]
        assert (parent.trace_id, parent.span_id) == (trace_id, span_id)
        assert parent.sampled == bool(int(flags, 16) % 2)
        assert version != "ff"
        assert version > "00" or len(header) == 55
        assert header == header.lower() or version > "00"


@pytest.mark.parametrize(
    "header",
    [
        "",
        HEADER.upper(),
        HEADER[:-1],
        HEADER + "0",
        HEADER + "-",
        HEADER + "-00",
        HEADER + "\n",
        " " + HEADER,
        "ff" + HEADER[2:],
        "0" + HEADER,
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[:-1]}g-{SPAN}-01",
        f"00-{TRACE}-{SPAN[:-1]}-01",
        f"00_{TRACE}_{SPAN}_01",
        f"00-{TRACE}-{SPAN}-0x",
        f"\N{ARABIC-INDIC DIGIT ZERO}0-{TRACE}-{SPAN}-01",
        f"01-{TRACE}-{SPAN}-01.x",
    ],
)
def test_an_invalid_header_is_none(header: str) -> None:
    assert TraceParent.parse(header) is None


@pytest.mark.parametrize("header", [None, 7, b"00", ["x"]])
def test_what_is_no_text_is_none(header: object) -> None:
    assert TraceParent.parse(header) is None  # type: ignore[arg-type]


@pytest.mark.parametrize("header", [f"01-{TRACE}-{SPAN}-01", f"cc-{TRACE}-{SPAN}-01-what the future brings"])
def test_a_later_version_is_read_as_far_as_it_is_known(header: str) -> None:
    assert TraceParent.parse(header) == TraceParent(TRACE, SPAN)


@given(st.text())
@example("é\udc80")
def test_any_name_has_one_valid_trace_id(name: str) -> None:
    trace_id = as_trace_id(name)
    assert trace_id == as_trace_id(name)
    assert TraceParent.parse(f"00-{trace_id}-{SPAN}-01") is not None


def test_a_uuid_is_a_trace_id() -> None:
    name = uuid.uuid4()
    assert as_trace_id(str(name)) == name.hex
    assert as_trace_id(str(name).upper()) == name.hex


def test_an_application_that_seeds_its_randomness_repeats_no_id() -> None:
    made = set()
    for _ in range(10):
        random.seed(1)
        made.add(new_trace_id())
    assert len(made) == 10


def test_ids_are_new_each_time_and_never_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len({new_trace_id() for _ in range(1000)}) == len({new_span_id() for _ in range(1000)}) == 1000
    monkeypatch.setattr(ids, "_bits", lambda _: 0)
    assert TraceParent.parse(str(TraceParent(new_trace_id(), new_span_id()))) is not None


def test_a_forked_child_makes_other_ids_than_its_parent() -> None:
    read, write = os.pipe()
    child = fork()
    if child == 0:
        os.write(write, new_trace_id().encode())
        os._exit(0)
    assert child_succeeds(child)
    assert os.read(read, 32).decode() != new_trace_id()
    os.close(read)
    os.close(write)


def test_where_the_code_stands_is_set_back() -> None:
    parent = TraceParent(TRACE, SPAN)
    before = stand_at(parent)
    assert current.get() is parent
    stand_back(before)
    stand_back(stand_at(None))
    assert current.get() is None
