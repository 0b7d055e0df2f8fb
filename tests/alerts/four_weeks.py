"""Four weeks of a gateway: slices of the demo's traffic, as many at once as the hour of the week wants.

Each slice is 4 minutes of the real demo through the real fold: at 5, Prometheus 3 would not look back at the one
before. Eight hours of calm and two of each incident are enough: the weeks are drawn from them with a seed.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from random import Random

from exporter.conventions import Kind
from exporter.decode.canonical import decode
from exporter.demo.incidents import INCIDENTS, Schedule
from exporter.demo.traffic import Traffic
from exporter.expose.exposition import Format, render
from exporter.fold.apply import Fold
from exporter.fold.state import State
from exporter.settings import Settings
from exporter.timeouts.estimator import Estimator
from exporter.types import Batch
from tests.promql import rules, series_names

SLICE_S, HOUR_S, DAY_S, WEEK_S = 240, 3600, 86_400, 604_800
END_S = 4 * WEEK_S
LASTS_S = 3360
"""Seconds of an incident."""

INCIDENT_AT = {name: 3 * WEEK_S + day * DAY_S + 10 * HOUR_S for day, name in enumerate(INCIDENTS)}
"""In the fourth week, from Monday to Friday, at ten: seconds since the first Monday."""

_BEFORE_S = 1920
"""Seconds of calm before, that count for nothing."""

_DRAWN_FROM_S, _CALM_DRAWN_FROM_S = 7200, 86_400
"""Seconds of an incident, and of calm, that slices are cut from.

In two hours of calm, timeouts cut off 1.9 % of one model's calls by chance, and weeks drawn from them repeat that. In a
day it is up to 1.3 %.
"""

_RATE = 0.5
_MOST_SLICES = 8
_EPOCH = 1_700_000_000.0
_UNTOLD = {"script", "function", "direction", "route", "method", "request_type", "scope", "gen_ai_operation_name"}
"""Labels that no rule tells apart."""

_UNTOLD_IN = {
    "exai_cache_response_seconds": {"operation"},
    "exai_http_request_duration_seconds": {"status"},
    "gen_ai_client_operation_duration_seconds_bucket": {"error_type"},
}
"""Labels that no rule tells apart in series that begin like this."""

_REPORTED = "exai_websocket_"
"""What sockets count themselves: as much, however many requests there are."""

_ASKED_FOR = (0.1, 0.5, 60, math.inf)
"""The bounds of objectives, and of all."""

_WAITED = "exai_exporter_event_age_seconds"
"""A slice is folded at its end, so ages here say how long its events waited for that."""

_BOUND = re.compile(r'le="([^"]*)"')
_LABEL = re.compile(r'(\w+)="([^"]*)"')
_WANTED = {name for rule in rules() for name in series_names(rule["expr"]) if not name.startswith(_WAITED)}

Slice = Mapping[str, float]
"""By how much each counter rises in 4 minutes."""


@dataclass(frozen=True, slots=True)
class Weeks:
    """What is scraped every `step_s` seconds from `since_s` to the end, of the series that begin with `prefixes`.

    Traffic and weeks are drawn with `seed`.
    """

    seed: int
    since_s: int
    step_s: int
    prefixes: tuple[str, ...] = ("",)

    def series(self) -> Iterator[dict[str, str]]:
        """The input of a promtool test, in which time counts from `since_s`."""
        calm, levels = _slices(None, self.seed)
        incidents = {name: _slices(name, self.seed)[0] for name in INCIDENTS}
        names = [name for name in _telling([calm, *incidents.values()]) if name.startswith(self.prefixes)]
        columns = zip(*self._weeks(names, calm, incidents), strict=True)
        for name, rises in zip(names, columns, strict=True):
            yield {"series": name, "values": " ".join(self._rising(rises))}
        for name, value in levels.items():
            if name.startswith(self.prefixes):
                newest = name.startswith("exai_connection_last_event")
                yield self.constant(name, f"0+{self.step_s}" if newest else repr(value))

    def cut_off_shares(self) -> dict[str, float]:
        """Return the share of each model's calm calls that took longer than their timeout."""
        total: Counter[str] = sum(map(Counter, _slices(None, self.seed)[0]), Counter())
        outcomes: dict[str, Counter[str]] = {}
        for name, value in total.items():
            if name.startswith("exai_timeout_outcomes_total"):
                labels = dict(_LABEL.findall(name))
                outcomes.setdefault(labels["model"], Counter())[labels["outcome"]] += value
        return {model: counts["exceeded"] / counts.total() for model, counts in outcomes.items()}

    def constant(self, name: str, value: str) -> dict[str, str]:
        """A series that has one value all the time, or rises by as much at each step."""
        return {"series": name, "values": f"_ {value}x{(END_S - self.since_s) // self.step_s}"}

    def _rising(self, rises: Sequence[float]) -> Iterator[str]:
        yield "_"
        value, many = 0.0, SLICE_S // self.step_s
        for rise in rises:
            yield f"{value:.10g}+{rise / many:.6g}x{many - 1}" if rise else f"{value:.10g}x{many - 1}"
            value += rise

    def _weeks(
        self, names: Sequence[str], calm: Sequence[Slice], incidents: Mapping[str, Sequence[Slice]]
    ) -> Iterator[list[float]]:
        """Yield by how much all series rise in each slice."""
        usual = _rows(names, calm)
        unusual = {name: _rows(names, slices) for name, slices in incidents.items()}
        rng = Random(self.seed)
        for start in range(self.since_s, END_S, SLICE_S):
            on = next((incident for incident, at in INCIDENT_AT.items() if at <= start < at + LASTS_S), None)
            rows = rng.sample(unusual[on] if on else usual, max(1, round(_MOST_SLICES * _rhythm(start))))
            columns = zip(names, zip(*rows, strict=True), strict=True)
            yield [column[0] if name.startswith(_REPORTED) else sum(column) for name, column in columns]


def _rows(names: Sequence[str], slices: Sequence[Slice]) -> list[list[float]]:
    return [[each.get(name, 0) for name in names] for each in slices]


def _rhythm(start: int) -> float:
    """More by day than by night, and on weekdays than at weekends; 1 at most."""
    by_day = 1 - 0.6 * math.cos(2 * math.pi * (start % DAY_S) / DAY_S)
    return by_day / 1.6 * (0.5 if start % WEEK_S >= 5 * DAY_S else 1)


def _telling(stories: Sequence[Sequence[Slice]]) -> list[str]:
    """The names, but for buckets in which nothing is, nor in their neighbour above, and for which no rule asks."""
    total = sum((Counter(each) for slices in stories for each in slices), Counter[str]())
    kept = [name for name in total if "_bucket{" not in name]
    histograms: dict[str, list[tuple[float, str]]] = {}
    for name in total.keys() - set(kept):
        histograms.setdefault(_BOUND.sub("", name), []).append((_bound(name), name))
    for buckets in histograms.values():
        rows = [(0.0, ""), *sorted(buckets), (math.inf, "")]
        for (_, below), (bound, name), (_, above) in zip(rows, rows[1:], rows[2:], strict=False):
            if bound in _ASKED_FOR or total[above] > total[below]:
                kept.append(name)
    return sorted(kept)


def _bound(name: str) -> float:
    found = _BOUND.search(name)
    assert found
    return float(found[1])


@cache
def _slices(incident: str | None, seed: int) -> tuple[list[Slice], dict[str, float]]:
    """Slices of calm, or of an incident after some calm, and the levels at the end."""
    lasts_s = _DRAWN_FROM_S if incident else _CALM_DRAWN_FROM_S
    schedule = Schedule((incident,) if incident else (), _BEFORE_S, lasts_s)
    traffic = Traffic(Random(seed), _EPOCH, _RATE, schedule.conditions)
    fold = Fold(State(), {}, Estimator(Settings().timeouts))
    ends = range(_BEFORE_S, _BEFORE_S + lasts_s + 1, SLICE_S)
    seen = [_fold_until(fold, traffic, _EPOCH + end) for end in ends]
    rises = [
        {name: value - before[name] for name, value in after.items() if value > before[name]}
        for before, after in pairwise(seen)
    ]
    return rises, dict(_values(fold, counted=False))


def _fold_until(fold: Fold, traffic: Traffic, now: float) -> Counter[str]:
    lines = b"\n".join(json.dumps(event).encode() for event in traffic.until(now))
    events = decode(lines, now, ndjson=True, most=1_000_000).events
    fold.apply(Batch("demo", events, received=now))
    return Counter(dict(_values(fold, counted=True)))


def _values(fold: Fold, counted: bool) -> Iterator[tuple[str, float]]:
    """The counters that rules read, or the gauges."""
    total: Counter[str] = Counter()
    for family, children in fold.state.each():
        if (family.kind is Kind.GAUGE) is counted or not _WANTED & set(family.series_names):
            continue
        for line in (line for child in children for line in render(family, child, Format.TEXT).splitlines()):
            name, _, value = line.rpartition(" ")
            told = _told(name)
            if told.partition("{")[0] in _WANTED:
                total[told] += float(value)
    yield from total.items()


def _told(name: str) -> str:
    """The series without the labels that no rule tells apart."""
    family, brace, labels = name.partition("{")
    untold = _UNTOLD.union(*(each for start, each in _UNTOLD_IN.items() if family.startswith(start)))
    kept = [f'{label}="{value}"' for label, value in _LABEL.findall(labels) if label not in untold]
    return f"{family}{{{','.join(kept)}}}" if brace else family
