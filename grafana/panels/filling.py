"""What fills the panels that a gateway's own events leave empty."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from grafana.panels.asking import Json
from grafana.panels.layout import Line

PAGE = "docs/boards.md"
_URL = "http://127.0.0.1:9464/docs/boards"
"""Where the exporter serves the page; the default of EXAI_EXTERNAL_URL, which the boards do not know."""

_SINGLE_VALUES = {"stat", "gauge", "bargauge"}
"""Types of panels that have no room for a sentence."""


@dataclass(frozen=True, slots=True)
class Filler:
    """Data beyond a gateway's own events, and the section of docs/boards.md that says how to send them.

    A panel of a single value shows `in_short` instead of `needs`: Grafana cuts off what is longer.
    """

    needs: str
    section: str
    in_short: str = ""

    @property
    def brief(self) -> str:
        """The text for a panel that has no room for a sentence."""
        return f"Needs {self.in_short or self.needs}"


TRACES = Filler("request traces", "request-traces", "traces")
CONVERSATIONS = Filler("30 conversations", "conversations")
CACHE = Filler("cache operations", "semantic-cache", "cache")
STORED_CACHE = Filler("cache operations in PostgreSQL", "semantic-cache")
BASELINES = Filler("a cache baseline", "cache-baselines")
HTTP = Filler("HTTP requests", "http-requests", "HTTP")
PREDICTIONS = Filler("predictions", "predictions")
READINGS = Filler("gauge events", "gauge-events", "gauges")
FIRST_CHUNKS = Filler("first-chunk times", "first-chunks")
POSTGRES_SERVER = Filler("postgres_exporter", "postgresql-server")
OUTPUT_TOKENS = Filler("output tokens", "output-tokens")
HISTORY = Filler("a day of history", "history")
LAST_WEEK = Filler("request traces of last week", "last-week", "traces of last week")
ACKNOWLEDGED = Filler("acknowledged alerts", "alerts")
RESOLVED = Filler("resolved alerts", "alerts")


def filled_by(filler: Filler, panel: Json) -> Json:
    """Return the panel with what it needs in place of "No data", and with a link in its description."""
    config = panel["fieldConfig"]
    needs = f"Needs {filler.needs}"
    shown = filler.brief if panel["type"] in _SINGLE_VALUES else f"{needs}: see {PAGE}"
    return {
        **panel,
        **_without_lone_alerts(panel.get("targets", [])),
        "description": f"{panel['description']} {needs}: see [{PAGE}]({_URL}#{filler.section}).",
        "fieldConfig": {
            "defaults": {**config["defaults"], "noValue": shown},
            "overrides": [*config["overrides"], _EMPTY_LINES if panel["type"] == "timeseries" else _EMPTY_CELLS],
        },
    }


def lines_filled_by(filler: Filler, lines: Iterable[Line]) -> list[Line]:
    """Return the lines with `filler` declared for each of their panels that declares none."""
    return [replace(each, panels=[_each_filled_by(filler, panel) for panel in each.panels]) for each in lines]


def _each_filled_by(filler: Filler, panel: Json | tuple[Json, ...]) -> Json | tuple[Json, ...]:
    if isinstance(panel, tuple):
        return tuple(_filled_once(filler, each) for each in panel)
    return _filled_once(filler, panel)


def _filled_once(filler: Filler, panel: Json) -> Json:
    declared = panel["type"] == "row" or "noValue" in panel["fieldConfig"]["defaults"]
    return panel if declared else filled_by(filler, panel)


def _without_lone_alerts(targets: Sequence[Json]) -> Json:
    """Return the targets; the lines where alerts begin are drawn only beside data, or the panel would look healthy."""
    return {"targets": [_beside(targets[0], target) if _is_alert(target) else target for target in targets]}


def _beside(data: Json, alert: Json) -> Json:
    step = {"interval": data["interval"]} if "interval" in data else {}
    return {**alert, **step, "expr": f"{alert['expr']} and on () ({data['expr']})"}


def _is_alert(target: Json) -> bool:
    return str(target.get("legendFormat", "")).split(" ")[-1] == "alert"


def _without_a_value(text: str) -> Json:
    """Return the override that shows `text` in single cells and legends that have no value."""
    return {"matcher": {"id": "byRegexp", "options": "/.*/"}, "properties": [{"id": "noValue", "value": text}]}


_EMPTY_CELLS = _without_a_value("")
_EMPTY_LINES = _without_a_value("-")
"""Grafana reads the text as a number and draws it in gaps; an empty one is 0."""
