"""The page that lists the values of gauge events. The series of each value is found by folding an event that has it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import inspect as inspection

from exporter.conventions import Family, Kind
from exporter.events import Reading
from exporter.fold.subjects import measured
from exporter.gauge_values import BY_SUBJECT

_NAME = "<name>"
_INSTANCE = "<instance>"
_UNITS = {"_ms": "milliseconds", "_seconds": "seconds", "_bytes": "bytes", "_ratio": "ratio", "_tokens": "tokens"}
_READ_AS = {Kind.GAUGE: "level", Kind.COUNTER: "running total"}

ValuePath = tuple[str, ...]
Fed = tuple[Family, tuple[str, ...], float]
"""A series: its family, the values of its labels, and its own value."""


def gauge_page(made: str) -> str:
    """Return the page, which begins with the comment `made`."""
    subjects = "\n".join(_section(subject, shape) for subject, shape in BY_SUBJECT.items())
    return f"""{made}
# Values of gauge events

What `values` of an event with `"kind": "gauge"` may hold, by its `subject` ([events.md](events.md)). Every value may be
left out. `{_NAME}` stands for a name of your own, `{_INSTANCE}` for the event's `instance`.

A level sets a gauge. A running total raises a counter by what it has grown since the last event of the same `instance`;
a smaller total counts as a restart. A text is a label of the other values' series.

{subjects}"""


def _section(subject: str, shape: type[msgspec.Struct]) -> str:
    rows = "\n".join(_row(shape, path, info) for path, info in _leaves(inspection.type_info(shape)))
    return f"""## `{subject}`

{inspect.getdoc(shape)}

| value | type | unit | read as | series |
| --- | --- | --- | --- | --- |
{rows}
"""


def _leaves(
    info: inspection.Type, path: ValuePath = (), within: tuple[type, ...] = ()
) -> Iterator[tuple[ValuePath, inspection.Type]]:
    """Yield the path and the type of each value; a shape inside itself is one value."""
    match info:
        case inspection.UnionType():
            (given,) = (kind for kind in info.types if not isinstance(kind, inspection.NoneType))
            yield from _leaves(given, path, within)
        case inspection.DictType():
            yield from _leaves(info.value_type, (*path, _NAME), within)
        case inspection.StructType() if info.cls not in within:
            for field in info.fields:
                yield from _leaves(field.type, (*path, field.encode_name), (*within, info.cls))
        case _:
            yield path, info


def _row(shape: type[msgspec.Struct], path: ValuePath, info: inspection.Type) -> str:
    unit = "none"
    match info:
        case inspection.StructType():
            kind, read_as, series = "object", "the values of this table", "the same, for each name"
        case inspection.StrType():
            kind, read_as, series = "text", "label", f"label `{_label(shape, path)}`"
        case inspection.LiteralType():
            kind = ", ".join(f"`{text}` ({_fed(shape, path, text)[2]:g})" for text in info.values)
            read_as, series = _series(_fed(shape, path, info.values[0]))
        case _:
            kind = "integer" if isinstance(info, inspection.IntType) else "number"
            unit = next((unit for part, unit in _UNITS.items() if part in path[-1]), "count")
            unit = "0 to 1" if getattr(info, "le", None) == 1 else unit
            read_as, series = _series(_fed(shape, path, 1))
    return f"| `{'.'.join(path)}` | {kind} | {unit} | {read_as} | {series} |"


def _series(fed: Fed) -> tuple[str, str]:
    """Return how a value is read, and the series that it feeds."""
    family, values, _ = fed
    labels = ", ".join(f'{label}="{value}"' for label, value in zip(family.labels, values, strict=True))
    return _READ_AS[family.kind], f"`{family.name}{f'{{{labels}}}' if labels else ''}`"


def _label(shape: type[msgspec.Struct], path: ValuePath) -> str:
    """Return the label that a text is the value of."""
    leaves = _leaves(inspection.type_info(shape))
    numbers = {leaf[0]: 1 for leaf, info in leaves if isinstance(info, inspection.IntType)}
    found = {
        label
        for family, labels, _ in _measured(shape, {**numbers, path[0]: _NAME})
        for label, value in zip(family.labels, labels, strict=True)
        if value == _NAME
    }
    (label,) = found
    return label


def _fed(shape: type[msgspec.Struct], path: ValuePath, value: float | str) -> Fed:
    """Return the one series that a value feeds; ValueError if it feeds none."""
    nested: Any = value
    for key in reversed(path):
        nested = {key: nested}
    (fed,) = _measured(shape, nested)
    return fed


def _measured(shape: type[msgspec.Struct], values: dict[str, Any]) -> list[Fed]:
    reading = Reading(instance=_INSTANCE, timestamp=0, values=msgspec.convert(values, shape))
    return [(family, labels, value) for _, family, labels, value in measured(reading) if value is not None]
