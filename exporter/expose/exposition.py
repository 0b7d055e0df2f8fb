"""Text of children, in the Prometheus format and in OpenMetrics.

Both write the same sample lines; only OpenMetrics has exemplars and creation times, and names counters
without `_total` in their header. References: Prometheus exposition format 0.0.4, OpenMetrics 1.0.
"""

from __future__ import annotations

from enum import IntEnum
from functools import cache
from itertools import accumulate

from exporter.conventions import Family, Kind
from exporter.fold.children import Child, Histogram


class Format(IntEnum):
    """The formats that a scraper may ask for; the values index a segment's pages."""

    TEXT = 0
    OPENMETRICS = 1
    OPENMETRICS_READ_AHEAD = 2
    """OpenMetrics for a Prometheus that stores creation times, with the time 0 where none is known.

    For every sample, that Prometheus reads ahead to the next `_created` of the family. Where there is none it
    reads to the family's end, each time anew: 200 histograms without a creation time take it 6 s a scrape.
    It takes 0 for "none" (measured with 3.14).
    """


_OPENMETRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"
CONTENT_TYPES = {
    Format.TEXT: "text/plain; version=0.0.4; charset=utf-8",
    Format.OPENMETRICS: _OPENMETRICS_TYPE,
    Format.OPENMETRICS_READ_AHEAD: _OPENMETRICS_TYPE,
}

_LABELS = "\0"
"""Where the labels of a child go in its family's template: no label can hold this character."""


@cache
def header(family: Family, form: Format) -> str:
    """The HELP and TYPE lines."""
    name = family.name if form is Format.TEXT else _openmetrics_name(family)
    return f"# HELP {name} {family.help}\n# TYPE {name} {family.kind}\n"


def render(family: Family, child: Child, form: Format) -> str:
    """All sample lines of one child."""
    labels = _label_text(family, child)
    if isinstance(child, Histogram):
        text = _histogram(family, child, labels, form)
    else:
        text = _sample(family.name, labels, child.value)
    if form is Format.TEXT or not (child.created or _needs_an_end(family, form)):
        return text
    # Behind the samples that it is about, where Prometheus looks for it.
    return text + _sample(_created_name(family), labels, child.created)


def _needs_an_end(family: Family, form: Format) -> bool:
    return form is Format.OPENMETRICS_READ_AHEAD and family.kind is not Kind.GAUGE


@cache
def _created_name(family: Family) -> str:
    return f"{_openmetrics_name(family)}_created"


def _openmetrics_name(family: Family) -> str:
    return family.name.removesuffix("_total") if family.kind is Kind.COUNTER else family.name


def _sample(name: str, labels: str, value: float) -> str:
    return f"{name}{{{labels}}} {value!r}\n" if labels else f"{name} {value!r}\n"


def _label_text(family: Family, child: Child) -> str:
    text = _label_template(family) % child.labels
    # Twice the labels' names in quotes, and no backslash: nothing in the values needs escaping.
    if text.count('"') == 2 * len(family.labels) and "\\" not in text:
        return text
    return _label_template(family) % tuple(map(_escape, child.labels))


@cache
def _label_template(family: Family) -> str:
    return ",".join([f'{name}="%s"' for name in family.labels])


def _escape(value: str) -> str:
    # Line breaks never get this far: such a value is `invalid`.
    return value.replace("\\", "\\\\").replace('"', '\\"')


def _histogram(family: Family, child: Histogram, labels: str, form: Format) -> str:
    cumulative = list(accumulate(child.counts))
    template = _template(family, bool(labels), form).replace(_LABELS, labels.replace("%", "%%"))
    if form is Format.TEXT or not family.exemplars:
        return template % (*cumulative, cumulative[-1], child.value)
    marks = child.exemplars or {}
    lines = [value for index, count in enumerate(cumulative) for value in (count, _exemplar(marks.get(index)))]
    return template % (*lines, cumulative[-1], child.value)


def _exemplar(mark: tuple[str, float, float] | None) -> str:
    if mark is None:
        return ""
    trace_id, value, timestamp = mark
    return f' # {{trace_id="{_escape(trace_id)}"}} {value!r} {timestamp!r}'


@cache
def _template(family: Family, labelled: bool, form: Format) -> str:
    separator = _LABELS + "," if labelled else ""
    braces = "{" + _LABELS + "}" if labelled else ""
    mark = "%s" if family.exemplars and form is not Format.TEXT else ""
    bounds = [*(repr(bound) for bound in family.buckets), "+Inf"]
    buckets = "".join(f'{family.name}_bucket{{{separator}le="{bound}"}} %d{mark}\n' for bound in bounds)
    return f"{buckets}{family.name}_count{braces} %d\n{family.name}_sum{braces} %r\n"
