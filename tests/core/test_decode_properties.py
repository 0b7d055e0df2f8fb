"""Whatever comes, exactly the good events of a batch are taken, and what is bad is named where it stood."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.decode.canonical import decode
from exporter.decode.gateway import decode_member
from exporter.decode.split import array_items
from exporter.types import Refused
from tests.core.examples import KINDS, NOW, full, minimal
from tests.core.test_decode_rejections import BAD

GOOD = [json.dumps(form(kind)).encode() for kind in KINDS for form in (minimal, full)]
Item = tuple[bool, bytes]


def items(no_lines: bool) -> st.SearchStrategy[list[Item]]:
    """Batches of good (True) and bad items."""
    bad = [item for item, _, _ in BAD.values() if not (no_lines and b"\n" in item)]
    one = st.one_of(st.tuples(st.just(True), st.sampled_from(GOOD)), st.tuples(st.just(False), st.sampled_from(bad)))
    return st.lists(one, max_size=12)


def expect(batch: list[Item], body: bytes, ndjson: bool) -> None:
    alone = [decode(item, NOW).events[0] for good, item in batch if good]
    found = decode(body, NOW, ndjson=ndjson)
    assert list(found.events) == alone
    assert [rejection.index for rejection in found.rejections] == [
        index for index, (good, _) in enumerate(batch) if not good
    ]


@given(items(no_lines=False), st.sampled_from([b",", b" ,\n ", b",\t"]))
@settings(max_examples=150, deadline=None)
def test_an_array_yields_exactly_its_good_events_in_their_order(batch: list[Item], separator: bytes) -> None:
    expect(batch, b" [" + separator.join(item for _, item in batch) + b"]\n", ndjson=False)


@given(items(no_lines=True), st.sampled_from([b"\n", b"\n\n", b"\r\n"]))
@settings(max_examples=150, deadline=None)
def test_lines_yield_exactly_their_good_events_in_their_order(batch: list[Item], separator: bytes) -> None:
    expect(batch, separator.join(item for _, item in batch) + b"\n", ndjson=True)


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.lists(json_values), st.booleans(), st.sampled_from([None, 1]))
@settings(max_examples=200, deadline=None)
def test_an_array_is_cut_where_json_cuts_it(values: list[Any], ascii_only: bool, indent: int | None) -> None:
    body = json.dumps(values, ensure_ascii=ascii_only, indent=indent).encode("utf-8", "surrogatepass")
    assert [json.loads(item) for item in array_items(body)] == values


@given(st.binary(max_size=200) | st.text(alphabet='[]{},:"\\ntf0e.-', max_size=60).map(str.encode), st.booleans())
@settings(max_examples=500, deadline=None)
def test_any_bytes_are_decoded_or_refused(body: bytes, ndjson: bool) -> None:
    with suppress(Refused):
        decode(body, NOW, ndjson=ndjson)


@given(st.recursive(json_values, lambda inner: st.lists(inner, max_size=3)), st.sampled_from(KINDS))
@settings(max_examples=200, deadline=None)
def test_any_value_in_any_field_is_taken_or_named(value: Any, kind: str) -> None:
    for field in full(kind):
        found = decode(json.dumps({**full(kind), field: value}).encode(), NOW)
        assert len(found.events) + len(found.rejections) == 1


@given(st.binary(max_size=200) | json_values.map(json.dumps).map(str.encode))
@settings(max_examples=300, deadline=None)
def test_any_sorted_set_member_is_decoded_or_refused(member: bytes) -> None:
    with suppress(Refused):
        decode_member(member, NOW)
