"""The weeks before a demo as recorded series, every 5 minutes, in the text that promtool makes blocks of."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import accumulate
from random import Random
from typing import TextIO

from exporter.demo.levels import Alert, Level, Levels, levels
from exporter.demo.past import CALM, DAYS, condition, episodes
from exporter.demo.past_bands import STEP_S, Learned, Values
from exporter.demo.rhythm import DAY_S, busy

_NOISE = 0.03
_FIRES_AFTER_S = 120
_SLO = "connection_type:exai_slo"
_SLOTS = {
    f"{_SLO}_operations:increase5m": f"{_SLO}_failed_operations:increase5m",
    f"{_SLO}_events:increase5m": f"{_SLO}_bad:increase5m",
}
"""What each objective counts in 5 minutes, and what of it is bad."""

Series = tuple[str, Mapping[str, str], Values]
"""Name, labels and values at each moment."""


class Past:
    """What would have been recorded until `until` of a gateway with `rate` requests a second on average.

    The incidents are dated from `now`; both are Unix seconds.
    """

    def __init__(self, until: float, now: float, rate: float, rng: Random) -> None:
        self.times = [until - ago * STEP_S for ago in range(DAYS * DAY_S // STEP_S, -1, -1)]
        self._episodes = episodes(now)
        self._conditions = [condition(self._episodes, at) for at in self.times]
        self._measured: Levels = levels()
        self._traffic = [busy(at) * rate / self._measured.rate for at in self.times]
        self._rng = rng

    def series(self) -> Iterator[Series]:
        """All of it."""
        recorded = {(one.name, *one.labels.items()): one for one in self._measured.series}
        for level in recorded.values():
            values = self._values(level)
            yield level.name, level.labels, values
            if level.name == "subject:exai_band:input":
                yield from self._band(level, values)
        yield from self._budgets()
        for incident, alerts in self._measured.alerts.items():
            yield from (self._firing(incident, alert) for alert in alerts)

    def _values(self, level: Level) -> Values:
        """Its level in the condition of each moment, with the traffic where it follows it, and noise."""
        if level.name.endswith(":code"):
            return [level.values.get(one) for one in self._conditions]
        traffic = self._traffic if level.follows_traffic else [1.0] * len(self.times)
        gauss = self._rng.gauss
        return [
            None if (value := level.values.get(one)) is None else value * share * gauss(1, _NOISE)
            for one, share in zip(self._conditions, traffic, strict=True)
        ]

    def _band(self, level: Level, values: Values) -> Iterator[Series]:
        floor = self._measured.constant("band:exai_band_deviation:floor", band=level.labels["band"])
        multiple = self._measured.constant("subject:exai_threshold:enabled")
        for name, learned in Learned(values, floor, multiple).series.items():
            yield f"subject:exai_band:{name}", level.labels, learned

    def _budgets(self) -> Iterator[Series]:
        """What was left of each error budget: its 30 days begin with this past."""
        slots = {(one.name, *one.labels.items()): one for one in self._measured.series}
        for (name, *labels), total in slots.items():
            if name not in _SLOTS:
                continue
            bad = slots[_SLOTS[name], *labels]
            may = 1 - self._measured.constant(f"{_SLO}_objective:ratio", **total.labels)
            left = zip(self._added_up(total), self._added_up(bad), strict=True)
            yield f"{_SLO}_error_budget:ratio30d", total.labels, [1 - lost / (may * all_) for all_, lost in left]

    def _added_up(self, level: Level) -> Iterator[float]:
        return accumulate(value or 0 for value in self._values(level))

    def _firing(self, incident: str, alert: Alert) -> Series:
        lasting = [
            1.0 if condition(self._episodes, at - _FIRES_AFTER_S) == incident != CALM else None for at in self.times
        ]
        return "ALERTS", {**alert.labels, "alertstate": "firing"}, lasting


def write_past(file: TextIO, past: Past) -> int:
    """Write OpenMetrics, and return how many samples there are."""
    by_name: dict[str, list[Series]] = {}
    for series in past.series():
        by_name.setdefault(series[0], []).append(series)
    samples = 0
    for name, found in by_name.items():
        file.write(f"# TYPE {name} gauge\n")
        for _, labels, values in found:
            lines = [
                f" {value:.6g} {at:.0f}\n" for value, at in zip(values, past.times, strict=True) if value is not None
            ]
            before = name + _selector(labels)
            file.write("".join(before + line for line in lines))
            samples += len(lines)
    file.write("# EOF\n")
    return samples


def _selector(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in labels.items()) + "}"
