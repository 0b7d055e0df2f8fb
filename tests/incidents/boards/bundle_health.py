"""The truth about the board "Bundle health"."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Mapping
from importlib.metadata import version

import psutil
from prometheus_client.parser import text_string_to_metric_families

from exporter.conventions import FAMILIES, Family
from tests.incidents import expected
from tests.incidents.expected import Expected, Rows
from tests.incidents.figures import Figures, any_of
from tests.incidents.moment import Moment
from tests.servers import get_text

UID = "exai-bundle-health"

SOURCES = ("http", "postgres", "postgres_writer")
_NEW = 20
_MEMORY_TOLERATED = 0.1


def process(moment: Moment) -> psutil.Process:
    """Return the exporter, as the operating system knows it."""
    running = moment.story.exporter.process
    assert running
    return psutil.Process(running.pid)


def scraped(moment: Moment) -> Rows:
    """Return that all are scraped."""
    return expected.by("job", dict.fromkeys(("exai-exporter", "prometheus", "alertmanager"), expected.one_of([1])))


def sources(moment: Moment) -> Rows:
    """Return that all sources answer."""
    return expected.by("source", dict.fromkeys(SOURCES, expected.one_of([1])))


def well(moment: Moment) -> Rows:
    """Return that all is well."""
    return expected.alone(expected.one_of([1]))


def build(moment: Moment) -> Rows:
    """Return which exporter runs."""
    about = {("version", version("exai-exporter")), ("python_version", platform.python_version())}
    return {frozenset(about): expected.one_of([1])}


def uptime(moment: Moment) -> Rows:
    """Return the seconds since the exporter began."""
    return expected.alone(expected.around(moment.at - process(moment).create_time(), 2))


def memory(moment: Moment) -> Rows:
    """Return the bytes that the exporter holds."""
    held = process(moment).memory_info().rss
    return expected.alone(expected.around(held, _MEMORY_TOLERATED * held))


def files(moment: Moment) -> Rows:
    """Return how many files the exporter has open; connections come and go."""
    return expected.alone(expected.around(process(moment).num_fds(), 10))


def fullest(moment: Moment) -> Rows:
    """Return how full budgets are: the label sets that a family shows, over those that it may have."""
    shown: Counter[str] = Counter()
    for family in text_string_to_metric_families(get_text(f"{moment.story.exporter.url}/metrics")):
        name = family.name if family.name in FAMILIES else f"{family.name}_total"
        if name in FAMILIES:
            shown[name] += len({frozenset(sample.labels.items()) - _bound(sample.labels) for sample in family.samples})
    target = {("job", "exai-exporter"), ("instance", moment.story.exporter.address)}
    return any_of(
        {frozenset({*target, ("family", name)}): _used(FAMILIES[name], count) for name, count in shown.items()}
    )


def _used(family: Family, held: int) -> Expected:
    """Return the share of a budget; a few more label sets may have come since the last scrape."""
    return expected.around(held / family.budget, _NEW / family.budget)


def _bound(labels: Mapping[str, str]) -> set[tuple[str, str]]:
    """Return the label of a histogram's bucket."""
    return {("le", labels["le"])} if "le" in labels else set()


FIGURES: Figures = {
    ("Scraped", "A"): scraped,
    ("Sources", "A"): sources,
    ("Settings", "A"): well,
    ("Settings", "B"): well,
    ("Settings", "C"): well,
    ("Exporter", "A"): build,
    ("Exporter", "B"): uptime,
    ("Exporter", "C"): memory,
    ("Exporter", "D"): files,
    ("Fullest budgets", "A"): fullest,
}
